"""Customers and suppliers."""

from __future__ import annotations

from tests.ledger import COST, SALES


def test_contacts_share_their_ids(ledger):
    customer, supplier = ledger.customer(), ledger.supplier()
    assert (customer, supplier) == (1, 2)
    assert ledger.refused("getCustomer", customerId=supplier)[0] == 404


def test_one_entity_may_be_both_under_one_id(ledger):
    ledger.engine.dialects.on("one-entity")
    number = ledger.customer("Both Ltd", email="sales@example.com")
    assert ledger.supplier("Both Ltd", email="accounts@example.com") == number
    assert ledger.supplier("Both Ltd") != number
    assert ledger.do("getCustomer", customerId=number)["email"] == "sales@example.com"
    assert ledger.do("getSupplier", supplierId=number)["email"] == "accounts@example.com"
    ledger.do("updateSupplier", {"name": "Both plc"}, supplierId=number)
    assert ledger.do("getCustomer", customerId=number)["name"] == "Both Ltd"
    invoice, bill = ledger.sale(number)["id"], ledger.bill(number)["id"]
    ledger.allocate(invoice, 120, payment=ledger.pay(number, 120))
    ledger.allocate(bill, 120, payment=ledger.pay(number, -120), side="purchases")
    assert ledger.balances() == {SALES: -100, COST: 100}
    assert ledger.refused("deleteSupplier", supplierId=number)[0] == 409
    other = ledger.customer("Idle Ltd")
    assert ledger.supplier("Idle Ltd") == other
    ledger.do("deleteSupplier", supplierId=other)
    assert ledger.do("getCustomer", customerId=other)["name"] == "Idle Ltd"
    assert ledger.engine.books(ledger.business).contact(number)["kind"] == "customers"


def test_contact_faults(ledger):
    bad = {"name": " ", "address": {"countryCode": "UK"}}
    assert ledger.refused("createCustomer", bad) == (422, ["BLANK", "COUNTRY_CODE"])


def test_countries_are_those_of_a_fixed_list(ledger):
    for code in ("GB", "AN", "XK", "FR"):
        ledger.customer(address={"countryCode": code})
    for code in ("UK", "ZZ", "gb", "GBR", ""):
        reply = ledger.call("createSupplier", {"name": "x", "address": {"countryCode": code}})
        (fault,) = reply.json()["errors"]
        assert (reply.status, fault["source"]) == (422, "address.countryCode"), code


def test_properties_that_no_contact_has_are_refused(ledger):
    number = ledger.customer()
    wrong = {"name": "x", "notes": "y", "id": 5, "contactName": {"nickname": "z"}}
    for reply in (
        ledger.call("createCustomer", wrong),
        ledger.call("updateCustomer", wrong, customerId=number),
    ):
        assert reply.status == 400
        assert sorted((f["errorCode"], f["source"]) for f in reply.json()["errors"]) == [
            ("UNKNOWN_FIELD", "contactName.nickname"),
            ("UNKNOWN_FIELD", "id"),
            ("UNKNOWN_FIELD", "notes"),
        ]


def test_contact_update_keeps_what_is_not_sent(ledger):
    number = ledger.customer(email="a@example.org", contactName={"surname": "Ng"})
    made = ledger.do("updateCustomer", {"name": "New"}, customerId=number)
    assert made == {
        "id": number,
        "name": "New",
        "email": "a@example.org",
        "contactName": {"surname": "Ng"},
        "archived": False,
    }


def test_used_contacts_are_not_deleted(ledger):
    customer, supplier = ledger.customer(), ledger.supplier()
    ledger.sale(customer)
    ledger.pay(supplier, -1)
    assert ledger.refused("deleteCustomer", customerId=customer)[0] == 409
    assert ledger.refused("deleteSupplier", supplierId=supplier)[0] == 409
