"""QIF, by quiffen. It has no IDs and no balances, and its dates may be day or month first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quiffen import ParserException, Qif

from clearbooks_files.errors import FileError
from clearbooks_files.readers.statements import rows_of
from clearbooks_files.readers.text import encoding_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clearbooks_files.layout import Layout
    from clearbooks_files.rows import Row


def read(path: Path, layout: Layout) -> Iterator[Row]:
    """The transactions of a file, account by account.

    Raises:
        FileError: it is no QIF.
    """
    text = path.read_text(encoding=layout.encoding or encoding_of(path))
    try:
        accounts = Qif.parse_string(text, day_first=layout.day_first).accounts
    except (ParserException, ValueError, ArithmeticError) as error:
        words = str(error).partition("\n")[0] or type(error).__name__
        raise FileError(f"{path.name}: cannot be read as QIF: {words}") from None
    first = 1
    for number, account in enumerate(accounts.values(), 1):
        lines = [
            {
                "Date": entry.date.date(),
                "Amount": entry.amount,
                "Text": " ".join(filter(None, (entry.payee, entry.memo))),
                "Name": entry.payee,
                "Reference": entry.check_number,
                "Type": entry.category.name if entry.category else "",
            }
            for entries in account.transactions.values()
            for entry in entries
            if getattr(entry, "amount", None) is not None
        ]
        about = {"Statement": str(number), "Account": account.name}
        yield from rows_of(path.name, first, about, lines)
        first += len(lines)
