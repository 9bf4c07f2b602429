"""What every kind of record is prepared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_clearbooks.intent import make_marker
from target_clearbooks.ledger.amounts import is_pennies, plain, text
from target_clearbooks.prepare.aliases import Aliases
from target_clearbooks.prepare.contacts import Contacts
from target_clearbooks.prepare.lines import Lines
from target_clearbooks.prepare.references import References
from target_clearbooks.prepare.vat import Vat
from target_clearbooks.writable import WRITABLE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from target_clearbooks.intent import LedgerMap
    from target_clearbooks.ledger.lookups import Lookups
    from target_clearbooks.prepare.diagnostics import Findings
    from target_clearbooks.settings import TargetSettings

Body = dict[str, Any]
_CODE = 3


class Kit:
    """The ledger, the map and the settings, and everything that finds things in them."""

    def __init__(
        self,
        lookups: Lookups,
        ledger_map: LedgerMap,
        settings: TargetSettings,
        business_id: int,
    ) -> None:
        self.lookups = lookups
        self.map = ledger_map
        self.settings = settings
        self.business_id = business_id
        self.aliases = Aliases(settings.references, WRITABLE)
        self.references = References(lookups, ledger_map)
        self.contacts = Contacts(lookups, ledger_map, settings)
        self.vat = Vat(lookups)
        self.lines = Lines(self.references, self.vat, self.aliases)

    def marker(self, stream: str, source_key: str) -> str | None:
        """What tells the record in the ledger; None where markers are off."""
        if self.settings.marker == "off":
            return None
        return make_marker(self.business_id, stream, source_key)

    def contact(
        self, stream: str, body: Body, field: str, kinds: tuple[str, ...], note: Findings
    ) -> int | None:
        """Put the ID of the contact that the record names into the body's field."""
        names = [k.removesuffix("s") for k in kinds] + ["contact"]
        given = {name: body.pop(name) for name in names if name in body}
        number = body.pop(field, None)
        if len(given) + (number is not None) > 1:
            both = [*given, *([field] if number is not None else [])]
            note.faults.append(f"{field}: give one of {', '.join(both)}")
            return None
        name, value = next(iter(given.items()), (field, None))
        if name not in (field, "contact"):
            kinds = (f"{name}s",)
        if len(kinds) == 1:
            value = self._alias(stream, kinds[0].removesuffix("s"), value, number)
        if number is not None:
            value = {"id": number}
        if value is None:
            return None
        found = note.attempt(name, self.contacts.refer, kinds, value, field)
        if found is None:
            # What is noted says it all; "is required" would be no news.
            return None
        body[field] = found[0]
        note.used(found[1])
        return found[0]

    def _alias(self, stream: str, kind: str, value: Any, number: int | None) -> Any:
        if isinstance(value, dict) and not any(v not in (None, "") for v in value.values()):
            value = None
        if isinstance(value, dict):
            for name in ("externalId", "name"):
                if isinstance(value.get(name), str):
                    meant = self.aliases.meant(stream, kind, value[name])
                    if meant != value[name]:
                        return meant
            return value
        return value if number is not None else self.aliases.meant(stream, kind, value)


def pennies_only(body: Mapping[str, Any], name: str, where: str, note: Findings) -> None:
    """Note an amount with parts of a penny."""
    value: Decimal | None = body.get(name)
    if value is not None and not is_pennies(value):
        note.faults.append(f"{where}{name}: {plain(value)} has parts of a penny")


def currency(body: Body, note: Findings) -> None:
    """Check a currency and its rate."""
    code = body.get("currency")
    if code is not None:
        code = text(code).strip().upper()
        if not code:
            del body["currency"]
            code = None
        elif not (len(code) == _CODE and code.isascii() and code.isalpha()):
            note.faults.append(f"currency: {body['currency']!r} should be a code such as EUR")
        else:
            body["currency"] = code
    rate = body.get("exchangeRate")
    if code is None and rate is None:
        body.pop("exchangeRate", None)  # a null goes only with a currency, like any rate
    if rate is not None and rate <= 0:
        note.faults.append(f"exchangeRate: {plain(rate)} should be above 0")
    if rate is not None and code is None:
        note.faults.append("exchangeRate: goes only with currency; name the currency")
    if rate is None and code not in (None, "GBP"):
        note.warnings.append(
            f"exchangeRate: none is given for {code}, so the API provides the rate"
        )
