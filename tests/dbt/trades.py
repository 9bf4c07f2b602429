"""A builder's books: what the demo's lack. CIS, other currencies at moving rates, accrual dates."""

from __future__ import annotations

from decimal import Decimal

from clearbooks_sandbox.demo.clerk import Clerk

STANDARD, ZERO = "20.00:Standard", "0.00:Zero"


def line(price, account, rate=STANDARD):
    return {
        "description": "Work",
        "unitPrice": Decimal(price),
        "quantity": 1,
        "accountCode": account,
        "vatRateKey": rate,
    }


def enter_trades(engine):
    """Add the business; its ID."""
    business = engine.add_business("Dales Builders", features=["cis", "reverse-charge"])
    clerk = Clerk(engine, business)
    bank = clerk.call("listBankAccounts")[0]
    euros = clerk.call("createBankAccount", {"name": "Euros", "currency": "EUR"})
    home = clerk.call("createCustomer", {"name": "Homes Ltd"})
    abroad = clerk.call("createCustomer", {"name": "Bau GmbH", "address": {"countryCode": "DE"}})
    mason = clerk.call("createSupplier", {"name": "A Mason"})
    quarry = clerk.call("createSupplier", {"name": "Carrière SA", "address": {"countryCode": "FR"}})

    def sale(customer, day, *lines, **fields):
        body = {
            "customerId": customer["id"],
            "date": day,
            "vatTreatment": "UK",
            "lineItems": list(lines),
            **fields,
        }
        return clerk.sales("invoices", body)

    def bill(supplier, day, *lines, **fields):
        body = {
            "supplierId": supplier["id"],
            "date": day,
            "vatTreatment": "UK",
            "lineItems": list(lines),
            **fields,
        }
        return clerk.purchase("bills", body)

    def pay(contact, account, day, amount, **fields):
        body = {
            "date": day,
            "description": "Paid",
            "amount": Decimal(amount),
            "contactId": contact["id"],
            "bankAccountId": account["id"],
            **fields,
        }
        return clerk.call("createPayment", body)

    def allocate(side, document, payment, amount):
        body = {
            "invoiceId": document["id"],
            "paymentId": payment["id"],
            "allocationType": "payment",
            "amount": Decimal(amount),
        }
        clerk.call("createAllocation", body, invoiceType=side)

    # CIS: 20 % of labour is kept back by the customer, 30 % from the mason.
    work = sale(home, "2024-02-07", line("1000", 1002001), line("200", 1001003))
    allocate("sales", work, pay(home, bank, "2024-03-04", "700"), "700")
    labour = bill(mason, "2024-02-09", line("333.33", 2002002), line("81.17", 2001003))
    allocate("purchases", labour, pay(mason, bank, "2024-02-20", "-100"), "100")
    # Accounted for in another month than its tax point.
    sale(home, "2024-03-29", line("410", 1001001), dateAccrual="2024-04-02")
    # Euros: paid in part at another rate, and in part in pounds; and wholly, which leaves pennies.
    roof = sale(
        abroad,
        "2024-02-14",
        line("333.33", 1001001, ZERO),
        line("333.33", 1001002, ZERO),
        line("333.35", 1001003, ZERO),
        vatTreatment="GE",
        currency="EUR",
        exchangeRate=Decimal("1.17"),
    )
    rate = {"exchangeRate": Decimal("1.2039")}
    allocate("sales", roof, pay(abroad, euros, "2024-03-15", "600.07", **rate), "600.07")
    allocate("sales", roof, pay(abroad, bank, "2024-04-15", "90"), "100.11")
    stone = bill(
        quarry,
        "2024-02-21",
        line("77.77", 2001003),
        line("19.99", 2001001),
        vatTreatment="SIRC",
        currency="EUR",
        exchangeRate=Decimal("1.1613"),
    )
    for day, amount in (("2024-03-01", "33.33"), ("2024-04-03", "64.43")):
        allocate("purchases", stone, pay(quarry, euros, day, f"-{amount}", **rate), amount)
    bill(mason, "2024-03-11", line("500", 2001002), vatTreatment="DRC")
    return business
