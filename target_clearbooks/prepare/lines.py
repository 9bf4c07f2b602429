"""Lines of a document: what they name resolved to IDs, and what a stock item or account lends."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from target_clearbooks.ledger.amounts import decimal
from target_clearbooks.prepare.line_price import Line, Sums, is_priced, price
from target_clearbooks.prepare.references import ACCOUNT_CODES, STOCK_ITEMS
from target_clearbooks.prepare.stream_shapes import line_shape
from target_clearbooks.writable import Side

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_clearbooks.prepare.aliases import Aliases
    from target_clearbooks.prepare.diagnostics import Findings
    from target_clearbooks.prepare.line_price import Terms
    from target_clearbooks.prepare.references import References
    from target_clearbooks.prepare.vat import Vat


class Lines:
    """Resolves the lines of documents of one business.

    Args:
        references: Finds accounts and stock items.
        vat: Finds VAT rates.
        aliases: The source's own names.
        default_vat_rate: Whether a line without a VAT rate takes the default one of its account.
    """

    def __init__(
        self, references: References, vat: Vat, aliases: Aliases, *, default_vat_rate: bool
    ) -> None:
        self._references = references
        self._vat = vat
        self._aliases = aliases
        self._default_vat_rate = default_vat_rate

    def resolve(
        self, lines: list[dict[str, Any]], terms: Terms, findings: Findings
    ) -> tuple[list[dict[str, Any]], Sums]:
        """The lines as they are sent, and their sums."""
        shape = line_shape(terms.stream, "lineItems")
        sums = Sums()
        done = []
        for n, given in enumerate(lines):
            line = Line(f"lineItems[{n}]", dict(given), terms, findings)
            if not given:
                if not findings.mentions(line.where):
                    findings.faults.append(f"{line.where}: is empty")
                sums.known = False
                continue
            self._stock_item(line)
            self._account(line)
            self._rate(line)
            price(line, sums)
            for name in shape.missing(line.body):
                if not line.mentions(name) and not (name == "unitPrice" and is_priced(given)):
                    line.fault(name, "is required")
            done.append(line.body)
        return done, sums

    def _meant(self, line: Line, kind: str, value: Any) -> Any:
        """What a value stands for by the setting `references`; None where it names nothing."""
        found = self._aliases.meant(line.terms.stream, kind, value)
        return None if found == "" else found

    def _stock_item(self, line: Line) -> None:
        value = self._meant(line, "stockItem", line.body.pop("stockItem", None))
        if value is None:
            return
        found = line.findings.attempt(line.path("stockItem"), self._references.stock_item, value)
        if found is None:
            return
        item, depends_on = found
        line.body["stockItem"] = int(item["id"])
        line.findings.found_by(depends_on, STOCK_ITEMS)
        self._take_over(line, item)

    def _take_over(self, line: Line, item: Mapping[str, Any]) -> None:
        """Let a stock item say what its line leaves out."""
        body, prefix = line.body, _PREFIXES[line.terms.side]
        line.lend("description", item.get("description") or item.get("name"), "stockItem")
        # A price of 0 is how the ledger says that the item has none.
        listed = decimal(item.get(f"{prefix}UnitPrice") or 0)
        if listed and not is_priced(body):
            line.lend("unitPrice", listed, "stockItem")
            body.setdefault("quantity", Decimal(1))
        if self._meant(line, "accountCode", body.get("accountCode")) is None:
            line.lend("accountCode", item.get(f"{prefix}AccountCode"), "stockItem")
        if self._meant(line, "vatRate", _named_rate(body)[1]) is None:
            line.lend("vatRate", item.get(f"{prefix}VatRateKey"), "stockItem")

    def _account(self, line: Line) -> None:
        value = self._meant(line, "accountCode", line.body.pop("accountCode", None))
        if value is None:
            return
        path, look = line.path("accountCode"), self._references.account
        found = line.findings.attempt(path, look, value, line.terms.side)
        line.findings.found_by((), ACCOUNT_CODES)
        if found is None:
            return
        line.body["accountCode"] = found
        rate = self._meant(line, "vatRate", _named_rate(line.body)[1])
        if self._default_vat_rate and rate is None:
            line.lend("vatRate", self._references.default_vat_rate(found), "accountCode")

    def _rate(self, line: Line) -> None:
        """Find the rate that a line names, and leave its key in the line."""
        terms = line.terms
        named, value = _named_rate(line.body)
        for name in _RATE_NAMES:
            line.body.pop(name, None)
        value = self._meant(line, "vatRate", value)
        if value is None:
            return
        if terms.treatment is None or terms.date is None:
            # Which rates are legal is not known; what is wrong is noted already.
            line.body["vatRateKey"] = str(value)
            return
        look = partial(self._vat.rate, terms.side, terms.treatment, terms.date)
        line.rate = line.findings.attempt(line.path(named), look, value)
        # Only what is noted above is wrong with a field that has a value.
        line.body["vatRateKey"] = line.rate.key if line.rate else str(value)


_RATE_NAMES = ("vatRate", "vatRateKey")
# What the fields of a stock item for each side begin with.
_PREFIXES: Mapping[str, str] = {Side.SALES: "sales", Side.PURCHASES: "purchase"}


def _named_rate(body: Mapping[str, Any]) -> tuple[str, Any]:
    """The field by which a line names its VAT rate, and its value."""
    given = [name for name in _RATE_NAMES if body.get(name) is not None]
    name = given[0] if given else next((n for n in _RATE_NAMES if n in body), "vatRateKey")
    return name, body.get(name)
