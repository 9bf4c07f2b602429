"""A loaded copy of a ledger beside the ledger itself, and runs of the tap that end at any point.

Requests of the tap go to the sandbox in this process, so that hundreds of runs take seconds.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import threading
from urllib.parse import urlsplit

import requests

from clearbooks.client import Client
from clearbooks.contract import load_contract
from clearbooks.dates import period_of
from clearbooks_sandbox import AccountingEngine, Options, create_app
from clearbooks_sandbox.dialects import Dialects
from tap_clearbooks.streams import STREAMS, resource
from tap_clearbooks.tap import TapClearbooks
from tests.tap_clearbooks.bookkeeper import TODAY
from tests.tap_clearbooks.conftest import Collector, select

NAMES = tuple(name for name, spec in STREAMS.items() if spec.selected)
PAGE = 10
_catalogs = {}


class KilledError(Exception):
    """The run ends here, as by SIGKILL."""


class Direct:
    """In the place of a client's HTTP session: the sandbox answers in this process."""

    def __init__(self, app, most=None):
        self.api, self.most = app.state.api, most
        self.lock = threading.Lock()
        self.asked = 0

    def request(self, method, url, *, headers, data=None, **_):
        parts = urlsplit(url)
        sent = []

        async def receive():
            return {"type": "http.request", "body": data or b""}

        async def send(message):
            sent.append(message)

        scope = {
            "method": method,
            "path": parts.path,
            "query_string": parts.query.encode(),
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
        }
        with self.lock:
            self.asked += 1
            if self.most is not None and self.asked > self.most:
                raise KilledError
            try:
                self.api(scope, receive, send).send(None)
            except StopIteration:
                pass
            except ConnectionResetError:
                raise requests.ConnectionError from None
        reply = requests.Response()
        reply.status_code, reply.url = sent[0]["status"], url
        reply.headers.update({k.decode(): v.decode() for k, v in sent[0]["headers"]})
        reply._content = sent[1]["body"]
        reply.request = requests.Request(method, url).prepare()
        return reply

    def close(self):
        pass


class Tap(TapClearbooks):
    """The tap over `Direct`."""

    direct: Direct

    def connect(self):
        client = Client(self.connection)
        client._session = self.direct
        client.pacer.wait = lambda: 0.0
        return client


class Copy:
    """A ledger, tables that runs of the tap load, and the state of each of these runs.

    Args:
        engine: The ledger.
        directory: For the token store.
        settings: Of the tap.
        method: The replication method of all streams, in place of the usual ones.
        runs: The businesses of each run, None for all; several runs load the same tables.
    """

    def __init__(self, engine, directory, runs=(None,), names=NAMES, method=None, **settings):
        self.engine, self.directory, self.names, self.settings = engine, directory, names, settings
        self.method = method
        self.app = create_app(engine, Options(pages=False))
        self.runs = runs
        self.businesses = [n for run in runs for n in run or engine.business_ids()]
        self.states = [{} for _ in runs]
        self.rows = {name: {} for name in names}
        self.days = 0

    def run(self, *, number=0, most_requests=None, most_bytes=None, **settings):
        """One run, loaded: whether it came to its end."""
        writer = Collector()
        config = {
            "access_token": "sandbox-access-token",
            "api_url": "http://127.0.0.1:9/v1",
            "token_url": "http://127.0.0.1:9/oauth/token",
            "token_store": str(self.directory / "tokens.json"),
            "page_size": PAGE,
            **self.settings,
            **settings,
        }
        if self.runs[number]:
            config["business_ids"] = list(self.runs[number])
        if most_bytes is not None:
            out = writer._out

            def limited(data):
                out(data)
                if len(writer.data) > most_bytes:
                    writer.data = writer.data[:most_bytes]
                    raise KilledError

            writer._out = limited
        key = (*self.names, self.method)
        if key not in _catalogs:
            methods = dict.fromkeys(self.names, self.method) if self.method else {}
            _catalogs[key] = select(self.names, **methods)
        # Copies, since the SDK writes into both.
        state = json.loads(json.dumps(self.states[number]))
        tap = Tap(
            config=config,
            state=state,
            catalog=json.loads(json.dumps(_catalogs[key])),
            message_writer=writer,
        )
        tap.direct = Direct(self.app, most_requests)
        window = tap.run.window
        later = dt.timedelta(days=self.days)
        tap.run.__dict__["window"] = dataclasses.replace(
            window, now=window.now + later, today=window.today
        )
        ended = True
        try:
            tap.sync_all()
        except KilledError:
            ended = False
        finally:
            tap.close()
        assert not tap.plan.failures
        self.asked = tap.direct.asked
        whole, _, _ = writer.data.rpartition(b"\n")
        self.size = len(whole)
        for line in whole.splitlines():
            self.load(json.loads(line), number)
        return ended

    def load(self, message, number):
        """Upsert by key, as warehouses do; a tombstone is a row that is marked."""
        if message["type"] == "RECORD":
            record = message["record"]
            key = tuple(record[field] for field in resource(message["stream"]).key)
            self.rows[message["stream"]][key] = record
        elif message["type"] == "STATE":
            self.states[number] = message["value"]

    def differences(self, stale):
        """Stream -> key -> (row of the copy, record of the ledger), where the two differ.

        Args:
            stale: Stream and key -> fields that may still be as they were. A draft whose `date`
                changed may be missing, or still there, where there is a `start_date`.
        """
        found = {}
        for name in self.names:
            truth = ledger(self.engine, name, self.businesses, **self.settings)
            copy = {
                key: plain(row)
                for key, row in self.rows[name].items()
                if not row.get("_sdc_deleted_at")
            }
            for key in truth.keys() | copy.keys():
                fields = stale.get((name, *key), set())
                here, there = copy.get(key, {}), truth.get(key, {})
                moved = "date" in fields and "start_date" in self.settings
                if moved or without(here, fields - {"date"}) == without(there, fields - {"date"}):
                    continue
                found.setdefault(name, {})[key] = (here, there)
        return found


class Recorder(Copy):
    """Keeps the messages of its runs, too."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.written = [[]]

    def load(self, message, number):
        self.written[-1].append(json.dumps(message))
        super().load(message, number)


def without(record, fields):
    return {name: value for name, value in record.items() if name not in fields}


def plain(value):
    """Without what is null, at any depth."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if v is not None}
    return [plain(item) for item in value] if isinstance(value, list) else value


def listed(engine, operation, business, *, page=200, query=(), **params):
    """All records of a listing, asked of the engine itself."""
    number, found = 1, []
    while True:
        asked = {"limit": page, "page": number, **dict(query)} if page else dict(query)
        reply = engine.call(operation, business_id=business, params=params, query=asked)
        assert reply.ok, reply.body
        if "other-statuses" in engine.dialects:
            # Words are loaded as they come; other dialects are only spellings.
            words = Dialects(["other-statuses"])
            reply = words.rewrite_reply(load_contract().operations[operation], reply)
        records = json.loads(reply.body)
        found += records
        if not page or len(records) < page:
            return found
        number += 1


def ledger(engine, name, businesses, start_date=None, end_date=None, **_):
    """The records of a stream as the ledger has them, by key, without what is null."""
    found = {}
    for business in businesses:
        for record in _records(engine, name, business, start_date, end_date):
            whole = {"businessId": business, **record}
            found[tuple(whole[field] for field in resource(name).key)] = plain(whole)
    return found


def _records(engine, name, business, start, end):
    what = resource(name)
    operation = what.operations["list"].id
    if name == "businesses":
        records = listed(engine, operation, business, page=None)
        return [record for record in records if record["id"] == business]
    if name == "transaction_lines":
        return [
            {
                "transactionId": t["id"],
                "lineNumber": n,
                "accountingDate": t["accountingDate"],
                **line,
            }
            for t in _records(engine, "transactions", business, start, end)
            for n, line in enumerate(t["lines"], 1)
        ]
    if name == "account_balances":
        return list(_balances(engine, operation, business, start, end))
    if name.startswith("vat_"):
        return list(_vat(engine, name, business))
    if name.endswith("_attachments"):
        return list(_attachments(engine, what, operation, business))
    records = listed(engine, operation, business, **what.fixed)
    field = "accountingDate" if name == "transactions" else "date"
    return [
        record
        for record in records
        if field not in record or (start or "") <= record[field] <= (end or "9999")
    ]


def _balances(engine, operation, business, start, end):
    days = [
        dt.date.fromisoformat(t["accountingDate"])
        for t in listed(engine, "listTransactions", business)
    ]
    if not days:
        return
    first, last = min(days), max(*days, TODAY)
    day = period_of(max(first, dt.date.fromisoformat(start)) if start else first, "month")[0]
    if start:
        opened = period_of(dt.date.fromisoformat(start), "month")[0] - dt.timedelta(days=1)
        before = {"accountingDateFrom": str(dt.date.min), "accountingDateTo": str(opened)}
        for record in listed(engine, operation, business, page=None, query=before):
            yield {**before, **record}
    last = dt.date.fromisoformat(end) if end else last
    while day <= last:
        dates = dict(
            zip(
                ("accountingDateFrom", "accountingDateTo"),
                map(str, period_of(day, "month")),
                strict=True,
            )
        )
        for record in listed(engine, operation, business, page=None, query=dates):
            yield {**dates, **record}
        day = period_of(day, "month")[1] + dt.timedelta(days=1)


def _vat(engine, name, business):
    for side in ("sales", "purchases"):
        treatments = listed(engine, "listVatTreatments", business, page=None, vatType=side)
        if name == "vat_treatments":
            yield from ({"vatType": side, **record} for record in treatments)
            continue
        for treatment in (record["key"] for record in treatments):
            rates = listed(
                engine,
                "listVatRates",
                business,
                page=None,
                vatType=side,
                query={"vatTreatment": treatment},
            )
            yield from ({"vatType": side, "vatTreatment": treatment, **r} for r in rates)


def _attachments(engine, what, operation, business):
    type_name, id_name = what.dimensions
    for parent in load_contract().resources.values():
        if type_name in parent.fixed and parent.entity != what.entity:
            for document in listed(engine, parent.operations["list"].id, business, **parent.fixed):
                params = {**parent.fixed, id_name: document["id"]}
                for record in listed(engine, operation, business, **params):
                    yield {**params, **record}


def clone(engine):
    """A ledger of its own with the same books."""
    made = AccountingEngine(None)
    engine.db.backup(made.db)
    made.dialects.on(*engine.dialects)
    return made
