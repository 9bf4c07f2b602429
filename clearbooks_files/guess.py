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
_FORMS = (
    "DD/MM/YYYY",
    "YYYY-MM-DD",
    "DD/MM/YY",
    "DD-MM-YYYY",
    "DD.MM.YYYY",
    "D MMM YYYY",
    "D MMM YY",
    "MM/DD/YYYY",
    "ISO",
)
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
    "gross": r"gross|\btotal\b|inc\w*\.?\s+(vat|tax)",
    "net": r"\bnet\b|subtotal|ex\w*\.?\s+(vat|tax)",
    "unit": r"\bunit\b|\beach\b|\bprice\b|\brate\b",
    "quantity": r"\bqty\b|quantity|\bunits\b|\bhours\b",
    "vat": r"^(vat|tax)\b(?!.*(\bno\b|number|reg))",
    "vatRate": r"^(vat|tax)\b(?!.*(\bno\b|number|reg))",
}
_NUMBERS = ("amount", "in", "out", "balance", "gross", "net", "unit", "quantity", "vat")
_TOTALS = ("total", "grand total", "subtotal")
_PURCHASES = r"supplier|vendor|subcontractor|merchant|payee"


def guess(path: Path) -> dict[str, Any]:
    """A mapping for a file, as the objects of its YAML.

    A table with a balance, or with money in and out, is taken for a bank statement; one with an
    amount and a date for invoices, or bills of suppliers, with a line for each row of a number;
    any other with names for contacts.

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
    if what["date"] and what.price[1]:
        return page | ({} if what["id"] else digest) | _documents(what, rows)
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
        self._names = {identifier(name): name for name in names}
        for what, words in _WORDS.items():
            kind = "date" if what == "date" else "number" if what in _NUMBERS else "text"
            for name in names:
                fits = typed.get(name, {}).get("type", "text") == kind
                if fits and re.search(words, name, re.IGNORECASE):
                    self._found.setdefault(what, identifier(name))
        if "date" not in self._found:
            dates = [n for n, column in typed.items() if column["type"] == "date"]
            self._found |= {"date": identifier(dates[0])} if dates else {}

    def column(self, what: str) -> str:
        """The name of the column in the file."""
        return self._names.get(self[what], "")

    def __getitem__(self, what: str) -> str:
        """What an expression calls the column; empty where there is none."""
        return self._found.get(what, "")

    @property
    def amount(self) -> str:
        """The expression for the amount of a row; money out is negative."""
        if self["in"] and self["out"]:
            return f"({self['in']} or 0) - abs({self['out']} or 0)"
        return self["amount"]

    @property
    def price(self) -> tuple[str, str]:
        """The field of a document's line that has its price, and the column; empty for none."""
        for field in ("gross", "net"):
            if self[field]:
                return field, self[field]
        if self["unit"] and self["quantity"]:
            # Who states VAT beside it, or gives its rate, states prices without it.
            net = self["vat"] or self["vatRate"]
            return ("unitPrice" if net else "grossUnitPrice"), self["unit"]
        return ("gross", self["amount"]) if self["amount"] else ("", "")


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
        "options": {"bankAccount": {"default": "Current account", "about": "the bank account"}},
        "let": {"amount": what.amount},
        "group_by": month,
        "records": [
            {
                "stream": "bank_feeds",
                "per": "file",
                "key": "option.bankAccount",
                "fields": {"bankAccount": "= option.bankAccount"},
            },
            {
                "stream": "bank_statements",
                "per": "group",
                "key": f"option.bankAccount + ' ' + {month}",
                "fields": {
                    "feed": {"externalId": "= option.bankAccount"},
                    "statementLines": [
                        {
                            "for_each": "row",
                            "transactionId": "= row_id",
                            "transactionDate": f"= {what['date']}",
                            "description": "= " + (what["text"] or "'No description'"),
                            "amount": "= amount",
                        }
                    ],
                },
            },
        ],
    }
    if what["balance"]:
        page["balance"] = {"amount": "amount", "balance": what["balance"], "date": what["date"]}
    return page


def _documents(what: _Columns, rows: Sequence[Row]) -> dict[str, Any]:
    """Invoices, or bills where the other party supplies; rows of one number are its lines."""
    bills = bool(re.search(_PURCHASES, what.column("who"), re.IGNORECASE))
    account = "purchaseAccount" if bills else "salesAccount"
    options = {
        account: {
            "default": "General administration" if bills else "Revenue",
            "about": "the account of all lines",
        }
    }
    if not what["vatRate"]:
        options["vatRate"] = {"default": "20%", "about": "the VAT rate of all rows"}
    field, price = what.price
    total = _row_of_totals(what, rows)
    numbers = [row.cells.get(what.column("id")) for row in rows if row is not total]
    grouped = bool(what["id"]) and len(set(numbers)) < len(numbers)
    line: dict[str, Any] = {"for_each": "row"} if grouped else {}
    line |= {
        "description": "= " + (what["text"] or "'Sale'"),
        "quantity": f"= {what['quantity']}" if what["quantity"] else "1",
        field: f"= {price}",
        "accountCode": f"= option.{account}",
        "vatRate": "= " + (what["vatRate"] or "option.vatRate"),
    }
    if what["vat"] and field in ("gross", "net"):
        line["vatAmount"] = f"= {what['vat']}"
    fields: dict[str, Any] = {
        ("supplier" if bills else "customer"): {
            "name": "= " + (what["who"] or what["text"] or "'Sales'"),
            **({"email": f"= {what['email']}"} if what["email"] else {}),
        },
        "date": f"= {what['date']}",
        "vatTreatment": "UK",
    }
    if field == "gross":
        fields["gross"] = f"= sum('{price}')" if grouped else f"= {price}"
    record: dict[str, Any] = {"stream": "bills" if bills else "sales_invoices"}
    if grouped:
        record["per"] = "group"
    record |= {"key": what["id"] or "row_id", "fields": fields | {"lineItems": [line]}}
    page: dict[str, Any] = {"options": options, "records": [record]}
    if grouped:
        page["group_by"] = what["id"]
    if total is not None:
        page |= _check_of_totals(what, total, price)
    return page


def _row_of_totals(what: _Columns, rows: Sequence[Row]) -> Row | None:
    """The last row, where it says that it is one of totals, or has no date."""
    last = rows[-1]
    dated = last.cells.get(what.column("date")) not in (None, "")
    return last if len(rows) > 1 and (_says_total(last) or not dated) else None


def _says_total(row: Row) -> str:
    """The condition by which a row of totals is known; empty where none of its cells says so."""
    for name, cell in row.cells.items():
        for word in _TOTALS:
            if str(cell).strip().lower().startswith(word):
                return f"{identifier(name)}.lower().startswith('{word}')"
    return ""


def _check_of_totals(what: _Columns, total: Row, price: str) -> dict[str, Any]:
    return {
        "totals": _says_total(total) or f"not {what['date']}",
        "sums": {"total": f"{price} or 0"},
        "checks": [{"name": "Total", "file": f"totals.{price}", "rows": "sums.total"}],
    }


def _contacts(what: _Columns) -> dict[str, Any]:
    fields = {"name": f"= {what['who']}"}
    fields |= {name: f"= {what[name]}" for name in ("email", "phone") if what[name]}
    key = what["id"] or what["email"] or what["who"]
    return {"records": [{"stream": "customers", "key": key, "fields": fields}]}
