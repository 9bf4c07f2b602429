"""What a write comes to in money."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clearbooks.contract import HOME_CURRENCY
from target_clearbooks.ledger.amounts import decimal, pennies, times
from target_clearbooks.store.totals import Amounts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_clearbooks.intent import Intent


def worth(body: Mapping[str, Any]) -> Decimal:
    """What a body comes to: the net of a document, a payment's amount, a journal's debits."""
    items = body.get("lineItems")
    if items:
        return sum(
            (
                pennies(times(Decimal(item["unitPrice"]), Decimal(item["quantity"])))
                for item in items
                if "unitPrice" in item and "quantity" in item
            ),
            Decimal(0),
        )
    amounts = [Decimal(line["amount"]) for line in body.get("lines", ()) if "amount" in line]
    if amounts:
        return sum((amount for amount in amounts if amount > 0), Decimal(0))
    lines = body.get("statementLines", ())
    if lines:
        return sum((Decimal(line.get("amount") or 0) for line in lines), Decimal(0))
    return Decimal(body.get("amount") or 0)


def comes_to(intent: Intent, record: Mapping[str, Any]) -> Amounts | None:
    """What a write comes to: as the ledger answered it, else by what was sent.

    Args:
        intent: The write.
        record: What the API answered, or holds; it may leave anything out.

    Returns:
        None where there is no money in it.
    """
    body = intent.body if isinstance(intent.body, dict) else {}
    answered = {name: _amount(record.get(name)) for name in ("net", "gross", "amount")}
    net, gross = answered["net"], answered["gross"]
    if net is None:
        net = worth(body) or answered["amount"] or Decimal(0)
    if gross is None:
        gross = intent.total
    currency = str(record.get("currency") or body.get("currency") or HOME_CURRENCY)
    return Amounts(currency, net, gross) if net or gross else None


def _amount(value: Any) -> Decimal | None:
    try:
        return None if value is None else decimal(value)
    except ValueError:
        return None
