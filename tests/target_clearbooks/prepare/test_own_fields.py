"""The field of the body that the API names, as the record has it."""

import pytest

from target_clearbooks.prepare.own_fields import own_path

LINE = {"vat_rate": "20%", "accountCode": "Sales"}


@pytest.mark.parametrize(
    ("stream", "record", "path", "own"),
    [
        (
            "sales_invoices",
            {"lineItems": [{"vatRate": "20%"}]},
            "lineItems[0].vatRateKey",
            "lineItems[0].vatRate",
        ),
        (
            "sales_invoices",
            {"line_items": [{}, LINE]},
            "lineItems[1].vatRateKey",
            "line_items[1].vat_rate",
        ),
        (
            "sales_invoices",
            {"lineItems": '[{"vat_rate": "20%"}]'},
            "lineItems[0].vatRateKey",
            "lineItems[0].vat_rate",
        ),
        (
            "sales_invoices",
            {"lineItems": [{"gross": 5}]},
            "lineItems[0].unitPrice",
            "lineItems[0].gross",
        ),
        (
            "sales_invoices",
            {"lineItems": [LINE]},
            "lineItems[0].unitPrice",
            "lineItems[0].unitPrice",
        ),
        ("sales_invoices", {"customer": "Smith"}, "customerId", "customer"),
        ("sales_invoices", {"contact": "Smith", "customer": None}, "customerId", "contact"),
        ("sales_invoices", {"customer_id": 4}, "customerId", "customer_id"),
        ("sales_invoices", {"customer__name": "Smith"}, "customerId", "customer"),
        ("bills", {"supplier": {"name": "Smith"}}, "supplierId", "supplier"),
        ("bills", {"document_number": "7"}, "documentNumber", "document_number"),
        ("bills", {}, "vatTreatment", "vatTreatment"),
        ("bills", {"lineItems": [LINE]}, "lineItems[3].accountCode", "lineItems[3].accountCode"),
        ("bills", {"lineItems": "no JSON"}, "lineItems[0].accountCode", "lineItems[0].accountCode"),
        (
            "customers",
            {"address": {"country_code": "UK"}},
            "address.countryCode",
            "address.country_code",
        ),
        (
            "customers",
            {"address__country_code": "UK"},
            "address.countryCode",
            "address__country_code",
        ),
        ("payments", {"bankAccount": "Current"}, "bankAccountId", "bankAccount"),
        ("sales_allocations", {"invoice": {"externalId": "I1"}}, "invoiceId", "invoice"),
        (
            "journals",
            {"lines": [{"accountCode": "Sales"}]},
            "lines[0].accountCodeId",
            "lines[0].accountCode",
        ),
        ("bank_feeds", {"bankAccount": "Current"}, "items[0].accountId", "bankAccount"),
        (
            "bank_statements",
            {"transactionId": "t", "amount": 5},
            "items[0].statementLines[0].amount",
            "amount",
        ),
        (
            "bank_statements",
            {"feed": "F", "statementLines": [{"Amount": 5}]},
            "items[0].statementLines[0].amount",
            "statementLines[0].Amount",
        ),
    ],
)
def test_own_path(stream, record, path, own):
    assert own_path(stream, record, path) == own
