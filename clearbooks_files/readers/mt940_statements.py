"""MT940, by mt-940."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import mt940

from clearbooks_files.errors import FileError
from clearbooks_files.readers.statements import rows_of
from clearbooks_files.readers.text import encoding_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clearbooks_files.layout import Layout
    from clearbooks_files.rows import Row

_NONE = ("NONREF", "")
# Credits, and reversals of debits; the library takes a reversal (`RC`, `RD`) for its contrary.
_IN = ("C", "RD", "EC")


def read(path: Path, layout: Layout) -> Iterator[Row]:
    """The transactions of a file, statement by statement.

    Raises:
        FileError: it is no MT940, or a statement does not come to its closing balance.
    """
    text = path.read_text(encoding=layout.encoding or encoding_of(path))
    try:
        statements = mt940.parse_statements(text)
    except (ValueError, RuntimeError, ArithmeticError, LookupError) as error:
        raise FileError(f"{path.name}: cannot be read as MT940: {error}") from None
    first = 1
    for statement in statements:
        data = statement.data
        lines = [_line(transaction.data) for transaction in statement]
        opening, closing = (_balance(data, end) for end in ("opening", "closing"))
        if lines and closing is None:
            raise FileError(
                f"{path.name}: statement {data.get('statement_number')} has no closing balance "
                "(:62F:); was the file cut off?"
            )
        about = {
            "Statement": str(data.get("statement_number") or ""),
            "Account": data.get("account_identification"),
            "Currency": lines[0].pop("Currency") if lines else "",
            "Opening balance": opening,
            "Closing balance": closing,
        }
        yield from rows_of(path.name, first, about, lines)
        first += len(lines)


def _balance(data: dict[str, Any], end: str) -> Any:
    """A balance; `60M` and `62M` stand in the middle of a statement that runs over pages."""
    for kind in ("final", "intermediate"):
        if balance := data.get(f"{kind}_{end}_balance"):
            return balance.amount.amount
    return None


def _line(data: dict[str, Any]) -> dict[str, Any]:
    details = " ".join(str(data.get("transaction_details") or "").split())
    extra = str(data.get("extra_details") or "").strip()
    customer, bank = (
        str(data.get(f"{who}_reference") or "").strip() for who in ("customer", "bank")
    )
    # The day of the booking, as in CAMT.053; where none is given, that of the value.
    amount, day = data["amount"], data.get("guessed_entry_date") or data["date"]
    return {
        # The library's own kind of date is none that msgspec knows.
        "Date": dt.date(day.year, day.month, day.day),
        "Amount": abs(amount.amount) if data.get("status") in _IN else -abs(amount.amount),
        "Currency": amount.currency,
        "Text": details or extra or ("" if customer in _NONE else customer),
        "Name": extra,
        "Reference": "" if customer in _NONE else customer,
        "ID": bank,
        "Type": data.get("id"),
    }
