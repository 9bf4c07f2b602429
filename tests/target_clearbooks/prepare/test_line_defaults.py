"""What a line leaves out, and takes from its stock item or its account."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.ledger import COST, SALES, STANDARD
from tests.target_clearbooks.prepared import bill, invoice, line

ACME = {"name": "Acme Ltd"}
WIDGET = {
    "name": "Widget",
    "sku": "W-1",
    "type": "both",
    "description": "Steel widget",
    "salesUnitPrice": 12.5,
    "salesAccountCode": SALES,
    "salesVatRateKey": STANDARD,
    "purchaseUnitPrice": 7.25,
    "purchaseAccountCode": COST,
    "purchaseVatRateKey": "0.00:Zero",
}


@pytest.fixture
def shop(ledger):
    ledger.customer()
    ledger.supplier()
    ledger.item = ledger.do("createStockItem", WIDGET)["id"]
    return ledger


def test_an_item_says_everything(shop):
    [sold] = shop.body("sales_invoices", invoice(ACME, {"stockItem": "W-1", "quantity": 3}))[
        "lineItems"
    ]
    assert sold == {
        "description": "Steel widget",
        "unitPrice": Decimal("12.5"),
        "quantity": Decimal(3),
        "accountCode": SALES,
        "vatRateKey": STANDARD,
        "stockItem": shop.item,
    }
    [bought] = shop.body("bills", bill({"name": "Supplies Ltd"}, {"stockItem": "Widget"}))[
        "lineItems"
    ]
    assert bought == {
        "description": "Steel widget",
        "unitPrice": Decimal("7.25"),
        "quantity": Decimal(1),
        "accountCode": COST,
        "vatRateKey": "0.00:Zero",
        "stockItem": shop.item,
    }


@pytest.mark.parametrize(
    ("given", "name", "sent"),
    [
        ({"unitPrice": 9, "quantity": 1}, "unitPrice", Decimal(9)),
        ({"gross": 12}, "unitPrice", Decimal("10.00")),
        ({"net": 20, "quantity": 2}, "unitPrice", Decimal("10.00")),
        ({"accountCode": "Labour"}, "accountCode", 1001002),
        ({"vatRate": "0.00:Zero"}, "vatRateKey", "0.00:Zero"),
        ({"description": "Two widgets"}, "description", "Two widgets"),
    ],
)
def test_what_the_line_says_itself_wins(shop, given, name, sent):
    body = shop.body("sales_invoices", invoice(ACME, {"stockItem": "W-1", **given}))
    assert body["lineItems"][0][name] == sent


def test_a_default_of_the_references_goes_before_the_item(shop):
    record = invoice(ACME, {"stockItem": "W-1"})
    body = shop.body("sales_invoices", record, references={"vatRate": {"*": "0.00:Zero"}})
    assert body["lineItems"][0]["vatRateKey"] == "0.00:Zero"


def test_totals_are_those_of_the_price_of_the_item(shop):
    record = invoice(ACME, {"stockItem": "W-1", "quantity": 3}, gross="45.00")
    outcome = shop.prepare("sales_invoices", record)
    assert not outcome.warnings
    assert shop.create(outcome)["gross"] == Decimal("45.00")
    faults = shop.faults("sales_invoices", {**record, "gross": "46.00"}, on_difference="reject")
    assert faults == "gross: 46.00 is not what the lines come to: 45.00"


def test_an_item_without_a_price_gives_none(shop):
    shop.do("createStockItem", {"name": "Repair", "type": "sales", "salesUnitPrice": 0})
    record = invoice(ACME, {"stockItem": "Repair", "accountCode": SALES, "vatRate": "20%"})
    assert shop.faults("sales_invoices", record).splitlines() == [
        "lineItems[0].unitPrice: is required",
        "lineItems[0].quantity: is required",
    ]


def test_a_rate_of_the_item_that_is_not_legal_names_the_item(shop):
    record = invoice(ACME, {"stockItem": "W-1"}, date="2010-06-01")
    faults = shop.faults("sales_invoices", record)
    assert faults.startswith("lineItems[0].stockItem: '20.00:Standard' is not legal for")


@pytest.fixture
def proposed(shop):
    """Let the account of sales propose a VAT rate."""

    def propose(rate):
        account = shop.do("getAccountCode", accountCodeId=SALES)
        body = {"name": account["name"], "heading": account["heading"], "defaultVatRate": rate}
        shop.do("updateAccountCode", body, accountCodeId=SALES)

    return propose


BARE = {name: value for name, value in line().items() if name != "vatRateKey"}


def test_an_account_gives_its_rate_where_that_is_asked_for(shop, proposed):
    proposed(STANDARD)
    record = invoice(ACME, BARE)
    assert shop.faults("sales_invoices", record) == "lineItems[0].vatRateKey: is required"
    body = shop.body("sales_invoices", record, default_vat_rate=True)
    assert body["lineItems"][0]["vatRateKey"] == STANDARD
    given = invoice(ACME, line(rate="0.00:Zero"))
    body = shop.body("sales_invoices", given, default_vat_rate=True)
    assert body["lineItems"][0]["vatRateKey"] == "0.00:Zero"


def test_an_account_without_a_rate_gives_none(shop, proposed):
    proposed("")
    faults = shop.faults("sales_invoices", invoice(ACME, BARE), default_vat_rate=True)
    assert faults == "lineItems[0].vatRateKey: is required"


def test_a_rate_of_the_account_that_is_not_legal_names_the_account(shop, proposed):
    proposed(STANDARD)
    record = invoice(ACME, BARE, date="2010-06-01")
    faults = shop.faults("sales_invoices", record, default_vat_rate=True)
    assert faults.startswith("lineItems[0].accountCode: '20.00:Standard' is not legal for")
