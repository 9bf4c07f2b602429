"""A source that changes what the ledger does not let go, with faults and crashes in between."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from clearbooks.errors import ClearBooksError
from clearbooks_sandbox import AccountingEngine, Options
from clearbooks_sandbox.http import server
from tests.target_clearbooks.conftest import (
    FOUR,
    CrashError,
    Runner,
    allocation,
    crashing,
    customer,
    invoice,
    journal,
    line,
    payment,
    record,
    schema,
)

STREAMS = [*FOUR, *schema("journals")]
KEYS = st.integers(0, 2)
NETS = st.sampled_from([50, 80, 100, 120])
FAULTS = st.sampled_from(["drop-before", "drop-after", "error", "error-after", "truncate", "cut"])
DIALECTS = st.sampled_from(
    [(), ("revision-renews",), ("revision-frees",), ("paid-fields",), ("paid-changeable",)]
)


class Ledger(RuleBasedStateMachine):
    """Orders that are paid in full, and journals; each of them may change and change again."""

    def __init__(self):
        super().__init__()
        self.stack = ExitStack()

    @initialize(dialects=DIALECTS)
    def open(self, dialects):
        engine = AccountingEngine()
        engine.add_business("Machine Limited")
        self.stack.callback(engine.close)
        sandbox = self.stack.enter_context(server.running(engine, Options(pages=False)))
        sandbox.dialects.on(*dialects)
        self.directory = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.run = Runner(sandbox, self.directory)
        self.orders = {}
        self.journals = {}

    def records(self, keys=frozenset(range(3)), streams=None):
        out = [*STREAMS, customer()]
        sums = {}
        for key, net in self.orders.items():
            gross = Decimal(net) * Decimal("1.2")
            paid = key // 2 * 2
            sums[paid] = sums.get(paid, 0) + gross
            out += [
                invoice(f"I{key}", "C1", line(net), description=f"Order {key}"),
                allocation(f"A{key}", f"I{key}", f"P{paid}", f"{gross:.2f}"),
            ]
        out += [
            payment(f"P{p}", amount=f"{s:.2f}", description=f"Paid {p}") for p, s in sums.items()
        ]
        for key, amount in self.journals.items():
            if amount:
                out.append(journal(f"J{key}", ("9501001", f"-{amount}.00"), ("9001002", amount)))
            else:
                out.append(record("journals", f"J{key}", _operation="void"))
        return [
            message
            for message in out
            if message["type"] == "SCHEMA"
            or message["stream"] == "customers"
            or (
                int(message["record"]["externalId"][1:]) in keys
                and (streams is None or message["stream"] in streams)
            )
        ]

    def go(self, messages=None):
        try:
            return self.run(
                self.records() if messages is None else messages,
                on_change="replace",
                token_store=str(self.directory / "t.json"),
            )
        except (CrashError, ClearBooksError):
            return None

    @rule(key=KEYS, net=NETS)
    def order(self, key, net):
        self.orders[key] = net

    @rule(key=KEYS, amount=st.integers(1, 4))
    def post(self, key, amount):
        self.journals[key] = amount

    @rule(key=KEYS)
    def void(self, key):
        # What was never posted cannot be voided.
        if self.journals.get(key):
            assert self.settled()
            self.journals[key] = 0

    @rule(
        kind=FAULTS, method=st.sampled_from(["POST", "PUT", "DELETE", None]), nth=st.integers(1, 5)
    )
    def disturb(self, kind, method, nth):
        self.run.sandbox.faults.plan(kind, method=method, nth=nth)

    @rule()
    def plain_run(self):
        self.go()

    @rule(
        keys=st.frozensets(KEYS),
        stream=st.sampled_from(["sales_invoices", "payments", "sales_allocations"]),
    )
    def run_of_some(self, keys, stream):
        """What a source sends that tells of single changes only; the rest comes later."""
        self.go(self.records(keys, {stream, "journals"}))

    @rule(after=st.booleans(), nth=st.integers(1, 6))
    def crash(self, after, nth):
        with crashing(nth, after=after):
            self.go()

    def settled(self):
        self.run.sandbox.faults.clear()
        return any(self.go() == 0 for _ in range(4))

    def teardown(self):
        try:
            if hasattr(self, "run"):
                assert self.settled(), self.run.rejects
                self.check()
        finally:
            self.stack.close()

    def check(self):
        wanted = sorted(Decimal(net) * Decimal("1.2") for net in self.orders.values())

        def amounts(rows, name):
            return [Decimal(str(row[name])) for row in rows]

        invoices = self.run.invoices()
        assert sorted(amounts(invoices, "gross")) == wanted
        assert not any(amounts(invoices, "due"))
        assert sum(amounts(self.run.listed("listPayments"), "amount")) == sum(wanted)
        found = self.run.listed("listAllocations", invoiceType="sales")
        assert sum(amounts(found, "amount")) == sum(wanted)
        posted = sum(
            Decimal(str(row["amount"]))
            for transaction in self.run.listed("listTransactions")
            for row in transaction["lines"]
            if row["accountCodeId"] == 9001002
        )
        assert posted == sum(self.journals.values())
        before = self.run.writes()
        assert self.go() == 0
        assert self.run.writes() == before


TestLedger = Ledger.TestCase
TestLedger.settings = settings(
    max_examples=12,
    stateful_step_count=9,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)
