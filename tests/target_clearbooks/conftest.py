from __future__ import annotations

import contextlib
import io
import json
import os
from collections import Counter
from decimal import Decimal

import pytest
from click.testing import CliRunner

from clearbooks_app import main
from clearbooks_sandbox import AccountingEngine, Options
from clearbooks_sandbox.http import server
from target_clearbooks.deliver.sending import Sender
from target_clearbooks.target import TargetClearbooks
from tests.programs import Process

TARGET = "target-clearbooks"
TOKEN = "sandbox-access-token"


@pytest.fixture
def engine():
    engine = AccountingEngine()
    engine.add_business("Target Limited")
    yield engine
    engine.close()


@pytest.fixture
def sandbox(engine):
    with server.running(engine, Options(pages=False)) as running:
        yield running


class Runner:
    """Runs the target against a sandbox, in this process or as a program."""

    def __init__(self, sandbox, directory, capsys=None):
        self.sandbox = sandbox
        self.directory = directory
        self.capsys = capsys
        self.states = []
        self.business = sandbox.engine.business_ids()[0]

    @property
    def config(self):
        return {
            "api_url": self.sandbox.url,
            "token_url": self.sandbox.token_url,
            "access_token": TOKEN,
            "token_store": str(self.directory / "tokens.json"),
            "state_store": str(self.directory / "state.sqlite3"),
            "rejects_path": str(self.directory / "rejects.jsonl"),
            "settle_seconds": 0,
            "business_ids": [self.business],
            "max_tries": 3,
        }

    def __call__(self, messages, **settings):
        target = TargetClearbooks(config={**self.config, **settings})
        text = lines(*messages)
        try:
            return target.run(io.StringIO(text))
        finally:
            if self.capsys:
                out = self.capsys.readouterr().out.splitlines()
                self.states = [json.loads(line) for line in out if line.startswith("{")]

    def process(self, messages, **settings):
        path = self.directory / "config.json"
        path.write_text(json.dumps({**self.config, **settings}))
        source = self.directory / "input.jsonl"
        source.write_text(lines(*messages))
        env = {**os.environ, "XDG_STATE_HOME": str(self.directory)}
        return Process(TARGET, "--config", path, "--input", source, env=env)

    @property
    def rejects(self):
        path = self.directory / "rejects.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def writes(self):
        return Counter(
            (r.method, r.path.split("/accounting/")[-1].split("?")[0].split("/")[0])
            for r in self.sandbox.requests
            if r.method != "GET"
        )

    def listed(self, operation, **params):
        found, page = [], 1
        while True:
            reply = self.sandbox.engine.call(
                operation,
                business_id=self.business,
                params=params,
                query={"limit": 200, "page": page},
            )
            records = reply.json()
            found += records
            if len(records) < 200:
                return found
            page += 1

    def customers(self):
        return self.listed("listCustomers")

    def invoices(self):
        return self.listed("listSalesDocuments", salesType="invoices")

    def get(self, operation, **params):
        return self.sandbox.engine.call(operation, business_id=self.business, params=params).json()

    def call(self, operation, body=None, **params):
        return self.sandbox.engine.call(
            operation, business_id=self.business, params=params, body=body
        )


@pytest.fixture
def run(sandbox, tmp_path, capsys):
    return Runner(sandbox, tmp_path, capsys)


def lines(*messages):
    """Messages as a source sends them."""
    return "".join(json.dumps(m, default=str) + "\n" for m in messages)


def schema(*streams, keys=("externalId",)):
    return [
        {"type": "SCHEMA", "stream": s, "schema": {"properties": {}}, "key_properties": list(keys)}
        for s in streams
    ]


TWO = schema("customers", "sales_invoices")
FOUR = [*TWO, *schema("payments", "sales_allocations")]


def record(stream, key, **fields):
    return {"type": "RECORD", "stream": stream, "record": {"externalId": key, **fields}}


def state(value):
    return {"type": "STATE", "value": value}


def customer(key="C1", **fields):
    return record("customers", key, **{"name": f"Customer {key}", **fields})


def supplier(key="S1", **fields):
    return record("suppliers", key, **{"name": f"Supplier {key}", **fields})


def line(price=100, rate="20%", account="Revenue", **fields):
    return {
        "description": "Thing",
        "unitPrice": price,
        "quantity": 1,
        "accountCode": account,
        "vatRate": rate,
        **fields,
    }


def invoice(key="I1", contact="C1", *lines, stream="sales_invoices", **fields):
    return record(
        stream,
        key,
        **{
            "customer": {"externalId": contact},
            "date": "2024-05-01",
            "vatTreatment": "UK",
            "lineItems": list(lines) or [line()],
            **fields,
        },
    )


def bill(key="B1", contact="S1", *lines, stream="bills", **fields):
    return record(
        stream,
        key,
        **{
            "supplier": {"externalId": contact},
            "date": "2024-05-01",
            "vatTreatment": "UK",
            "lineItems": list(lines) or [line(account=2001001)],
            **fields,
        },
    )


def payment(key="P1", contact="C1", amount="120.00", kind="customer", **fields):
    return record(
        "payments",
        key,
        **{
            kind: {"externalId": contact},
            "date": "2024-05-02",
            "amount": amount,
            "description": "Thank you",
            "bankAccount": "Current account",
            **fields,
        },
    )


def allocation(key="A1", invoice_key="I1", payment_key="P1", amount="120.00", **fields):
    ends = {"invoice": {"externalId": invoice_key}}
    if payment_key:
        ends["payment"] = {"externalId": payment_key}
    return record("sales_allocations", key, **{**ends, "amount": amount, **fields})


def journal(key="J1", *lines, **fields):
    lines = lines or (("9501001", "-10.00"), ("9001002", "10.00"))
    return record(
        "journals",
        key,
        **{
            "accountingDate": "2024-05-31",
            "description": "Month end",
            "lines": [{"accountCode": a, "amount": m} for a, m in lines],
            **fields,
        },
    )


ALL = (
    "customers",
    "suppliers",
    "sales_invoices",
    "sales_credit_notes",
    "bills",
    "payments",
    "sales_allocations",
    "purchase_allocations",
    "journals",
)


def book(n, start=0):
    """A little business: contacts, documents, payments, allocations, journals, n of each."""
    out = schema(*ALL)
    for i in range(start, start + n):
        out += [
            customer(f"C{i}"),
            invoice(f"I{i}", f"C{i}"),
            payment(f"P{i}", f"C{i}"),
            allocation(f"A{i}", f"I{i}", f"P{i}"),
            supplier(f"S{i}"),
            bill(f"B{i}", f"S{i}"),
            journal(f"J{i}", ("9501001", f"-{i + 1}.00"), ("9001002", f"{i + 1}.00")),
            state({"done": i}),
        ]
    return out


def check_book(run, n):
    """Every record of `book(n)` stands in the ledger exactly once."""
    customers = run.customers()
    assert Counter(c["name"] for c in customers) == {f"Customer C{i}": 1 for i in range(n)}
    suppliers = run.listed("listSuppliers")
    assert Counter(c["name"] for c in suppliers) == {f"Supplier S{i}": 1 for i in range(n)}
    invoices = run.invoices()
    assert sorted(d["customerId"] for d in invoices) == sorted(c["id"] for c in customers)
    assert {d["due"] for d in invoices} == {0}
    assert {d["gross"] for d in invoices} == {120}
    bills = run.listed("listPurchaseDocuments", purchaseType="bills")
    assert sorted(d["supplierId"] for d in bills) == sorted(c["id"] for c in suppliers)
    payments = run.listed("listPayments")
    assert sorted(p["contactId"] for p in payments) == sorted(c["id"] for c in customers)
    allocations = run.listed("listAllocations", invoiceType="sales")
    assert sorted(a["invoiceId"] for a in allocations) == sorted(d["id"] for d in invoices)
    journals = Counter(
        Decimal(str(t["lines"][1]["amount"]))
        for t in run.listed("listTransactions")
        if t["accountingDate"] == "2024-05-31"
    )
    assert journals == {Decimal(i + 1): 1 for i in range(n)}


@pytest.fixture
def command(run):
    """Runs `clearbooks` with the configuration of the runner; what it prints."""

    def call(*arguments, fails=0):
        path = run.directory / "command.json"
        path.write_text(json.dumps(run.config))
        result = CliRunner().invoke(main, [*arguments, "--config", str(path)])
        assert result.exit_code == fails, result.output
        return result.output

    return call


class CrashError(Exception):
    """The program ends here, as if it were killed."""


@contextlib.contextmanager
def crashing(nth, *, after):
    """What is sent, until the n-th write raises before or after it has reached the server."""
    send, sent = Sender.send, []

    def until(sender, intent):
        sent.append(intent)
        if len(sent) == nth and not after:
            raise CrashError
        answer = send(sender, intent)
        if len(sent) == nth:
            raise CrashError
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sender, "send", until)
        yield sent


@pytest.fixture
def crash(run):
    """A run that ends before or after its n-th write has reached the server; what it sent."""

    def call(messages, nth, *, after, **settings):
        with contextlib.suppress(CrashError), crashing(nth, after=after) as sent:
            run(messages, **settings)
        return sent

    return call
