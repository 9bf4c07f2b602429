"""Lists: read once, whatever the server tells or leaves out; kept and brought up to date."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import msgspec
import pytest

from clearbooks.client import Client
from clearbooks.errors import ApiError
from clearbooks.replies import Reply
from clearbooks.settings import Connection
from clearbooks_sandbox import Options, running
from target_clearbooks.intent import Intent
from target_clearbooks.ledger.lookups import Lookups
from target_clearbooks.ledger.records import listing
from tests.clearbooks.paging.fake_api import FakeApi
from tests.target_clearbooks.prepared import Ledger, invoice, line

TOKEN = "sandbox-access-token"


@pytest.fixture
def served(engine):
    with running(engine, Options(pages=False)) as sandbox:
        yield sandbox


@pytest.fixture
def client(served, tmp_path):
    connection = Connection.from_config(
        {
            "api_url": served.url,
            "token_url": served.token_url,
            "access_token": TOKEN,
            "token_store": str(tmp_path / "tokens.json"),
            "max_tries": 2,
        }
    )
    with Client(connection) as made:
        yield made


@pytest.fixture
def online(ledger, client):
    """The business, read over HTTP."""
    ledger.lookups.close()
    ledger.client, ledger.lookups = client, Lookups(client, ledger.business)
    return ledger


def asked(served, path):
    return [r for r in served.requests if path in r.path]


DIALECTS = [
    "nulls",
    "empties",
    "wrapped",
    "no-headers",
    "unsorted",
    "string-money",
    "string-ids",
    "unknown-fields",
    "pretty",
    "voided-listed",
    "prefixed-answers",
    "prefixed-treatments",
]


@pytest.mark.parametrize("dialect", [*DIALECTS, tuple(DIALECTS)])
def test_any_dialect_is_understood(online, served, dialect):
    names = [dialect] if isinstance(dialect, str) else dialect
    customer = online.customer("Acme Ltd")
    for n in range(450):
        online.customer(f"Customer {n}")
    sale = online.sale(customer, documentNumber="1")["id"]
    gone = online.sale(customer, documentNumber="1")["id"]
    online.do("deleteSalesDocument", salesType="invoices", salesId=gone)
    paid = online.pay(customer, 120)
    served.dialects.on(*names)
    assert len(online.lookups.rows("customers")) == 451
    body = online.body("sales_invoices", invoice({"name": "CUSTOMER 449"}, line("9.99")))
    assert body["lineItems"][0]["vatRateKey"] == "20.00:Standard"
    record = {"externalId": "A", "invoice": {"documentNumber": 1}, "paymentId": paid, "amount": 120}
    assert online.body("sales_allocations", record)["invoiceId"] == sale
    text = online.faults("sales_allocations", record | {"amount": "120.01"})
    assert "is more than is due: 120.00" in text
    assert "is more than is left of the payment: 120.00" in text


def test_each_list_is_read_once(online, served):
    online.customer("Acme Ltd")
    for n in range(30):
        record = invoice({"name": "Acme Ltd"}, line(n), date="2024-03-05", externalId=f"I{n}")
        outcome = online.prepare("sales_invoices", record)
        online.lookups.wrote("sales_invoices", online.create(outcome))
    assert len(served.requests) == 4
    assert {r.path.rpartition("/accounting")[2] for r in served.requests} == {
        "/customers",
        "/accountCodes",
        "/vatTreatments/sales",
        "/vatRates/sales",
    }


def test_pages_are_in_flight(online, served, monkeypatch):
    for n in range(1000):
        online.customer(f"Customer {n}")
    most, now, lock = [0], [0], threading.Lock()
    original = Client.get

    def get(self, *args, **kwargs):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        try:
            return original(self, *args, **kwargs)
        finally:
            with lock:
                now[0] -= 1

    monkeypatch.setattr(Client, "get", get)
    monkeypatch.setattr(served.options, "latency_ms", 50)
    assert len(online.lookups.rows("customers")) == 1000
    assert len(asked(served, "/customers")) == 5
    assert 1 < most[0] <= 8


class Scripted:
    """A client that answers from a list; an exception among them is raised."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []
        self.executor = ThreadPoolExecutor(1)

    def get(self, operation_id, params=None, *, business_id=None):
        self.asked.append((operation_id, dict(params or {}), business_id))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def answer(data, total=None, pages=None):
    headers = {"X-Pagination-Total-Count": total, "X-Pagination-Total-Pages": pages}
    headers = {name: str(value) for name, value in headers.items() if value is not None}
    return Reply(200, headers, msgspec.json.encode(data), "/customers")


def customers(client):
    return listing(client, 1, "listCustomers", {}, 1).whole()


def test_errors_go_through():
    lookups = Lookups(Scripted(ApiError("listCustomers", 500), answer([{"id": 1}], 1, 1)), 1)
    with pytest.raises(ApiError):
        lookups.rows("customers")
    # Nothing was kept of the failure.
    assert [r["id"] for r in lookups.rows("customers")] == [1]
    lookups.close()


@pytest.mark.parametrize("data", ["x", 5, [1], [["a", "b"]], {"errors": []}, None])
def test_an_answer_that_is_no_list_is_an_error(data):
    with pytest.raises(ApiError, match="no list"):
        customers(Scripted(answer(data)))


def test_a_list_that_changes_is_read_again():
    def before(number):
        if number == 3:
            api.records.pop(1)

    api = FakeApi(range(1, 602), before=before)
    lookups = Lookups(api, 1)
    assert {r["id"] for r in lookups.rows("customers")} >= set(range(2, 602))
    lookups.close()


def test_without_headers_it_reads_until_nothing_new_comes():
    assert len(customers(FakeApi([1, 2], headers=False, own_size=1))) == 2
    # A server that knows no pages answers the same for ever.
    client = Scripted(*[answer([{"id": 1}])] * 5)
    assert len(customers(client)) == 1
    assert len(client.asked) == 2


def test_few_documents_are_read_one_by_one_and_many_as_a_list(ledger):
    customer = ledger.customer()
    numbers = [ledger.sale(customer)["id"] for _ in range(60)]
    for number in numbers[:3]:
        assert ledger.lookups.documents("sales_invoices", "id", number)[0]["due"] == 120
    assert ledger.client.asked["listSalesDocuments"] == 0
    for number in numbers * 2:
        assert len(ledger.lookups.documents("sales_invoices", "id", number)) == 1
    assert ledger.client.asked["getSalesDocument"] <= 8
    assert ledger.client.asked["listSalesDocuments"] <= 2


def test_what_is_not_there_costs_the_list_and_one_look(ledger):
    assert ledger.lookups.documents("payments", "id", 99) == []
    assert ledger.client.asked["listPayments"] == 1


def test_documents_keep_decimals(ledger):
    customer = ledger.customer()
    number = ledger.sale(customer, line(Decimal("12.49")))["id"]
    (row,) = ledger.lookups.documents("sales_invoices", "id", number)
    assert (row["gross"], str(row["vat"])) == (Decimal("14.99"), "2.50")
    assert all(isinstance(row[n], Decimal) for n in ("gross", "net", "vat", "due"))


def test_what_the_run_writes(ledger):
    lookups, customer = ledger.lookups, ledger.customer()
    assert lookups.documents("sales_invoices", "reference", "R") == []
    record = ledger.sale(customer, reference="R")
    lookups.wrote("sales_invoices", record)
    assert lookups.documents("sales_invoices", "reference", "R")[0]["id"] == record["id"]
    newer = {**record, "id": 900, "reference": "S"}
    lookups.wrote("sales_invoices", newer, replaces=record["id"])
    assert lookups.documents("sales_invoices", "reference", "R") == []
    assert lookups.documents("sales_invoices", "id", record["id"])[0]["id"] == 900
    paid = {"id": 5, "amount": 120, "contactId": customer}
    lookups.wrote("payments", paid)
    lookups.wrote("sales_allocations", {"id": 1, "invoiceId": 900, "paymentId": 5, "amount": 50})
    assert lookups.documents("sales_invoices", "id", 900)[0]["due"] == 70
    assert [a["amount"] for a in lookups.rows("sales_allocations", paymentId=5)] == [50]
    lookups.removed("payments", 5)
    assert lookups.documents("sales_invoices", "id", 900)[0]["due"] == 120
    assert ledger.client.asked["listAllocations"] == 0
    lookups.removed("sales_invoices", 900)
    assert lookups.documents("sales_invoices", "reference", "S") == []


def test_planned_records_stay(ledger):
    lookups = ledger.lookups
    lookups.wrote("customers", {"id": -1, "name": "Planned Ltd"})
    lookups.wrote("sales_invoices", {"id": -2, "customerId": -1, "reference": "R"})
    assert ledger.body("sales_invoices", invoice("planned ltd"))["customerId"] == -1
    assert lookups.documents("sales_invoices", "reference", "R")[0]["id"] == -2
    assert lookups.documents("sales_invoices", "id", -2)[0]["customerId"] == -1
    assert lookups.documents("sales_invoices", "id", -3) == []
    ledger.map.set("sales_invoices", "I", -2)
    paid = ledger.pay(ledger.customer("Other"), 10)
    record = {"externalId": "A", "invoice": {"externalId": "I"}, "paymentId": paid, "amount": 10}
    assert "is of Planned Ltd" in ledger.faults("sales_allocations", record)


def test_a_new_bank_account_brings_its_account_code(ledger):
    assert ledger.lookups.table("account_codes").get(7502002) is None
    made = ledger.do("createBankAccount", {"name": "Savings"})
    ledger.lookups.wrote("bank_accounts", made)
    record = {
        "externalId": "J",
        "accountingDate": "2024-01-01",
        "lines": [{"accountCode": "Savings", "amount": 1}, {"accountCode": 1001001, "amount": -1}],
    }
    assert isinstance(ledger.prepare("journals", record), Intent)


def test_two_businesses_are_kept_apart(engine, ledger):
    other = Ledger(engine, engine.add_business("Other Limited"))
    ledger.customer("Acme Ltd")
    assert "no customer matches" in other.faults("sales_invoices", invoice("Acme Ltd"))
    other.lookups.close()


def test_unknown_ways_to_find(ledger):
    with pytest.raises(KeyError):
        ledger.lookups.documents("sales_invoices", "colour", "red")
    with pytest.raises(KeyError):
        ledger.lookups.rows("sales_allocations", colour="red")


def test_a_record_without_an_id_is_passed_over():
    rows = [{"name": "A"}, {"id": 1, "name": "A"}]
    lookups = Lookups(Scripted(answer(rows, 2, 1), answer(rows, 2, 1), answer(rows, 2, 1)), 1)
    assert lookups.rows("customers") == rows[1:]
    assert len(lookups.documents("payments", "description", "A")) == 0
    assert lookups.documents("payments", "id", 1)[0]["id"] == 1
    lookups.close()
