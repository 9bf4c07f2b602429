"""The demo: one business made from real UK records, and a small one beside it.

`data/README.md` says where the records come from and what is made of them.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from hashlib import sha1
from typing import TYPE_CHECKING

from clearbooks_sandbox.demo.clerk import Clerk
from clearbooks_sandbox.demo.purchases import Purchases
from clearbooks_sandbox.demo.retail import Retail
from clearbooks_sandbox.demo.workshop import enter_workshop

if TYPE_CHECKING:
    from clearbooks_sandbox.accounting.engine import AccountingEngine
    from clearbooks_sandbox.demo.clerk import Record

NAME = "Thames Gifts and Services Ltd"
OPENING = Decimal("9000000.00")
_CAPITAL = 9001001
_OPENED, _YEAR_END = date(2010, 11, 30), date(2010, 12, 31)


def build(engine: AccountingEngine) -> tuple[int, int]:
    """Fill the engine with the demo's two businesses; always the same.

    Returns:
        The IDs of the business made from real records and of the small one.
    """
    address = {"line1": "1 Bankside", "town": "London", "postcode": "SE1 9TG", "countryCode": "GB"}
    with engine.bulk():
        business = engine.add_business(NAME, address=address)
        clerk = Clerk(engine, business)
        current, takings = _bank(clerk)
        _journal(clerk, _OPENED, "Opening balance", current, _CAPITAL, OPENING)
        Retail(clerk, current, takings).enter()
        Purchases(clerk, current).enter()
        taken = sum(p["amount"] for p in clerk.paid if p["bankAccountId"] == takings["id"])
        _journal(clerk, _YEAR_END, "Card takings paid over", current, takings["accountCode"], taken)
        _feed(clerk, current, taken)
        small = enter_workshop(engine)
    return business, small


def _bank(clerk: Clerk) -> tuple[Record, Record]:
    current = clerk.call("listBankAccounts")[0]
    # The sort code of no bank, so that nobody can be paid by mistake.
    details = {"accountNumber": "12345678", "sortCode": "00-00-00"}
    current = clerk.call("updateBankAccount", details, bankAccountId=current["id"])
    takings = clerk.call("createBankAccount", {"name": "Card takings"})
    return current, takings


def _journal(
    clerk: Clerk, day: date, text: str, account: Record, other: int, amount: Decimal
) -> None:
    lines = [
        {"accountCodeId": account["accountCode"], "amount": amount},
        {"accountCodeId": other, "amount": -amount},
    ]
    clerk.call(
        "createJournal", {"accountingDate": day.isoformat(), "description": text, "lines": lines}
    )


def _feed(clerk: Clerk, current: Record, taken: Decimal) -> None:
    """Send the bank's lines for the payments that were entered."""
    moves = [
        (p["date"], p["description"], p["amount"])
        for p in clerk.paid
        if p["bankAccountId"] == current["id"]
    ]
    moves.append((_YEAR_END.isoformat(), "Card takings", taken))
    clerk.feed(
        current,
        [
            {
                "transactionId": sha1(
                    f"{n}:{day}:{amount}".encode(), usedforsecurity=False
                ).hexdigest(),
                "transactionDate": day,
                "description": text,
                "amount": amount,
            }
            for n, (day, text, amount) in enumerate(sorted(moves, key=lambda m: m[0]))
        ],
    )
