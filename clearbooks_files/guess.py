"""A mapping proposed from the header and the values of a table: a page to be corrected."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import groupby, islice
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
# What a column's name says of it, the best first.
_TAX = r"\b(?:vat|tax)\b"
_NUMBER = r"\bid\b|number|\bno\b|reference|\bref\b"
_PARTIES = r"customer|client|supplier|vendor|subcontractor|merchant"
_WORDS = {
    "date": (r"^(?!.*\bdue\b).*\bdate\b", r"posted|\bday\b|created", r"\bdate\b"),
    "amount": (
        rf"^(?!.*{_TAX}).*\bamount\b",
        r"\bamount\b|\bvalue\b|\btotal\b|\bgross\b|\bprice\b|\bnet\b",
    ),
    "out": (r"money out|debit|paid out|withdraw",),
    "in": (r"money in|credit|paid in|deposit",),
    "balance": (r"balance",),
    "text": (
        r"^(?!.*account).*descri|\bwhat\b",
        r"details|narrative|\bitem\b|memo",
        r"descri|reference|payee|name",
    ),
    "who": (
        r"(customer|client|supplier|vendor|merchant|contact|company) ?name",
        rf"^(?!.*(\bid\b|\bref|\bno\b|number|mail)).*({_PARTIES}|company|contact)",
        r"\bname\b|payee|account ref",
        _PARTIES,
    ),
    "id": (
        r"(invoice|bill|order|document|doc|job|sale) ?(no\b|num|ref|id\b)",
        rf"^(?!.*({_PARTIES}|account|contact|stock|item|vat|tax|a/c)).*({_NUMBER})",
        _NUMBER,
    ),
    "email": (r"e-?mail",),
    "phone": (r"phone|mobile|\btel\b",),
    "gross": (r"gross|\btotal\b|inc\w*\.?\s+(vat|tax)",),
    "net": (r"\bnet\b|subtotal|ex\w*\.?\s+(vat|tax)",),
    "unit": (r"\bunit\b|\beach\b|\bprice\b|\brate\b",),
    "quantity": (r"\bqty\b|quantity|\bunits\b|\bhours\b",),
    "vat": (rf"^(?!.*(\bno\b|number|reg|\binc|\bex|rate)).*{_TAX}",),
    "vatRate": (rf"{_TAX}.*(rate|code|type)", r"^(vat|tax)\b(?!.*(\bno\b|number|reg))"),
}
# Numbers that identify something are text, although they look like numbers.
_NO_NUMBERS = "|".join((*_WORDS["id"], *_WORDS["phone"], r"\bcode\b"))
# Between the words of `InvoiceDate`, `VATAmount` and `invoice_date`.
_GAP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_")
# What VAT is of a net price, by rate. None of them is what another is of a gross price.
_OF_NET = tuple(map(Decimal, ("0.2", "0.175", "0.15", "0.05")))
# More than a price with the highest of them, and less than one without.
_MOST_GROSS, _PENNY = Decimal("1.21"), Decimal("0.02")
_NUMBERS = ("amount", "in", "out", "balance", "gross", "net", "unit", "quantity", "vat")
_TOTALS = ("total", "grand total", "subtotal")
_PURCHASES = r"\bbill\b|supplier|vendor|subcontractor|merchant|payee"


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
    if _is_data(names):
        raise FileError(
            f"{path.name}: has no header, its first row is {', '.join(names)}; say in a mapping of "
            "your own what its columns are called, such as `file: {names: [Date, Details, Amount]}`"
        )
    typed = {name: found for name in names if (found := _typed(name, rows)) is not None}
    what = _Columns([name for name in names if any(row.cells[name] for row in rows)], typed, rows)
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

    def __init__(
        self, names: Sequence[str], typed: dict[str, dict[str, str]], rows: Sequence[Row]
    ) -> None:
        self._found: dict[str, str] = {}
        self._names = {identifier(name): name for name in names}
        for what, patterns in _WORDS.items():
            kind = "date" if what == "date" else "number" if what in _NUMBERS else "text"
            fitting = [n for n in names if typed.get(n, {}).get("type", "text") == kind]
            for words in patterns:
                for name in fitting:
                    if _says(words, name):
                        self._found.setdefault(what, identifier(name))
        if "date" not in self._found:
            dates = [n for n, column in typed.items() if column["type"] == "date"]
            self._found |= {"date": identifier(dates[0])} if dates else {}
        self._typed, self._rows = typed, rows
        self.repeated = self._is_repeated()

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
            if self[field] and not (field == "gross" and self.repeated):
                return field, self[field]
        if self["unit"] and self["quantity"]:
            # Who states VAT beside it, or gives its rate, states prices without it.
            net = self["vat"] or self["vatRate"]
            return ("unitPrice" if net else "grossUnitPrice"), self["unit"]
        field = "net" if self._is_net() else "gross"
        return (field, self["amount"]) if self["amount"] else ("", "")

    def _number(self, row: Row, what: str) -> Decimal:
        """The number that a row has; 0 where it has none."""
        name = self.column(what)
        try:
            found = values.number(
                row.cells.get(name), self._typed.get(name, {}).get("decimal", ".")
            )
        except ValueError:
            found = None
        return found or Decimal(0)

    def _is_net(self) -> bool:
        """Whether the VAT beside the amounts is VAT on top of them, by what they are."""
        pairs = [(self._number(row, "amount"), self._number(row, "vat")) for row in self._rows]
        taxed = [(amount, vat) for amount, vat in pairs if vat]
        return bool(taxed) and all(
            any(abs(amount * rate - vat) <= _PENNY for rate in _OF_NET) for amount, vat in taxed
        )

    def _is_repeated(self) -> bool:
        """Whether the total is that of the document, and each of its rows has it."""
        number, total = self.column("id"), self.column("gross")
        if not (number and total and (self["net"] or (self["unit"] and self["quantity"]))):
            return False
        below = False
        for _, group in groupby(self._rows, lambda row: row.cells.get(number)):
            rows = list(group)
            if len({row.cells.get(total) for row in rows}) > 1:
                return False
            for row in rows if len(rows) > 1 else ():
                price = self._number(row, "net") or (
                    self._number(row, "unit") * self._number(row, "quantity")
                )
                below |= price * _MOST_GROSS + _PENNY < self._number(row, "gross")
        return below


def _is_data(names: Sequence[str]) -> bool:
    """Whether what should be names are a date and an amount."""
    dated = any(
        _fits(lambda cell, form=form: values.date(cell, form), [name])  # type: ignore[misc]
        for form in _FORMS
        for name in names
    )
    return dated and any(_fits(values.number, [name]) for name in names)


def _says(words: str, name: str) -> bool:
    """Whether a column's name says something, however its words are joined."""
    return re.search(words, _GAP.sub(" ", name), re.IGNORECASE) is not None


def _typed(name: str, rows: Sequence[Row]) -> dict[str, str] | None:
    """How the cells of a column are written: the first way that fits all of them."""
    cells = [row.cells[name] for row in rows if row.cells.get(name) not in (None, "")]
    if not cells or _says(_NO_NUMBERS, name):
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
    bills = any(_says(_PURCHASES, what.column(name)) for name in ("who", "id", "date"))
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
    if what["vat"] and field in ("gross", "net", "unitPrice"):
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
    elif what.repeated:
        fields["gross"] = f"= first('{what['gross']}')"
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
