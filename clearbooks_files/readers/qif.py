"""QIF, by quiffen. It has no IDs and no balances, and its dates may be day or month first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from quiffen import ParserException, Qif

from clearbooks_files import values
from clearbooks_files.errors import FileError
from clearbooks_files.readers.statements import rows_of
from clearbooks_files.readers.text import encoding_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clearbooks_files.layout import Layout
    from clearbooks_files.rows import Row

# Sections of transactions; in others, such as lists of categories, T and D mean other things.
_SECTION = re.compile(r"!type:(?:bank|cash|ccard|oth [al])\b", re.IGNORECASE)
_DATE = re.compile(r"D\s*(\d{1,2})\s*[/.\-]\s*(\d{1,2})\b")
_MONTHS = 12


def read(path: Path, layout: Layout) -> Iterator[Row]:
    """The transactions of a file, account by account.

    Raises:
        FileError: it is no QIF.
    """
    text = path.read_text(encoding=layout.encoding or encoding_of(path))
    text = _checked(path.name, text, day_first=layout.day_first)
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


def _checked(name: str, text: str, *, day_first: bool) -> str:
    """The text with its amounts as plain numbers: the library drops what it does not know of one.

    Raises:
        FileError: an amount or a date is none, an entry has no amount or no end.
    """
    lines = text.splitlines()
    begun, amount, inside = 0, "", False
    for n, line in enumerate(lines, 1):
        kind = line[:1]
        if kind == "!":
            inside = bool(_SECTION.match(line))
        elif inside and kind == "^":
            if begun and not amount:
                raise FileError(f"{name} line {begun}: the entry has no amount (T)")
            begun, amount = 0, ""
        elif inside and line.strip():
            begun = begun or n
            if kind in ("T", "U"):
                amount = _amount(f"{name} line {n}", line[1:])
                lines[n - 1] = kind + amount
            elif kind == "D" and not _may_be(line, day_first=day_first):
                first, value = ("month", "false") if day_first else ("day", "true")
                raise FileError(
                    f"{name} line {n}: the date {values.shown(line[1:])} has its {first} first; "
                    f"read the file by a mapping with day_first: {value} under file"
                )
    if begun:
        raise FileError(
            f"{name} line {begun}: the entry has no end (^) in its last line; was the file cut off?"
        )
    return "\n".join(lines)


def _may_be(date: str, *, day_first: bool) -> bool:
    """Whether a date may have its day, or its month, first."""
    found = _DATE.match(date)
    return found is None or int(found[2 if day_first else 1]) <= _MONTHS


def _amount(where: str, text: str) -> str:
    try:
        return str(values.number(text) or 0)
    except ValueError as error:
        raise FileError(f"{where}: {error}") from None
