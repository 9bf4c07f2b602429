"""Which customer or supplier of the ledger a record means, by the setting `match`.

The fields of `match` are tried in order, and the first on which something matches decides. A
contact that matches on one field but differs in a better one, such as two companies of one name
with different VAT numbers, is another contact. Of several matches none is chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearbooks.errors import SettingError
from target_clearbooks.ledger.amounts import integer, quoted, text
from target_clearbooks.ledger.spelling import (
    closest,
    company_number,
    email,
    fold,
    join_names,
    normal_name,
    vat_number,
)
from target_clearbooks.prepare.diagnostics import (
    AmbiguousError,
    MissingContactError,
    NotFoundInLedgerError,
    NotYetWrittenError,
)
from target_clearbooks.prepare.shapes import folded_keys
from target_clearbooks.writable import WRITABLE, Kind, streams_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from target_clearbooks.intent import Reference
    from target_clearbooks.ledger.lookups import Lookups
    from target_clearbooks.settings import TargetSettings
    from target_clearbooks.store.ledger_map import LedgerMap

MATCH_FIELDS: Mapping[str, Callable[[str], str]] = {
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
        if bad := [field for field in settings.match if field not in MATCH_FIELDS]:
            raise SettingError(f"match: {bad[0]!r} should be one of {', '.join(MATCH_FIELDS)}")
        self._match = settings.match
        self._hints = _MOST_HINTS
        self._create = settings.create_missing
        self._keys_of = {field: _values(field) for field in MATCH_FIELDS}

    def find(
        self, stream: str, wanted: Mapping[str, Any], own_key: str | None
    ) -> tuple[int, str] | None:
        """ID of the contact that these fields describe, and the field that found it.

        Args:
            stream: `customers` or `suppliers`.
            wanted: Fields of a contact.
            own_key: Source key of the contact, where it is known.

        Raises:
            AmbiguousError: several match on the first field that matches.
        """
        table = self._lookups.table(stream)
        for field in self._match:
            value = _key(field, wanted.get(field))
            if value is None:
                continue
            found = table.find(field, self._keys_of[field], value)
            found = [c for c in found if not self._is_another(stream, c, wanted, field, own_key)]
            # An archived contact is meant only where no other is.
            found = [c for c in found if c.get("archived") is not True] or found
            found = self._narrowed(found, wanted)
            if len(found) > 1:
                raise AmbiguousError(
                    f"{len(found)} {stream} have the {field} {quoted(wanted[field])}",
                    [{"id": c["id"], "name": c.get("name", "")} for c in found],
                )
            if found:
                return int(found[0]["id"]), field
        return None

    def _narrowed(
        self, found: list[dict[str, Any]], wanted: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """Of several, those that match on other fields too, if some do."""
        for field in self._match if len(found) > 1 else ():
            value = _key(field, wanted.get(field))
            if value is not None:
                found = [c for c in found if _key(field, c.get(field)) == value] or found
        return found

    def _is_another(
        self,
        stream: str,
        row: Mapping[str, Any],
        wanted: Mapping[str, Any],
        field: str,
        own_key: str | None,
    ) -> bool:
        for name in _IDENTITIES:
            if name == field:
                break
            if name in self._match:
                ours, theirs = _key(name, wanted.get(name)), _key(name, row.get(name))
                if ours is not None and theirs is not None and ours != theirs:
                    return True
        if field == "externalId" or "externalId" not in self._match or own_key is None:
            return False
        owner = self._map.owner(stream, row["id"])
        return owner is not None and owner != own_key and not is_generated(owner)

    def refer(
        self, streams: tuple[str, ...], value: Any, field: str
    ) -> tuple[int, tuple[Reference, ...]]:
        """ID of the contact that a reference means, and the references of the map it came by.

        Args:
            streams: `customers`, `suppliers` or both.
            value: A name, an ID, or an object with fields of a contact.
            field: The field, for messages.

        Raises:
            NotFoundInLedgerError: nobody matches, and none may be made.
            NotYetWrittenError: a source key that the ledger does not hold.
            MissingContactError: nobody matches, and `create_missing` allows to make the contact.
            AmbiguousError: several match.
        """
        wanted = _wanted(value)
        if "id" in wanted:
            return self._by_id(streams, wanted["id"], field), ()
        external = wanted.get("externalId")
        found: dict[int, tuple[Reference, ...]] = {}
        for stream in streams:
            if external is not None and (mapped := self._map.find(stream, external)):
                if mapped.voided:
                    raise NotFoundInLedgerError(f"the one with externalId {external!r} was deleted")
                found[int(mapped.remote_id)] = ((stream, external),)
            elif match := self.find(stream, wanted, external):
                found[match[0]] = ()
        if len(found) == 1:
            return next(iter(found.items()))
        if found:
            raise AmbiguousError(
                f"{quoted(value)} is both a customer and a supplier: name one of them by "
                "`customer` or `supplier`",
                [
                    self._candidate(stream, i)
                    for stream in streams
                    for i in found
                    if self._row(stream, i)
                ],
            )
        raise self._nobody(streams, wanted, value)

    def _by_id(self, streams: tuple[str, ...], value: Any, field: str) -> int:
        contact = integer(value)
        if not any(self._row(stream, contact) for stream in streams):
            raise NotFoundInLedgerError(f"there is no {_nouns(streams)} {contact} ({field})")
        return contact

    def streams_of(self, contact: int) -> tuple[str, ...]:
        """`customers`, `suppliers`, or both: one entity may be either under one ID."""
        return tuple(stream for stream in streams_of(Kind.CONTACT) if self._row(stream, contact))

    def row(self, contact: int) -> Mapping[str, Any] | None:
        """A contact's record, whichever it is."""
        return next(
            (row for stream in streams_of(Kind.CONTACT) if (row := self._row(stream, contact))),
            None,
        )

    def _row(self, stream: str, contact: int) -> Mapping[str, Any] | None:
        return self._lookups.table(stream).get(contact)

    def _candidate(self, stream: str, contact: int) -> dict[str, Any]:
        row = self._row(stream, contact) or {}
        return {"stream": stream, "id": contact, "name": row.get("name", "")}

    def _nobody(self, streams: tuple[str, ...], wanted: dict[str, Any], value: Any) -> Exception:
        stream = streams[0]
        named = str(wanted.get("name", "")).strip()
        if len(streams) == 1 and stream in self._create and named:
            return MissingContactError(stream, self._new(wanted))
        external = wanted.get("externalId")
        if external is not None:
            return NotYetWrittenError(stream, external)
        near = self._closest(streams, named)
        hint = f"; the nearest name is {near!r}" if near else ""
        if len(streams) == 1 and stream not in self._create:
            hint += f"; create_missing: [{stream}] would make it"
        return NotFoundInLedgerError(f"no {_nouns(streams)} matches {quoted(value)}{hint}")

    def _closest(self, streams: tuple[str, ...], name: str) -> str | None:
        """The nearest name, for the first that are not found: looking for it is slow."""
        tables = [self._lookups.table(stream) for stream in streams]
        if not name or self._hints <= 0 or sum(map(len, tables)) > _MOST_NAMES:
            return None
        self._hints -= 1
        return closest(name, [str(row.get("name", "")) for table in tables for row in table.rows])

    def _new(self, wanted: dict[str, Any]) -> dict[str, Any]:
        if "externalId" in wanted:
            return wanted
        for field in self._match:
            key = _key(field, wanted.get(field))
            if key is not None:
                return {**wanted, "externalId": f"{_GENERATED}{field} {key}"}
        return {**wanted, "externalId": f"{_GENERATED}name {normal_name(str(wanted['name']))}"}


# Beyond these the nearest name costs more than it helps.
_MOST_NAMES = 2_000
_MOST_HINTS = 50


def is_generated(source_key: str) -> bool:
    """Whether `create_missing` made up this source key, because the record had none."""
    return source_key.startswith(_GENERATED)


def _wanted(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        known = folded_keys(value, (*MATCH_FIELDS, "id"))
        spelt = {fold(name) for name in known}
        rest = {k: v for k, v in value.items() if fold(k) not in spelt and v not in (None, "")}
        return {**rest, **{k: v if k == "id" else text(v) for k, v in known.items()}}
    if isinstance(value, str) and value.strip():
        return {"name": value}
    if isinstance(value, int) and not isinstance(value, bool):
        return {"id": value}
    raise ValueError(f"{quoted(value)} should be a name or an object such as {{name: ...}}")


def _key(field: str, value: Any) -> str | None:
    if value is None or value == "":
        return None
    return MATCH_FIELDS[field](str(value)) or None


def _values(field: str) -> Callable[[Mapping[str, Any]], Iterable[str]]:
    def values(row: Mapping[str, Any]) -> Iterable[str]:
        key = _key(field, row.get(field))
        return () if key is None else (key,)

    return values


def _nouns(streams: tuple[str, ...]) -> str:
    return join_names([WRITABLE[stream].noun for stream in streams]).replace(", ", " or ")
