"""A business of the sandbox in memory, read without HTTP, and a map in a dictionary."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from clearbooks.contract import load_contract
from clearbooks.errors import NotFoundError, RejectedError
from clearbooks.replies import Reply
from clearbooks_sandbox import AccountingEngine
from target_clearbooks.intent import Intent, Mapped
from target_clearbooks.ledger.lookups import Lookups
from target_clearbooks.prepare.preparer import Preparer
from target_clearbooks.prepare.resolver import Resolver
from target_clearbooks.settings import TargetSettings
from target_clearbooks.source_key import referred
from target_clearbooks.store.ledger_map import Applied
from tests import ledger as sandbox
from tests.ledger import COST, SALES, STANDARD


class EngineClient:
    """`get` of the client, answered by the engine. Counts requests by operation."""

    def __init__(self, engine, business):
        self.engine, self.business, self.asked = engine, business, Counter()
        self.params = []
        self.executor = ThreadPoolExecutor(1)

    def get(self, operation_id, params=None, *, business_id=None):
        assert business_id == self.business
        operation = self.engine._operations[operation_id]
        params = params or {}
        path = {k: v for k, v in params.items() if k in operation.path_parameters}
        query = {k: v for k, v in params.items() if k not in path and v is not None}
        self.asked[operation_id] += 1
        self.params.append((operation_id, dict(params)))
        reply = self.engine.call(operation_id, business_id=self.business, params=path, query=query)
        if reply.status == 303:
            newer = {_id(operation): reply.headers["Location"].rpartition("/")[2]}
            return self.get(operation_id, params | newer, business_id=business_id)
        if reply.status == 404:
            raise NotFoundError(operation_id, 404)
        if reply.status >= 400:
            raise RejectedError(operation_id, reply.status)
        return Reply(reply.status, reply.headers, reply.body, operation.path)


def _id(operation):
    return operation.path_parameters[-1]


class Map:
    """A ledger map in memory."""

    def __init__(self):
        self.found, self.alike, self.new = {}, {}, set()
        self.allocated = SimpleNamespace(of=lambda _stream, _remote_id: [])

    def set(self, stream, key, remote_id, *, voided=False):
        self.found[stream, key] = Mapped(stream, key, remote_id, (remote_id,), voided)

    def find(self, stream, source_key):
        return self.found.get((stream, source_key))

    def marked(self, _stream, _marker):
        return []

    def named(self, _stream, _source_key):
        return None

    def applied(self, stream, source_key):
        found = self.find(stream, source_key)
        return found and Applied(found, "hash", "record", self.alike.get((stream, source_key)))

    def owner(self, stream, remote_id):
        return next(iter(self.owners(stream, remote_id)), None)

    def owners(self, stream, remote_id):
        return [
            m.source_key
            for m in self.found.values()
            if (m.stream, m.remote_id) == (stream, remote_id)
        ]

    def said_new(self, stream, source_key):
        return (stream, source_key) in self.new

    def keys_of(self, external_id):
        return referred(external_id)

    def look_up(self, stream, *keys):
        key = next((key for key in keys if (stream, key) in self.found), keys[0])
        return key, self.applied(stream, key)

    def refer(self, stream, external_id):
        _, found = self.look_up(stream, *self.keys_of(external_id))
        return found and found.mapped


class Ledger(sandbox.Ledger):
    """A business, and everything needed to prepare records for it."""

    def __init__(self, engine, business):
        super().__init__(engine, business)
        self.client = EngineClient(engine, business)
        self.lookups = Lookups(self.client, business)
        self.map = Map()
        self._preparers = {}

    def prepare(self, stream, record, key=None, **settings):
        """The outcome of a record; settings are those of `TargetSettings`."""
        asked = TargetSettings(**settings)
        which = repr(asked)
        if which not in self._preparers:
            resolver = Resolver(self.lookups, self.map, asked, self.business)
            self._preparers[which] = Preparer(resolver)
        key = key or str(record.get("externalId", '["1"]'))
        return self._preparers[which].prepare(stream, record, key)

    def body(self, stream, record, key=None, **settings):
        """The body of the intent that a record becomes."""
        outcome = self.prepare(stream, record, key, **settings)
        assert isinstance(outcome, Intent), outcome
        return outcome.body

    def faults(self, stream, record, key=None, **settings):
        """The reasons against a record, as one text."""
        outcome = self.prepare(stream, record, key, **settings)
        assert not isinstance(outcome, Intent), outcome
        return "\n".join(outcome.reasons)

    def create(self, intent):
        """Carry out an intent, as the engine of the target would."""
        verb = "create" if intent.operation in ("create", "post") else "update"
        operation = load_contract().resources[intent.stream].operation(verb)
        body = {"items": [intent.body]} if operation.body == "items" else intent.body
        return self.do(operation.id, body, **intent.params)


def line(price=100, account=SALES, rate=STANDARD, quantity=1, **fields):
    """A line of a record, whose price may be anything."""
    return {**sandbox.line(0, account, rate, quantity), "unitPrice": price, **fields}


def invoice(customer, *lines, **fields):
    """A record of an invoice."""
    return {
        "externalId": "I1",
        "date": "2024-03-01",
        "vatTreatment": "UK",
        "customer": customer,
        "lineItems": list(lines or [line()]),
        **fields,
    }


def bill(supplier, *lines, **fields):
    """A record of a bill."""
    return {
        "externalId": "B1",
        "date": "2024-03-01",
        "vatTreatment": "UK",
        "supplier": supplier,
        "lineItems": list(lines or [line(account=COST)]),
        **fields,
    }


@pytest.fixture
def engine():
    made = AccountingEngine()
    yield made
    made.close()


@pytest.fixture
def ledger(engine):
    made = Ledger(engine, engine.add_business("Test Limited"))
    yield made
    made.lookups.close()
