"""Customers and suppliers."""

from __future__ import annotations


def test_contacts_share_their_ids(ledger):
    customer, supplier = ledger.customer(), ledger.supplier()
    assert (customer, supplier) == (1, 2)
    assert ledger.refused("getCustomer", customerId=supplier)[0] == 404


def test_contact_faults(ledger):
    bad = {"name": " ", "address": {"countryCode": "UK"}}
    assert ledger.refused("createCustomer", bad) == (422, ["BLANK", "COUNTRY_CODE"])


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
