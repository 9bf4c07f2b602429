"""Pages read for the signs serve the streams too: what moves later comes with the next run."""

import pytest

from clearbooks.client import Client
from tests.ledger import ONE
from tests.tap_clearbooks.test_requests import LONG, NAMES, PAGE, Ledger

MOVED = ("transactions", "sales_invoices", "payments", "sales_allocations")


def records(output):
    return {(s, r["id"]): r for s in MOVED for r in output.records(s)}


def plain(record):
    return {name: value for name, value in record.items() if not name.startswith("_sdc")}


@pytest.mark.parametrize("voids", ["reverse", "remove"])
@pytest.mark.parametrize("moved", [("add",), ("void",), ("add", "void")], ids="-".join)
def test_what_moves_after_the_signs_is_there_after_the_next_run(
    moved, voids, books, run_tap, monkeypatch
):
    if voids == "remove":
        books.server.dialects.on("voids-remove")
    ledger, get, done = Ledger(books, LONG), Client.get, []

    def moving(self, operation, params=None, **more):
        found = get(self, operation, params, **more)
        if operation == "listTransactions" and not done:
            done.append(operation)
            if "add" in moved:
                books.invoice(ledger.customer, "2024-03-02", amount=77)
                ledger.pay()
            if "void" in moved:
                number = ledger.unpaid.pop()
                books.do("deleteSalesDocument", salesType="invoices", salesId=number)
        return found

    monkeypatch.setattr(Client, "get", moving)
    settings = {"business_ids": [ONE], "page_size": PAGE}
    first = run_tap(NAMES, **settings)
    loaded = records(first) | records(run_tap(NAMES, state=first.state, **settings))
    copy = {key: plain(r) for key, r in loaded.items() if not r.get("_sdc_deleted_at")}
    assert done
    assert copy == {key: plain(r) for key, r in records(run_tap(NAMES, **settings)).items()}
