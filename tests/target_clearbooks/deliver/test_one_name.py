"""Two records of a run that are called the same: what names them waits for both."""

import time

import pytest

from clearbooks.contract import load_contract
from target_clearbooks import write
from tests.target_clearbooks.conftest import (
    bill,
    customer,
    invoice,
    line,
    payment,
    record,
    schema,
    supplier,
)

STREAMS = schema(
    "account_codes",
    "bank_accounts",
    "stock_items",
    "customers",
    "suppliers",
    "bills",
    "sales_invoices",
    "payments",
)
MAIN = {"name": "Main", "sortCode": "300000"}
FEES = {"name": "Fees", "purchases": True}
ORDER = {
    "customer": {"externalId": "C"},
    "date": "2024-05-01",
    "vatTreatment": "UK",
    "reference": "PO 7",
}
PAID = payment("P", kind="contact")
PAID["record"]["contact"] = {"invoice": {"reference": "PO 7"}}
TWO_OF_A_NAME = {
    "account_codes": (
        {**FEES, "heading": 4001},
        {**FEES, "heading": 4002},
        bill("B", "S", line(account="Fees")),
        "2 account codes are called 'Fees'",
    ),
    "stock_items": (
        {"name": "Bell", "sku": "A", "type": "both"},
        {"name": "Bell", "sku": "B", "type": "both"},
        invoice("I", "C", line(stockItem="Bell")),
        "2 stock items match 'Bell'",
    ),
    "bank_accounts": (
        {**MAIN, "accountNumber": "11111111"},
        {**MAIN, "accountNumber": "22222222"},
        payment("P", "C", bankAccount="Main"),
        "2 bank accounts match 'Main'",
    ),
    "sales_invoices": (
        {**ORDER, "lineItems": [line(100)]},
        {**ORDER, "lineItems": [line(200)]},
        PAID,
        "match {'reference': 'PO 7'}",
    ),
}


@pytest.mark.parametrize("stream", TWO_OF_A_NAME)
def test_a_name_waits_for_what_may_bear_it(stream, run):
    one, two, names_them, words = TWO_OF_A_NAME[stream]

    def count():
        found = load_contract().resources[stream].operation("list").id
        return len(run.listed(found, **({"salesType": "invoices"} if "sales" in stream else {})))

    before = count()

    def messages():
        yield from STREAMS
        yield from (customer("C"), supplier("S"))
        yield record(stream, "1", **one)
        for n in range(8):
            yield customer(f"other {n}", name=f"Other {n}")
        # The first one is in the ledger; the second is on its way when its name is used.
        deadline = time.monotonic() + 20
        while count() == before and time.monotonic() < deadline:
            time.sleep(0.02)
        run.sandbox.faults.plan("slow", method="POST", times=20, seconds=0.3)
        yield record(stream, "2", **two)
        yield names_them

    done = write({**run.config, "max_in_flight": 2}, messages())
    assert done.exit_code == 4
    [reject] = run.rejects
    assert reject["key"] == names_them["record"]["externalId"]
    assert words in reject["reasons"][0]
