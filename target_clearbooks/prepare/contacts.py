"""Which customer or supplier of the ledger a record means: the ladder of the setting `match`.

The first rung on which something matches decides. A contact that matches on a lower rung but
bears another ID of a higher one (two companies of one name with different VAT numbers) is
somebody else. Several matches are never chosen from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearbooks.errors import SettingError
from target_clearbooks.ledger.amounts import integer, shown, text
from target_clearbooks.ledger.spelling import (
    company_number,
    email,
    fold,
    listed,
    nearest,
    normal_name,
    vat_number,
)
from target_clearbooks.prepare.diagnostics import Ambiguous, NotFoundInLedger, NotYet, ToBeMade
from target_clearbooks.prepare.shapes import folded_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from target_clearbooks.intent import LedgerMap, Reference
    from target_clearbooks.ledger.lookups import Lookups
    from target_clearbooks.settings import TargetSettings

KINDS = ("customers", "suppliers")
RUNGS: Mapping[str, Callable[[str], str]] = {
    "externalId": str.strip,
    "vatNumber": vat_number,
    "companyNumber": company_number,
    "email": email,
    "name": normal_name,
}
# Two contacts with different values of one of these are two contacts.
_IDENTITIES = ("externalId", "vatNumber", "companyNumber")
_GENERATED = "@"


class Contacts:
    """Finds contacts of one business.

    Args:
        lookups: Where the lists come from.
        ledger_map: What source keys became.
        settings: `match` and `create_missing`.

    Raises:
        SettingError: `match` names a field that identifies nobody.
    """

    def __init__(self, lookups: Lookups, ledger_map: LedgerMap, settings: TargetSettings) -> None:
        self._lookups = lookups
        self._map = ledger_map
        if bad := [rung for rung in settings.match if rung not in RUNGS]:
            raise SettingError(f"match: {bad[0]!r} should be one of {', '.join(RUNGS)}")
        self._rungs = settings.match
        self._hints = _MOST_HINTS
        self._create = settings.create_missing
        self._steps = {rung: _values(rung) for rung in RUNGS}

    def find(
        self, kind: str, wanted: Mapping[str, Any], own_key: str | None
    ) -> tuple[int, str] | None:
        """ID of the contact that these fields describe, and the rung that found it.

        Args:
            kind: `customers` or `suppliers`.
            wanted: Fields of a contact.
            own_key: Source key of the contact, where it is known.

        Raises:
            Ambiguous: several match on the first rung that matches.
        """
        table = self._lookups.table(kind)
        for rung in self._rungs:
            value = _key(rung, wanted.get(rung))
            if value is None:
                continue
            found = table.find(rung, self._steps[rung], value)
            found = [c for c in found if not self._somebody_else(kind, c, wanted, rung, own_key)]
            # An archived contact is meant only where no other is.
            found = [c for c in found if c.get("archived") is not True] or found
            found = self._narrowed(found, wanted)
            if len(found) > 1:
                raise Ambiguous(
                    f"{len(found)} {kind} have the {rung} {shown(wanted[rung])}",
                    [{"id": c["id"], "name": c.get("name", "")} for c in found],
                )
            if found:
                return int(found[0]["id"]), rung
        return None

    def _narrowed(
        self, found: list[dict[str, Any]], wanted: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """Of several, those that match on other rungs too, if some do."""
        for rung in self._rungs if len(found) > 1 else ():
            value = _key(rung, wanted.get(rung))
            if value is not None:
                found = [c for c in found if _key(rung, c.get(rung)) == value] or found
        return found

    def _somebody_else(
        self, kind: str, row: Mapping[str, Any], wanted: Mapping[str, Any], rung: str,
        own_key: str | None,
    ) -> bool:  # fmt: skip
        for name in _IDENTITIES:
            if name == rung:
                break
            if name in self._rungs:
                ours, theirs = _key(name, wanted.get(name)), _key(name, row.get(name))
                if ours is not None and theirs is not None and ours != theirs:
                    return True
        if rung == "externalId" or "externalId" not in self._rungs or own_key is None:
            return False
        owner = self._map.owner(kind, row["id"])
        return owner is not None and owner != own_key and not is_generated(owner)

    def refer(
        self, kinds: tuple[str, ...], value: Any, field: str
    ) -> tuple[int, tuple[Reference, ...]]:
        """ID of the contact that a reference means, and the references of the map it came by.

        Args:
            kinds: `customers`, `suppliers` or both.
            value: A name, an ID, or an object with fields of a contact.
            field: The field, for messages.

        Raises:
            NotFoundInLedger: nobody matches, and none may be made.
            NotYet: a source key that the ledger does not hold.
            ToBeMade: nobody matches, and `create_missing` allows to make the contact.
            Ambiguous: several match.
        """
        wanted = _wanted(value)
        if "id" in wanted:
            return self._by_id(kinds, wanted["id"], field), ()
        external = wanted.get("externalId")
        found: dict[int, tuple[Reference, ...]] = {}
        for kind in kinds:
            if external is not None and (mapped := self._map.find(kind, external)):
                if mapped.voided:
                    raise NotFoundInLedger(f"the one with externalId {external!r} was deleted")
                found[int(mapped.remote_id)] = ((kind, external),)
            elif match := self.find(kind, wanted, external):
                found[match[0]] = ()
        if len(found) == 1:
            return next(iter(found.items()))
        if found:
            raise Ambiguous(
                f"{shown(value)} is both a customer and a supplier: name one of them by "
                "`customer` or `supplier`",
                [self._shown(kind, i) for kind in kinds for i in found if self._row(kind, i)],
            )
        raise self._nobody(kinds, wanted, value)

    def _by_id(self, kinds: tuple[str, ...], value: Any, field: str) -> int:
        contact = integer(value)
        if not any(self._row(kind, contact) for kind in kinds):
            raise NotFoundInLedger(f"there is no {_words(kinds)} {contact} ({field})")
        return contact

    def kind_of(self, contact: int) -> str | None:
        """`customers` or `suppliers`, or None where the ledger has no such contact."""
        return next((kind for kind in KINDS if self._row(kind, contact)), None)

    def row(self, contact: int) -> Mapping[str, Any] | None:
        """A contact's record, whichever it is."""
        return next((row for kind in KINDS if (row := self._row(kind, contact))), None)

    def _row(self, kind: str, contact: int) -> Mapping[str, Any] | None:
        return self._lookups.table(kind).get(contact)

    def _shown(self, kind: str, contact: int) -> dict[str, Any]:
        row = self._row(kind, contact) or {}
        return {"stream": kind, "id": contact, "name": row.get("name", "")}

    def _nobody(self, kinds: tuple[str, ...], wanted: dict[str, Any], value: Any) -> Exception:
        kind = kinds[0]
        named = str(wanted.get("name", "")).strip()
        if len(kinds) == 1 and kind in self._create and named:
            return ToBeMade(kind, self._new(wanted))
        external = wanted.get("externalId")
        if external is not None:
            return NotYet(kind, external)
        near = self._nearest(kinds, named)
        hint = f"; the nearest name is {near!r}" if near else ""
        if len(kinds) == 1 and kind not in self._create:
            hint += f"; create_missing: [{kind}] would make it"
        return NotFoundInLedger(f"no {_words(kinds)} matches {shown(value)}{hint}")

    def _nearest(self, kinds: tuple[str, ...], name: str) -> str | None:
        """The nearest name, for the first that are not found: looking for it is slow."""
        tables = [self._lookups.table(kind) for kind in kinds]
        if not name or self._hints <= 0 or sum(map(len, tables)) > _MOST_NAMES:
            return None
        self._hints -= 1
        return nearest(name, [str(row.get("name", "")) for table in tables for row in table.rows])

    def _new(self, wanted: dict[str, Any]) -> dict[str, Any]:
        if "externalId" in wanted:
            return wanted
        for rung in self._rungs:
            key = _key(rung, wanted.get(rung))
            if key is not None:
                return {**wanted, "externalId": f"{_GENERATED}{rung} {key}"}
        return {**wanted, "externalId": f"{_GENERATED}name {normal_name(str(wanted['name']))}"}


# Beyond these the nearest name costs more than it helps.
_MOST_NAMES = 2_000
_MOST_HINTS = 50


def is_generated(source_key: str) -> bool:
    """Whether `create_missing` made up this source key, because the record had none."""
    return source_key.startswith(_GENERATED)


def _wanted(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        known = folded_keys(value, (*RUNGS, "id"))
        spelt = {fold(name) for name in known}
        rest = {k: v for k, v in value.items() if fold(k) not in spelt and v not in (None, "")}
        return {**rest, **{k: v if k == "id" else text(v) for k, v in known.items()}}
    if isinstance(value, str) and value.strip():
        return {"name": value}
    if isinstance(value, int) and not isinstance(value, bool):
        return {"id": value}
    raise ValueError(f"{shown(value)} should be a name or an object such as {{name: ...}}")


def _key(rung: str, value: Any) -> str | None:
    if value is None or value == "":
        return None
    return RUNGS[rung](str(value)) or None


def _values(rung: str) -> Callable[[Mapping[str, Any]], Iterable[str]]:
    def values(row: Mapping[str, Any]) -> Iterable[str]:
        key = _key(rung, row.get(rung))
        return () if key is None else (key,)

    return values


def _words(kinds: tuple[str, ...]) -> str:
    return listed([kind.removesuffix("s") for kind in kinds]).replace(", ", " or ")
