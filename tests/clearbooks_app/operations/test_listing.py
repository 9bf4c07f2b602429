"""A business as unified models: every record once, also where the books move meanwhile."""

import pytest
import requests

from clearbooks.errors import SettingError
from clearbooks_app.operations.listing import AbsentError, list_model
from clearbooks_app.operations.unified import part_for, to_record
from clearbooks_app.operations.unified_models import ABSENT, MODELS
from clearbooks_app.operations.writing import write_records

from .conftest import invoice, message

# Nothing of these was written.
NONE = ("credit-notes", "expenses", "items", "vendor-credits")


def whole(settings, business, model, limit=2, between=lambda: None):
    """Every record of a model, page by page."""
    found, cursor = [], None
    while True:
        page = list_model(settings, business, model, limit=limit, cursor=cursor)
        found += page.result
        cursor = page.next_cursor
        if cursor is None:
            return found
        between()


@pytest.fixture
def books(load, business):
    settings = load(create_missing=["customers", "suppliers"])
    bill = {**invoice("B-1", None)["record"], "supplier": "Acme"}
    del bill["customer"]
    done = write_records(
        settings,
        business,
        [
            *(invoice(f"W-{n}", f"Customer {n}") for n in range(5)),
            message(
                "bills",
                **bill
                | {
                    "lineItems": [
                        {
                            "description": "Ink",
                            "quantity": 2,
                            "unitPrice": "5.00",
                            "accountCode": "General administration",
                            "vatRate": "20%",
                        }
                    ]
                },
            ),
            message(
                "payments",
                externalId="P-1",
                customer="Customer 0",
                date="2026-11-21",
                amount="36.00",
                bankAccount="Current account",
            ),
        ],
    )
    assert done.exit_code == 0, done.results
    return settings


def test_every_model_is_read_whole(books, business, sandbox):
    ids = {}
    for model in MODELS:
        rows = whole(books, business, model)
        assert bool(rows) == (model not in NONE), model
        assert all(row["company"] == business for row in rows if model != "company-info")
        if model != "currencies":
            ids[model] = [row["id"] for row in rows]
            assert len(set(ids[model])) == len(rows), model
    (company,) = whole(books, business, "company-info")
    assert company["name"] == "First Limited"
    assert len(ids["invoices"]) == 6
    assert len(ids["contacts"]) == 6
    assert len(ids["accounts"]) == sandbox.engine.books(business).counts()["account_codes"]
    assert [c["code"] for c in whole(books, business, "currencies")] == ["GBP"]


def test_an_invoice_joins_its_contact_account_and_rate(books, business):
    first = whole(books, business, "invoices")[0]
    assert (first["type"], first["total_amount"], first["status"]) == ("invoice", 36, "open")
    assert first["contact"] in {c["id"] for c in whole(books, business, "contacts")}
    (line,) = first["line_items"]
    assert line["account"] in {a["id"] for a in whole(books, business, "accounts")}
    assert line["tax_rate"] in {r["id"] for r in whole(books, business, "tax-rates")}


@pytest.mark.parametrize("model", ABSENT)
def test_what_the_api_lacks_is_said(load, business, model):
    with pytest.raises(AbsentError, match="Clear Books' API has no"):
        list_model(load(), business, model)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_what_is_deleted_meanwhile_hides_nothing(load, business, sandbox, limit):
    settings = load()
    write_records(
        settings,
        business,
        [message("customers", externalId=f"C-{n}", name=f"No {n}") for n in range(7)],
    )
    gone = iter([1, 2])

    def delete():
        number = next(gone, None)
        if number is not None:
            headers = {
                "Authorization": "Bearer sandbox-access-token",
                "X-Business-ID": str(business),
            }
            path = f"{sandbox.url}/accounting/customers/{number}"
            requests.delete(path, headers=headers, timeout=10).raise_for_status()

    rows = whole(settings, business, "contacts", limit, delete)
    ids = [int(row["id"].rpartition("-")[2]) for row in rows]
    assert ids == sorted(set(ids))
    assert set(ids) >= {3, 4, 5, 6, 7}


@pytest.mark.parametrize("cursor", ["", "x", "ZZZZ", "bnVsbA", "WyJhIiwxXQ"])
def test_a_cursor_that_is_none(load, business, cursor):
    with pytest.raises(SettingError, match="cursor"):
        list_model(load(), business, "contacts", cursor=cursor)


def test_what_was_read_can_be_written_as_it_is(books, business, load):
    """An invoice in the words of the model, with IDs of the model, becomes one of the ledger."""
    contact = whole(books, business, "contacts")[0]
    sold = whole(books, business, "invoices")[0]["line_items"][0]
    given = {
        "remote_id": "X-1",
        "type": "invoice",
        "contact": contact["id"],
        "issue_date": "2026-12-01",
        "tax_treatment": "UK",
        "line_items": [
            {
                "description": "Tap",
                "quantity": 1,
                "unit_price": "7.50",
                "account": sold["account"],
                "tax_rate": sold["tax_rate"],
            }
        ],
    }
    part = part_for("invoices", given)
    done = write_records(books, business, [message(part.written, **to_record(part, given))])
    assert [r["outcome"] for r in done.results] == ["written"], done.results
    last = [i for i in whole(books, business, "invoices") if i["type"] == "invoice"][-1]
    assert (last["contact"], last["total_amount"]) == (contact["id"], 9)


def test_a_record_says_which_of_several_it_is():
    assert part_for("contacts", {"is_supplier": True}).written == "suppliers"
    assert part_for("invoices", {"type": "bill"}).written == "bills"
    with pytest.raises(SettingError, match="type: should say which"):
        part_for("invoices", {})
    with pytest.raises(SettingError, match="only reads"):
        part_for("tax-rates", {})
