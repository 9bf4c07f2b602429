"""Records that left the ledger are told, and only those."""

from __future__ import annotations

import base64
import zlib
from random import Random
from types import SimpleNamespace

import pytest

from clearbooks.errors import SettingError
from tap_clearbooks.keys import copy_keys
from tests.ledger import ONE, TWO

ALL = [
    "sales_invoices",
    "payments",
    "sales_allocations",
    "transactions",
    "transaction_lines",
    "customers",
    "account_balances",
]


def told(output, stream):
    """Keys of the records that the run said were gone."""
    return [
        {k: v for k, v in record.items() if v is not None and k != "_sdc_deleted_at"}
        for record in output.records(stream)
        if record.get("_sdc_deleted_at")
    ]


@pytest.fixture
def customer(books):
    return books.do("createCustomer", {"name": "Smith"})["id"]


def test_a_voided_invoice(books, run_tap, customer):
    stays, goes = books.invoice(customer), books.invoice(customer, "2020-01-01")
    first = run_tap(ALL)
    assert not any(told(first, stream) for stream in ALL)
    books.do("deleteSalesDocument", salesType="invoices", salesId=goes["id"])
    second = run_tap(ALL, state=first.state)
    assert told(second, "sales_invoices") == [{"businessId": ONE, "id": goes["id"]}]
    assert second.records("sales_invoices")[-1]["gross"] is None
    third = run_tap(ALL, state=second.state)
    assert not any(told(third, stream) for stream in ALL)
    assert (ONE, stays["id"]) in third.ids("sales_invoices")


def test_a_deleted_contact_of_one_business_alone(books, run_tap, customer):
    other = books.do("createCustomer", {"name": "Jones"}, business=TWO)["id"]
    first = run_tap(["customers"])
    books.do("deleteCustomer", business=TWO, customerId=other)
    second = run_tap(["customers"], state=first.state)
    assert told(second, "customers") == [{"businessId": TWO, "id": other}]


def test_an_interrupted_run_forgets_nothing(books, run_tap, customer):
    made = [books.invoice(customer, f"2024-03-{n:02}") for n in range(1, 21)]
    books.server.faults.plan(
        "error", path="/accounting/sales/invoices", nth=4, times=1000, status=500
    )
    settings = {"business_ids": [ONE], "page_size": 5}
    first = run_tap(["sales_invoices"], **settings, max_tries=1, max_in_flight=1)
    books.server.faults.clear()
    out = [r["id"] for r in first.records("sales_invoices")]
    assert first.failures
    assert 0 < len(out) < 20
    books.do("deleteSalesDocument", salesType="invoices", salesId=out[0])
    second = run_tap(["sales_invoices"], state=first.state, **settings)
    assert told(second, "sales_invoices") == [{"businessId": ONE, "id": out[0]}]
    assert len(second.records("sales_invoices")) == len(made)


def test_a_loader_that_is_told_versions_needs_no_tombstones(books, run_tap, customer):
    goes = books.do("createCustomer", {"name": "Jones"})["id"]
    first = run_tap(["customers"], emit_activate_version_messages=True)
    books.do("deleteCustomer", customerId=goes)
    second = run_tap(["customers"], state=first.state, emit_activate_version_messages=True)
    assert not told(second, "customers")
    assert second.of_type("ACTIVATE_VERSION")
    third = run_tap(["customers"], state=second.state)
    assert not told(third, "customers")


def test_other_dates_remove_nothing(books, run_tap, customer):
    for date in ("2023-12-31", "2024-01-01"):
        books.invoice(customer, date)
    first = run_tap(["sales_invoices"])
    second = run_tap(["sales_invoices"], state=first.state, start_date="2024-01-01")
    assert not told(second, "sales_invoices")


def test_a_state_of_0_1_goes_on(books, run_tap, customer):
    invoice = books.invoice(customer)
    bookmark = {
        "context": {"businessId": ONE},
        "replication_key": "date",
        "last_id": 1,
        "position": 1,
        "window": [None, None],
        "replication_key_value": "2024-03-01",
    }
    state = {"bookmarks": {"sales_invoices": {"partitions": [bookmark]}}}
    first = run_tap(["sales_invoices"], state=state)
    assert not told(first, "sales_invoices")
    books.do("deleteSalesDocument", salesType="invoices", salesId=invoice["id"])
    second = run_tap(["sales_invoices"], state=first.state)
    assert told(second, "sales_invoices") == [{"businessId": ONE, "id": invoice["id"]}]


@pytest.mark.parametrize(("step", "most"), [(1, 100), (2, 100), (100, 40_000)])
def test_what_20_000_documents_take_in_the_state(step, most):
    """The numbers of docs/read.md, and that they do not grow."""
    dice = Random(step)  # noqa: S311 - no secret
    chosen = range(0, 20_000 * step, step)
    if step == 100:
        chosen = dice.sample(range(20_000 * step), 20_000)
    keys = copy_keys("sales_invoices")
    keys.add([SimpleNamespace(id=number) for number in chosen])
    assert sum(map(len, keys.kept)) < most


def test_keys_that_no_run_has_kept_are_refused():
    packed = base64.b85encode(zlib.compress(b"[7,-9]")).decode()
    with pytest.raises(SettingError, match="remove the bookmark"):
        copy_keys("sales_invoices", [packed]).check()


@pytest.mark.parametrize("number", [-1, 2**64])
def test_a_number_that_is_no_id_is_not_held(number):
    assert number not in copy_keys("sales_invoices")
