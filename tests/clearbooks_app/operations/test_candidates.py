"""Candidates stand beside what the record says, and the one that is chosen counts."""

import pytest

from clearbooks.errors import SettingError
from clearbooks_app.operations import doubts, identities
from clearbooks_app.operations.candidates import comparisons, with_chosen
from clearbooks_app.operations.writing import write_records
from target_clearbooks.store.undecided import Undecided

from .conftest import invoice, message


def call(sandbox, business, operation, body, **params):
    reply = sandbox.engine.call(operation, business_id=business, params=params, body=body)
    assert reply.ok, reply.body


def marked(comparison):
    """The names of the fields in which a candidate differs."""
    return {
        name
        for candidate in comparison.candidates
        for name, cell in zip(comparison.names, candidate.cells, strict=True)
        if cell.differs
    }


@pytest.fixture
def held(load, sandbox, business):
    """The ledger held an invoice like the one that a new store is to write, but for its price."""
    settings = load(marker="off", create_missing=["customers"])
    call(sandbox, business, "createCustomer", {"name": "Ada Bell"})
    line = {
        "description": "Pump",
        "quantity": 1,
        "unitPrice": 30,
        "accountCode": 1001001,
        "vatRateKey": "20.00:Standard",
    }
    body = {
        "customerId": 1,
        "date": "2026-11-20",
        "vatTreatment": "UK",
        "lineItems": [line],
        "description": "By hand",
    }
    call(sandbox, business, "createSalesDocument", body, salesType="invoices")
    found = write_records(settings, business, [invoice("W-1", "Ada Bell")])
    assert [r["outcome"] for r in found.results] == ["quarantined"]
    return settings


def test_a_document_is_compared_with_the_one_that_the_ledger_held(held):
    (doubt,) = doubts.list_doubts(held)
    (comparison,) = comparisons(doubt)
    assert comparison.field == "record"
    mine = dict(zip(comparison.names, comparison.mine, strict=True))
    (candidate,) = comparison.candidates
    theirs = dict(zip(comparison.names, [c.value for c in candidate.cells], strict=True))
    assert candidate.stream == "sales_invoices"
    assert (mine["date"], mine["customerId"], mine["net"]) == ("2026-11-20", 1, 30)
    assert (theirs["formattedDocumentNumber"], theirs["gross"]) == ("INV000001", 36)
    assert marked(comparison) == set()


def test_two_names_that_fit_several_are_chosen_one_by_one(load, sandbox, business):
    settings = load()
    for name, stream in (("Twin Ltd", "Customer"), ("Savings", "BankAccount")):
        for _ in range(2):
            call(sandbox, business, f"create{stream}", {"name": name})
    payment = message(
        "payments",
        externalId="P-1",
        customer="Twin Ltd",
        bankAccount={"name": "Savings"},
        amount="10.00",
        date="2026-11-20",
        description="Received",
    )
    write_records(settings, business, [payment])
    (doubt,) = doubts.list_doubts(settings)
    whom, where = comparisons(doubt)
    assert (whom.field, where.field) == ("customer", "bankAccount")
    assert {c.stream for c in whom.candidates} == {"customers"}
    assert {c.stream for c in where.candidates} == {"bank_accounts"}
    # The accounts are told apart by what the record does not say.
    assert "accountCode" in marked(where)
    assert "name" not in marked(whom) | marked(where)
    done = doubts.choose(settings, doubt, where.candidates[1].id, "bankAccount")
    assert [r["outcome"] for r in done.results] == ["quarantined"]
    (doubt,) = doubts.list_doubts(settings)
    done = doubts.choose(settings, doubt, "2")
    assert [r["outcome"] for r in done.results] == ["written"]
    (written,) = sandbox.engine.books(business).payments(limit=9)
    assert written["contactId"] == 2
    assert written["bankAccountId"] == int(where.candidates[1].id)


def test_a_record_of_the_same_keys_is_the_record_itself(load, sandbox, business):
    """Stock items of one SKU: the choice says which of them it is."""
    settings = load()
    for _ in range(2):
        call(sandbox, business, "createStockItem", {"name": "Pump", "sku": "7", "type": "both"})
    item = message("stock_items", externalId="S-1", name="Pump", sku="7", type="both")
    write_records(settings, business, [item])
    (doubt,) = doubts.list_doubts(settings)
    assert doubts.is_the_record(doubt)
    (comparison,) = comparisons(doubt)
    assert doubts.choose(settings, doubt, comparison.candidates[1].id) is None
    (known,) = identities.known(settings, business, "stock_items")
    assert str(known.id) == comparison.candidates[1].id


@pytest.mark.parametrize(
    ("record", "field", "chosen", "expected"),
    [
        ({"Customer": "Twin"}, "customer", "3", {"Customer": {"id": 3}}),
        # Where a number alone would be a SKU.
        (
            {"lineItems": [{}, {"stockItem": "P"}]},
            "lineItems[1].stockItem",
            "3",
            {"lineItems": [{}, {"stockItem": {"id": 3}}]},
        ),
        (
            {"line_items": '[{"account_code": "Sales"}]'},
            "lineItems[0].accountCode",
            "1001001",
            {"line_items": [{"account_code": 1001001}]},
        ),
        ({"vatRate": "20%"}, "vatRate", "20.00:Standard", {"vatRate": "20.00:Standard"}),
        ({"invoice": {"match": ["amount"]}}, "invoice", "12", {"invoice": {"id": 12}}),
    ],
)
def test_what_is_chosen_takes_the_place_of_the_name(record, field, chosen, expected):
    assert with_chosen(record, field, chosen) == expected


@pytest.mark.parametrize(
    "record", [{}, {"lineItems": 5}, {"lineItems": []}, {"lineItems": ["text"]}]
)
def test_a_field_that_is_not_in_the_record_is_told(record):
    with pytest.raises(SettingError, match=r"lineItems\[0\].accountCode: is not in the record"):
        with_chosen(record, "lineItems[0].accountCode", "1")


@pytest.mark.parametrize(
    ("stream", "reason", "field"),
    [
        ("sales_invoices", "customer: 2 customers have the name 'Twin'", "customer"),
        (
            "bills",
            "file.csv row 3, lineItems[0].accountCode: 2 are called so",
            "lineItems[0].accountCode",
        ),
        ("customers", "record: 2 customers have the name 'Twin'", "record"),
        ("stock_items", "record: 2 of stock_items have the same sku", "record"),
    ],
)
def test_candidates_of_earlier_versions_are_told_by_the_reason(stream, reason, field):
    doubt = Undecided(
        id=1,
        run="r",
        business=101,
        stream=stream,
        key="K",
        state="quarantined",
        sent=False,
        kind="quarantined",
        reasons=[reason],
        candidates=[{"id": 1, "name": "Twin"}],
        record={"customer": "Twin"},
        body=None,
        key_properties=[],
        updated=1.0,
    )
    (comparison,) = comparisons(doubt)
    assert comparison.field == field
    assert doubts.is_the_record(doubt) is (field == "record")
