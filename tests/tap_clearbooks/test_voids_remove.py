"""A ledger in which a void takes its transaction away, instead of posting the opposite."""

from __future__ import annotations

import pytest

from tests.ledger import ONE
from tests.tap_clearbooks.test_tombstones import told

STREAMS = ["transactions", "transaction_lines"]


@pytest.mark.parametrize("more", [0, 1, 3])
def test_the_count_tells_also_where_as_many_came(books, run_tap, more):
    books.server.dialects.on("voids-remove")
    customer = books.do("createCustomer", {"name": "Smith"})["id"]
    made = [books.invoice(customer) for _ in range(20)]
    first = run_tap(STREAMS, page_size=4)
    transaction = first.records("transactions")[3]["id"]
    books.do("deleteSalesDocument", salesType="invoices", salesId=made[3]["id"])
    for _ in range(more):
        books.invoice(customer)
    second = run_tap(STREAMS, state=first.state, page_size=4)
    assert told(second, "transactions") == [{"businessId": ONE, "id": transaction}]
    gone = {line["transactionId"] for line in told(second, "transaction_lines")}
    assert gone == {transaction}
    third = run_tap(STREAMS, state=second.state, page_size=4)
    assert not any(told(third, stream) for stream in STREAMS)


def test_the_oldest_period_leaves_with_its_only_transaction(books, run_tap):
    books.server.dialects.on("voids-remove")
    customer = books.do("createCustomer", {"name": "Smith"})["id"]
    oldest = books.invoice(customer, "2019-05-01")
    books.invoice(customer)
    first = run_tap(["account_balances"])
    books.do("deleteSalesDocument", salesType="invoices", salesId=oldest["id"])
    second = run_tap(["account_balances"], state=first.state)
    gone = {balance["accountingDateFrom"] for balance in told(second, "account_balances")}
    assert gone == {"2019-05-01"}


def test_what_goes_away_between_two_readings_is_told_by_the_next_run(books, run_tap, monkeypatch):
    """The first reading of a run sends it; the second, for another one, does not meet it."""
    books.server.dialects.on("voids-remove")
    customer = books.do("createCustomer", {"name": "Smith"})["id"]
    gone, *_ = [books.invoice(customer) for _ in range(4)]
    first = run_tap(STREAMS)
    books.do("deleteSalesDocument", salesType="invoices", salesId=gone["id"])
    passing, call, readings = books.invoice(customer), books.engine.call, []

    def deleting(operation, **request):
        if operation == "listTransactions":
            readings.append(operation)
            if len(readings) == 2:
                params = {"salesType": "invoices", "salesId": passing["id"]}
                call("deleteSalesDocument", business_id=ONE, params=params)
        return call(operation, **request)

    with monkeypatch.context() as patch:
        patch.setattr(books.engine, "call", deleting)
        second = run_tap(STREAMS, state=first.state, business_ids=[ONE])
    sent = max(record["id"] for record in second.records("transactions"))
    assert len(readings) == 2
    third = run_tap(STREAMS, state=second.state, business_ids=[ONE])
    assert told(third, "transactions") == [{"businessId": ONE, "id": sent}]
    fourth = run_tap(STREAMS, state=third.state, business_ids=[ONE])
    assert not fourth.records("transactions")
