"""A machine that changes a source, disturbs the API and crashes the target, in any order."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from clearbooks.errors import ClearBooksError
from clearbooks_sandbox import AccountingEngine, Options
from clearbooks_sandbox.http import server
from target_clearbooks.deliver.sending import Sender
from tests.target_clearbooks.conftest import (
    FOUR,
    Runner,
    allocation,
    customer,
    invoice,
    journal,
    line,
    payment,
    schema,
)

STREAMS = [*FOUR, *schema("journals")]
KEYS = st.integers(0, 3)
FAULTS = st.sampled_from(
    [
        "drop-before",
        "drop-after",
        "error",
        "error-after",
        "html",
        "html-after",
        "truncate",
        "cut",
        "throttle",
        "expire-tokens",
    ]
)


class CrashError(Exception):
    """The program ends here, as if it were killed."""


class Ledger(RuleBasedStateMachine):
    """The source as it should be, and runs that bring it into the ledger."""

    def __init__(self):
        super().__init__()
        self.stack = ExitStack()

    @initialize()
    def open(self):
        engine = AccountingEngine()
        engine.add_business("Machine Limited")
        self.stack.callback(engine.close)
        sandbox = self.stack.enter_context(server.running(engine, Options(pages=False)))
        self.directory = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.run = Runner(sandbox, self.directory)
        self.invoices = {}
        self.voided = set()
        self.payments = {}
        self.journals = set()

    def records(self):
        out = list(STREAMS)
        contacts = sorted({i % 2 for i in self.invoices} | {p % 2 for p in self.payments})
        out += [customer(f"C{key}") for key in contacts]
        for key, version in self.invoices.items():
            fields = {"description": f"I{key} v{version}"}
            if key in self.voided:
                fields["_operation"] = "void"
            out.append(invoice(f"I{key}", f"C{key % 2}", line(100), **fields))
        for key, version in self.payments.items():
            out.append(payment(f"P{key}", f"C{key % 2}", description=f"P{key} v{version}"))
        out += [
            allocation(f"A{key}", f"I{key}", f"P{key}")
            for key in self.invoices
            if key in self.payments and key not in self.voided
        ]
        out += [journal(f"J{key}") for key in self.journals]
        return out

    def go(self):
        try:
            return self.run(self.records(), token_store=str(self.directory / "t.json"))
        except (CrashError, ClearBooksError):
            return None

    @rule(key=KEYS)
    def change_invoice(self, key):
        if key not in self.voided:
            self.invoices[key] = self.invoices.get(key, 0) + 1

    @rule(key=KEYS)
    def change_payment(self, key):
        if key not in self.voided:
            self.payments[key] = self.payments.get(key, 0) + 1

    @rule(key=KEYS)
    def add_journal(self, key):
        # Equal ones: nothing tells them apart but how many there are.
        self.journals.add(key)

    @precondition(lambda self: self.invoices)
    @rule(data=st.data())
    def void(self, data):
        key = data.draw(st.sampled_from(sorted(self.invoices)))
        if key not in self.payments and key not in self.voided and self.settled():
            self.voided.add(key)

    def settled(self):
        """Only what the ledger has can be voided."""
        self.run.sandbox.faults.clear()
        return any(self.go() == 0 for _ in range(4))

    @rule(
        kind=FAULTS, method=st.sampled_from(["POST", "PUT", "DELETE", None]), nth=st.integers(1, 4)
    )
    def disturb(self, kind, method, nth):
        self.run.sandbox.faults.plan(kind, method=method, nth=nth)

    @rule()
    def plain_run(self):
        self.go()

    @rule(after=st.booleans(), nth=st.integers(1, 5))
    def crash(self, after, nth):
        send = Sender.send
        count = [0]

        def crashing(sender, intent):
            count[0] += 1
            if count[0] == nth and not after:
                raise CrashError
            answered = send(sender, intent)
            if count[0] == nth:
                raise CrashError
            return answered

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Sender, "send", crashing)
            self.go()

    def teardown(self):
        try:
            if hasattr(self, "run"):
                assert self.settled()
                self.check()
        finally:
            self.stack.close()

    def check(self):
        found = self.run.invoices()
        assert Counter(d["description"] for d in found) == {
            f"I{k} v{v}": 1 for k, v in self.invoices.items() if k not in self.voided
        }
        texts = Counter(p["description"].rsplit(" ", 1)[0] for p in self.run.listed("listPayments"))
        assert texts == {f"P{k} v{v}": 1 for k, v in self.payments.items()}
        names = Counter(c["name"] for c in self.run.customers())
        assert set(names.values()) <= {1}
        joined = self.run.listed("listAllocations", invoiceType="sales")
        paid = [k for k in self.invoices if k in self.payments and k not in self.voided]
        assert sum(Decimal(str(a["amount"])) for a in joined) == 120 * len(paid)
        journals = [
            t for t in self.run.listed("listTransactions") if t["accountingDate"] == "2024-05-31"
        ]
        assert len(journals) == len(self.journals)
        self.run.sandbox.requests.clear()
        assert self.go() == 0
        assert not self.run.writes()


TestLedger = Ledger.TestCase
TestLedger.settings = settings(
    max_examples=12,
    stateful_step_count=9,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)
