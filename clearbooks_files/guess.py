"""A mapping proposed from the header and the values of a table: a page to be corrected."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from clearbooks_files import values
from clearbooks_files.errors import FileError
from clearbooks_files.expressions import identifier
from clearbooks_files.layout import Layout
from clearbooks_files.readers import kind_of, read_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from clearbooks_files.rows import Row

_SAMPLE = 200
_FORMS = ("DD/MM/YYYY", "YYYY-MM-DD", "DD/MM/YY", "DD-MM-YYYY", "DD.MM.YYYY", "D MMM YYYY",
          "D MMM YY", "MM/DD/YYYY", "ISO")  # fmt: skip
# What a column's name says of it, best first.
_WORDS = {
    "date": r"\bdate\b|posted|\bday\b|created",
    "amount": r"^amount|\bamount\b|\bvalue\b|\btotal\b|\bgross\b|\bprice\b|\bnet\b",
    "out": r"money out|debit|paid out|withdraw",
    "in": r"money in|credit|paid in|deposit",
    "balance": r"balance",
    "text": r"descri|\bwhat\b|\bitem\b|memo|narrative|details|reference|payee|name",
    "who": r"customer|client|supplier|merchant|\bname\b|company|contact",
    "id": r"\bid\b|number|\bno\b|reference|\bref\b",
    "email": r"e-?mail",
    "phone": r"phone|mobile|\btel\b",
}


def guess(path: Path) -> dict[str, Any]:
    """A mapping for a file, as the objects of its YAML.

    A table with a balance, or with money in and out, is taken for a bank statement; one with an
    amount and a date for sales, an invoice for each row; any other with names for contacts.

    Raises:
        FileError: it is no table, or nothing in it is known.
    """
    kind = kind_of(path)
    if kind not in ("csv", "sheet"):
        raise FileError(f"{path.name}: is {kind.upper()}, which the preset {kind} reads as it is")
    rows = list(islice(read_rows(path, Layout()), _SAMPLE))
    if not rows:
        raise FileError(f"{path.name}: has a header and no rows")
    names = [name for name in rows[0].cells if name]
    typed = {name: found for name in names if (found := _typed(name, rows)) is not None}
    what = _Columns(names, typed)
    page: dict[str, Any] = {
        "title": f"{path.stem}, guessed: correct what is wrong",
        "source": re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "file",
        "file": {"header": names},
    }
    if typed:
        page["columns"] = typed
    # Rows are told apart by all that they say: an export may hold some of another one.
    digest = {"digest": [name for name in names if identifier(name) != what["balance"]]}
    if what["date"] and what.amount and (what["balance"] or (what["in"] and what["out"])):
        return page | digest | _bank(what)
    if what["date"] and what.amount:
        return page | ({} if what["id"] else digest) | _sales(what)
    if what["who"]:
        return page | _contacts(what)
    raise FileError(
        f"{path.name}: neither dates with amounts nor names are among its columns: "
        f"{', '.join(names)}; docs/files.md shows a mapping made from nothing"
    )


class _Columns:
    """Which column holds what, by its name and by what its cells are."""

    def __init__(self, names: Sequence[str], typed: dict[str, dict[str, str]]) -> None:
        self._found: dict[str, str] = {}
        for what, words in _WORDS.items():
            kind = {"date": "date", "amount": "number", "in": "number", "out": "number",
                    "balance": "number"}.get(what, "text")  # fmt: skip
            for name in names:
                fits = typed.get(name, {}).get("type", "text") == kind
                if fits and re.search(words, name, re.IGNORECASE):
                    self._found.setdefault(what, identifier(name))
        if "date" not in self._found:
            dates = [n for n, column in typed.items() if column["type"] == "date"]
            self._found |= {"date": identifier(dates[0])} if dates else {}

    def __getitem__(self, what: str) -> str:
        """What an expression calls the column; empty where there is none."""
        return self._found.get(what, "")

    @property
    def amount(self) -> str:
        """The expression for the amount of a row; money out is negative."""
        if self["in"] and self["out"]:
            return f"({self['in']} or 0) - abs({self['out']} or 0)"
        return self["amount"]


def _typed(name: str, rows: Sequence[Row]) -> dict[str, str] | None:
    """How the cells of a column are written: the first way that fits all of them."""
    cells = [row.cells[name] for row in rows if row.cells.get(name) not in (None, "")]
    # Numbers that identify something are text, although they look like numbers.
    if not cells or re.search(_WORDS["id"] + "|" + _WORDS["phone"], name, re.IGNORECASE):
        return None
    for form in _FORMS:
        if _fits(lambda cell, form=form: values.date(cell, form), cells):  # type: ignore[misc]
            return {"type": "date", "format": form}
    for decimal in (".", ","):
        if _fits(lambda cell, decimal=decimal: values.number(cell, decimal), cells):  # type: ignore[misc]
            return {"type": "number"} | ({"decimal": ","} if decimal == "," else {})
    return None


def _fits(read: Callable[[Any], Any], cells: Sequence[Any]) -> bool:
    """Whether nearly all cells can be read so; the last may be a total or a footer."""
    wrong = 0
    for cell in cells:
        try:
            read(cell)
        except ValueError:
            wrong += 1
    return wrong <= min(1, len(cells) // 4)


def _bank(what: _Columns) -> dict[str, Any]:
    month = f"str({what['date']})[:7]"
    page: dict[str, Any] = {
        "options": {
            "bankAccount": {"default": "Current account", "about": "the bank account"}
        },
        "let": {"amount": what.amount},
        "group_by": month,
        "records": [
            {
                "stream": "bank_feeds", "per": "file", "key": "option.bankAccount",
                "fields": {"bankAccount": "= option.bankAccount"},
            },
            {
                "stream": "bank_statements", "per": "group",
                "key": f"option.bankAccount + ' ' + {month}",
                "fields": {
                    "feed": {"externalId": "= option.bankAccount"},
                    "statementLines": [
                        {
                            "for_each": "row", "transactionId": "= row_id",
                            "transactionDate": f"= {what['date']}",
                            "description": "= " + (what["text"] or "'No description'"),
                            "amount": "= amount",
                        }
                    ],
                },
            },
        ],
    }  # fmt: skip
    if what["balance"]:
        page["balance"] = {"amount": "amount", "balance": what["balance"], "date": what["date"]}
    return page


def _sales(what: _Columns) -> dict[str, Any]:
    return {
        "options": {
            "salesAccount": {"default": "Revenue", "about": "the account for sales"},
            "vatRate": {"default": "20%", "about": "the VAT rate of all rows"},
        },
        "records": [
            {
                "stream": "sales_invoices",
                "key": what["id"] or "row_id",
                "fields": {
                    "customer": {"name": "= " + (what["who"] or what["text"] or "'Sales'"),
                                 **({"email": f"= {what['email']}"} if what["email"] else {})},
                    "date": f"= {what['date']}",
                    "vatTreatment": "UK",
                    "gross": f"= {what.amount}",
                    "lineItems": [
                        {
                            "description": "= " + (what["text"] or "'Sale'"),
                            "quantity": "1",
                            "gross": f"= {what.amount}",
                            "accountCode": "= option.salesAccount",
                            "vatRate": "= option.vatRate",
                        }
                    ],
                },
            }
        ],
    }  # fmt: skip


def _contacts(what: _Columns) -> dict[str, Any]:
    fields = {"name": f"= {what['who']}"}
    fields |= {name: f"= {what[name]}" for name in ("email", "phone") if what[name]}
    key = what["id"] or what["email"] or what["who"]
    return {"records": [{"stream": "customers", "key": key, "fields": fields}]}
