"""The small business beside the demo's big one: a bicycle workshop, invented from end to end.

It holds what the real records lack: several VAT rates on one document, reverse charge, a foreign
currency, a document that was corrected, one that was voided, part payments.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.demo.clerk import Allocation, Clerk

if TYPE_CHECKING:
    from clearbooks_sandbox.accounting.engine import AccountingEngine
    from clearbooks_sandbox.demo.clerk import Record

NAME = "Harbour Lane Cycles"
_SALES, _SERVICES, _STOCK, _RENT, _SUBCONTRACTORS = 1001001, 1001002, 2001001, 4002001, 2001002
_SUBSCRIPTIONS, _ADVERTISING, _CAPITAL = 4004002, 4006001, 9001001
_STANDARD, _REDUCED, _ZERO = "20.00:Standard", "5.00:Reduced", "0.00:Zero"
_EXEMPT = "0.00:Exempt"


def enter_workshop(engine: AccountingEngine) -> int:
    """Add the business and its records; the ID of the business."""
    address = {
        "line1": "4 Harbour Lane",
        "town": "Whitby",
        "postcode": "YO21 3PU",
        "countryCode": "GB",
    }
    business = engine.add_business(
        NAME, type="SoleTrader", address=address, features=["reverse-charge"]
    )
    clerk = Clerk(engine, business)
    bank = clerk.call("listBankAccounts")[0]
    clerk.call(
        "createJournal",
        {
            "accountingDate": "2024-04-06",
            "description": "Money brought in",
            "lines": [
                {"accountCodeId": bank["accountCode"], "amount": 5000},
                {"accountCodeId": _CAPITAL, "amount": -5000},
            ],
        },
    )
    _sell(clerk, bank)
    _buy(clerk, bank)
    return business


def _line(text: str, price: str, account: int, rate: str, quantity: int = 1) -> dict[str, Any]:
    return {
        "description": text,
        "unitPrice": Decimal(price),
        "quantity": quantity,
        "accountCode": account,
        "vatRateKey": rate,
    }


def _sale(customer: Record, day: str, *lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    body = {"customerId": customer["id"], "date": day, "vatTreatment": "UK"}
    return body | {"lineItems": list(lines)} | fields


def _purchase(supplier: Record, day: str, *lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    body = {"supplierId": supplier["id"], "date": day, "vatTreatment": "UK"}
    return body | {"lineItems": list(lines)} | fields


def _sell(clerk: Clerk, bank: Record) -> None:
    club = clerk.call(
        "createCustomer",
        {
            "name": "Esk Valley Cycling Club",
            "contactName": {"title": "Ms", "forenames": "Anna", "surname": "Weatherill"},
            "email": "treasurer@eskvalley.example",
            "address": {"town": "Whitby", "countryCode": "GB"},
            "externalId": "CLUB-1",
        },
    )
    school = clerk.call(
        "createCustomer",
        {"name": "St Hilda's School", "email": "office@sthildas.example", "externalId": "SCHOOL-2"},
    )
    dealer = clerk.call(
        "createCustomer",
        {"name": "Great Lakes Bicycles Inc", "address": {"countryCode": "US"}},
    )
    clerk.sales(
        "quotes",
        _sale(school, "2024-04-30", _line("Service of 12 bicycles", "540", _SERVICES, _STANDARD)),
    )
    service = clerk.sales(
        "invoices",
        _sale(
            school,
            "2024-05-07",
            _line("Service of a bicycle", "45", _SERVICES, _STANDARD, 12),
            _line("Child seat", "38.50", _SALES, _REDUCED, 2),
            _line("Cycle training handbook", "12.49", _SALES, _ZERO, 3),
            _line("Cycle training, exempt", "150", _SERVICES, _EXEMPT),
            dateDue="2024-06-06",
            reference="PO 1187",
        ),
    )
    half = Decimal("300.00")
    clerk.pay(
        "sales",
        school["id"],
        bank,
        date(2024, 5, 20),
        "St Hilda's, part",
        [Allocation(service, half)],
    )
    wheels = clerk.sales(
        "invoices",
        _sale(
            club,
            "2024-05-14",
            _line("Wheel, built", "119.17", _SALES, _STANDARD, 2),
            dateDue="2024-06-13",
            reference="Wheels",
        ),
    )
    # Corrected: the first revision is voided, a new ID takes its place.
    wheels = clerk.call(
        "updateSalesDocument",
        {"lineItems": [_line("Wheel, built", "114.17", _SALES, _STANDARD, 2)]},
        salesType="invoices",
        salesId=wheels["id"],
    )
    note = clerk.sales(
        "creditNotes",
        _sale(club, "2024-05-21", _line("Spokes not used", "10", _SALES, _STANDARD)),
    )
    clerk.credit("sales", note, [wheels])
    clerk.pay(
        "sales",
        club["id"],
        bank,
        date(2024, 6, 3),
        "Esk Valley CC",
        [Allocation(wheels, wheels["due"])],
    )
    twice = clerk.sales(
        "invoices", _sale(club, "2024-05-22", _line("Entered twice", "50", _SALES, _STANDARD))
    )
    clerk.call("deleteSalesDocument", salesType="invoices", salesId=twice["id"])
    clerk.sales(
        "invoices",
        _sale(
            dealer,
            "2024-06-10",
            _line("Frame, hand-built", "980", _SALES, _ZERO),
            vatTreatment="GE",
            currency="USD",
            exchangeRate=Decimal("1.27"),
            dateDue="2024-07-10",
        ),
    )


def _buy(clerk: Clerk, bank: Record) -> None:
    parts = clerk.call(
        "createSupplier", {"name": "Northern Cycle Parts Ltd", "vatNumber": "GB999999973"}
    )
    landlord = clerk.call("createSupplier", {"name": "Whitby Harbour Estates"})
    builder = clerk.call("createSupplier", {"name": "Dales Joinery"})
    software = clerk.call(
        "createSupplier", {"name": "Atelier Logiciel SARL", "address": {"countryCode": "FR"}}
    )
    tyres = clerk.purchase(
        "bills",
        _purchase(
            parts,
            "2024-04-18",
            _line("Tyres", "18.33", _STOCK, _STANDARD, 24),
            reference="NCP-20418",
            dateDue="2024-05-18",
        ),
    )
    rent = clerk.purchase(
        "bills", _purchase(landlord, "2024-05-01", _line("Rent, May", "650", _RENT, _EXEMPT))
    )
    clerk.purchase(
        "bills",
        _purchase(
            builder,
            "2024-05-09",
            _line("Work bench, labour", "400", _SUBCONTRACTORS, _STANDARD),
            vatTreatment="DRC",
        ),
    )
    clerk.purchase(
        "bills",
        _purchase(
            software,
            "2024-05-15",
            _line("Booking software, a year", "240", _SUBSCRIPTIONS, _STANDARD),
            vatTreatment="SIRC",
        ),
    )
    note = clerk.purchase(
        "creditNotes",
        _purchase(parts, "2024-04-25", _line("Tyres returned", "18.33", _STOCK, _STANDARD, 4)),
    )
    clerk.credit("purchases", note, [tyres])
    clerk.pay(
        "purchases",
        parts["id"],
        bank,
        date(2024, 5, 16),
        "Northern Cycle Parts",
        [Allocation(tyres, tyres["due"])],
    )
    clerk.pay(
        "purchases", landlord["id"], bank, date(2024, 5, 2), "Rent", [Allocation(rent, rent["due"])]
    )
    clerk.purchase(
        "expenses",
        _purchase(parts, "2024-05-23", _line("Trade fair", "15", _ADVERTISING, _STANDARD)),
    )
