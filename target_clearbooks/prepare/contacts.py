"""Which customer or supplier of the ledger a record means.

A contact is meant where the best field of the setting `match` that both have agrees and none that
both have contradicts: another name, VAT number, company number or e-mail address is somebody else.
One that belongs to another source key is shared only where the name and another field agree.
Where that leaves several, or one that may not be shared, `on_ambiguous_contact` decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clearbooks.errors import SettingError
from target_clearbooks.ledger.amounts import integer, quoted, text
from target_clearbooks.ledger.candidates import as_candidate, as_candidates
from target_clearbooks.ledger.contact_keys import (
    IDENTITIES,
    compared,
    contact_key,
    is_somebody_else,
)
from target_clearbooks.ledger.likeness import is_another, likeness
from target_clearbooks.ledger.spelling import closest, fold, join_names, normal_name
from target_clearbooks.prepare.diagnostics import (
    AmbiguousError,
    MissingContactError,
    NotFoundInLedgerError,
    NotYetWrittenError,
)
from target_clearbooks.prepare.shapes import folded_keys, from_json
from target_clearbooks.source_key import GENERATED, is_generated, spelled
from target_clearbooks.writable import CONTACT_KEYS, WRITABLE, Kind, streams_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from target_clearbooks.intent import Reference
    from target_clearbooks.ledger.lookups import Lookups
    from target_clearbooks.settings import TargetSettings
    from target_clearbooks.store.ledger_map import Applied, LedgerMap

_KEY = "externalId"
# Beyond these the nearest name costs more than it helps.
_MOST_NAMES = 2_000
_MOST_HINTS = 50
_MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class _Fit:
    """A contact of the ledger that may be meant, and the fields in which it agrees."""

    row: Mapping[str, Any]
    agreeing: list[str]


class Contacts:
    """Finds contacts of one business.

    Args:
        lookups: Where the lists come from.
        ledger_map: What source keys became.
        settings: `match`, `create_missing`, `on_ambiguous_contact` and `source`.

    Raises:
        SettingError: `match` names a field that identifies nobody.
    """

    def __init__(self, lookups: Lookups, ledger_map: LedgerMap, settings: TargetSettings) -> None:
        self._lookups = lookups
        self._map = ledger_map
        if bad := [field for field in settings.match if field not in CONTACT_KEYS]:
            raise SettingError(f"match: {bad[0]!r} should be one of {', '.join(CONTACT_KEYS)}")
        self._by_key = _KEY in settings.match
        self._match = tuple(field for field in settings.match if field != _KEY)
        self._hints = _MOST_HINTS
        self._create = settings.create_missing
        self._on_ambiguous = settings.on_ambiguous_contact
        self._one_source = not settings.source
        self._keys_of = {field: _values(field) for field in (_KEY, *IDENTITIES)}

    def find(
        self,
        stream: str,
        wanted: Mapping[str, Any],
        own_key: str | None,
        *,
        makes: bool = True,
        by: str | None = None,
    ) -> tuple[int, str] | None:
        """ID of the contact that these fields describe, and the field that found it.

        Args:
            stream: `customers` or `suppliers`.
            wanted: Fields of a contact; `externalId` as the ledger would hold it.
            own_key: Source key of the contact, where it is known.
            makes: Whether one that is not found is going to be made.
            by: The one field that may find it; None for those of `match`.

        Raises:
            AmbiguousError: several may be meant, or one that belongs to another source key.
        """
        table = self._lookups.table(stream)
        external = _spelled(_KEY, wanted.get(_KEY)) if self._by_key and by is None else None
        if external is not None:
            for row in table.find(_KEY, self._keys_of[_KEY], external):
                words = f"the one of {stream} with the externalId {quoted(external)} is another"
                if self._one_source and is_somebody_else(*compared(row, wanted, self._match)):
                    return self._undecided(words, [_Fit(row, [_KEY])], makes=makes)
                return int(row["id"]), _KEY
        fits = [
            _Fit(row, agreeing)
            for row, agreeing, contradicting in self._near(stream, wanted, by)
            if not contradicting
        ]
        free = [fit for fit in fits if self._may_take(stream, fit, own_key)]
        best = self._best(free or fits)
        if not best:
            return None
        field = by or self._leading(best)
        if free and len(best) == 1:
            return int(best[0].row["id"]), field
        whose = f"{len(best)} {stream} have the {field} {quoted(wanted[field])}"
        if not free:
            whose = (
                f"{stream} {best[0].row['id']} has the {field} {quoted(wanted[field])} too, and "
                f"belongs to {self._owners(stream, best[0].row, own_key)[0]!r}"
            )
        said_new = own_key is not None and self._map.said_new(stream, own_key)
        return None if said_new else self._undecided(whose, best, makes=makes)

    def _near(
        self, stream: str, wanted: Mapping[str, Any], by: str | None = None
    ) -> Iterator[tuple[Mapping[str, Any], list[str], list[str]]]:
        """The contacts that agree in something: in which fields, and which fields contradict."""
        table = self._lookups.table(stream)
        rows: dict[Any, Mapping[str, Any]] = {}
        fields = tuple(dict.fromkeys((by, *self._match))) if by else self._match
        for field in (by,) if by else fields:
            value = contact_key(field, wanted.get(field))
            if value is not None:
                rows |= {r["id"]: r for r in table.find(field, self._keys_of[field], value)}
        for row in rows.values():
            yield row, *compared(row, wanted, fields)

    def _best(self, fits: Sequence[_Fit]) -> Sequence[_Fit]:
        """Of several, those that agree in the better fields; the archived only where no other."""
        fits = [fit for fit in fits if fit.row.get("archived") is not True] or fits
        for field in self._match:
            fits = [fit for fit in fits if field in fit.agreeing] or fits
        return fits

    def _leading(self, fits: Sequence[_Fit]) -> str:
        return next(field for field in self._match if field in fits[0].agreeing)

    def _may_take(self, stream: str, fit: _Fit, own_key: str | None) -> bool:
        """Whether a source key may take a contact: its own, nobody's, or one that it may share."""
        shares = "name" in fit.agreeing and len(fit.agreeing) > 1
        return shares or not self._owners(stream, fit.row, own_key)

    def _owners(self, stream: str, row: Mapping[str, Any], own_key: str | None) -> list[str]:
        """The other source keys that a contact of the ledger belongs to."""
        if own_key is None or is_generated(own_key):
            return []
        owners = self._map.owners(stream, row["id"])
        named = _spelled(_KEY, row.get(_KEY)) if self._by_key else None
        if own_key in owners or named == own_key:
            return []
        return [key for key in (*owners, *([named] if named else ())) if not is_generated(key)]

    def is_shared(self, stream: str, contact: Any, own_key: str) -> bool:
        """Whether a contact belongs to another source key besides."""
        return any(
            key != own_key and not is_generated(key) for key in self._map.owners(stream, contact)
        )

    def _undecided(
        self, words: str, fits: Sequence[_Fit], *, makes: bool
    ) -> tuple[int, str] | None:
        """What the setting `on_ambiguous_contact` makes of several that may be meant."""
        if self._on_ambiguous == "create" and makes:
            return None
        if self._on_ambiguous == "adopt":
            oldest = min(fits, key=lambda fit: (-len(fit.agreeing), int(fit.row["id"])))
            return int(oldest.row["id"]), oldest.agreeing[0]
        raise AmbiguousError(words, as_candidates(fit.row for fit in fits))

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
        found: dict[int, tuple[Reference, ...]] = {}
        for stream in streams:
            found |= self._referred(stream, wanted, makes=streams == (stream,))
        if len(found) == 1:
            return next(iter(found.items()))
        if found:
            raise AmbiguousError(
                f"{quoted(value)} is both a customer and a supplier: name one of them by "
                "`customer` or `supplier`",
                [
                    as_candidate(row, stream)
                    for stream in streams
                    for i in found
                    if (row := self._row(stream, i))
                ],
            )
        raise self._nobody(streams, wanted, value)

    def _referred(
        self, stream: str, wanted: Mapping[str, Any], *, makes: bool
    ) -> dict[int, tuple[Reference, ...]]:
        """ID of the contact of one stream, with the references of the map it came by, if any."""
        external, key = wanted.get(_KEY), None
        if external is not None:
            key, applied = self._map.look_up(stream, *self._map.keys_of(external))
            if applied is not None:
                if applied.mapped.voided:
                    raise NotFoundInLedgerError(f"the one with externalId {external!r} was deleted")
                number = int(applied.mapped.remote_id)
                self._refuse_another(stream, number, applied, wanted)
                return {number: ((stream, key),)}
            wanted = {**wanted, _KEY: key}
        makes = makes and self._may_make(stream, wanted)
        match = self.find(stream, wanted, key, makes=makes)
        if match is not None:
            return {match[0]: ()}
        made = self._map.find(stream, self._new(wanted)[_KEY]) if makes and key is None else None
        if made is not None and not made.voided:
            return {int(made.remote_id): ((stream, made.source_key),)}
        named = self._map.named(stream, key) if key is not None else None
        row = self._row(stream, named) if named is not None else None
        return {row["id"]: ()} if row and not compared(row, wanted, self._match)[1] else {}

    def _refuse_another(
        self, stream: str, number: int, applied: Applied, wanted: Mapping[str, Any]
    ) -> None:
        """A key that another source uses for somebody else.

        Raises:
            AmbiguousError: what the record says of the contact contradicts what was written.
        """
        asked = self._one_source and self._on_ambiguous != "adopt" and applied.hash is not None
        before = applied.likeness or {}
        if asked and is_another(stream, before, likeness(stream, dict(wanted))):
            words = f"the one of {stream} with the externalId {quoted(wanted[_KEY])} is another"
            raise AmbiguousError(words, [as_candidate(self._row(stream, number) or {"id": number})])

    def _may_make(self, stream: str, wanted: Mapping[str, Any]) -> bool:
        return stream in self._create and bool(str(wanted.get("name", "")).strip())

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

    def _nobody(self, streams: tuple[str, ...], wanted: dict[str, Any], value: Any) -> Exception:
        stream = streams[0]
        named = str(wanted.get("name", "")).strip()
        if len(streams) == 1 and self._may_make(stream, wanted):
            return MissingContactError(stream, self._new(wanted))
        external = wanted.get(_KEY)
        if external is not None:
            return NotYetWrittenError(stream, self._map.keys_of(external))
        hint = self._contradicting(streams, wanted)
        near = None if hint else self._closest(streams, named)
        hint += f"; the nearest name is {near!r}" if near else ""
        if len(streams) == 1 and stream not in self._create:
            hint += f"; create_missing: [{stream}] would make it"
        return NotFoundInLedgerError(f"no {_nouns(streams)} matches {quoted(value)}{hint}")

    def _contradicting(self, streams: tuple[str, ...], wanted: Mapping[str, Any]) -> str:
        """Contacts that agree in one field and contradict in another, for a message."""
        found = [
            f"; {stream} {row['id']} ({row.get('name', '')}) has another {' and '.join(against)}"
            for stream in streams
            for row, _, against in self._near(stream, wanted)
        ]
        return "".join(found[:_MOST_SHOWN])

    def _closest(self, streams: tuple[str, ...], name: str) -> str | None:
        """The nearest name, for the first that are not found: looking for it is slow."""
        tables = [self._lookups.table(stream) for stream in streams]
        if not name or self._hints <= 0 or sum(map(len, tables)) > _MOST_NAMES:
            return None
        self._hints -= 1
        return closest(name, [str(row.get("name", "")) for table in tables for row in table.rows])

    def _new(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """The record of a contact that is to be made, with a source key in `externalId`."""
        if _KEY in wanted:
            return dict(wanted)
        known = {field: contact_key(field, wanted.get(field)) for field in self._match}
        known["name"] = normal_name(str(wanted["name"]))
        words = (f"{field} {key}" for field, key in known.items() if key)
        return {**wanted, _KEY: GENERATED + ", ".join(words)}


def named_by_key(record: Mapping[str, Any]) -> tuple[str, Any] | None:
    """The stream and `externalId` of the contact that a record names, where it gives one."""
    nouns = {WRITABLE[stream].noun: stream for stream in streams_of(Kind.CONTACT)}
    for noun, value in folded_keys(record, nouns).items():
        contact = from_json(value)
        if isinstance(contact, dict) and (given := folded_keys(contact, (_KEY,))):
            return nouns[noun], given[_KEY]
    return None


def _wanted(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        known = folded_keys(value, (*CONTACT_KEYS, "id"))
        spelt = {fold(name) for name in known}
        rest = {k: v for k, v in value.items() if fold(k) not in spelt and v not in (None, "")}
        return {**rest, **{k: v if k == "id" else text(v) for k, v in known.items()}}
    if isinstance(value, str) and value.strip():
        return {"name": value}
    if isinstance(value, int) and not isinstance(value, bool):
        return {"id": value}
    raise ValueError(f"{quoted(value)} should be a name or an object such as {{name: ...}}")


def _spelled(field: str, value: Any) -> str | None:
    """A field as it is compared; None where it identifies nobody."""
    if field != _KEY:
        return contact_key(field, value)
    return None if value in (None, "") else spelled(value).strip() or None


def _values(field: str) -> Callable[[Mapping[str, Any]], Iterable[str]]:
    def values(row: Mapping[str, Any]) -> Iterable[str]:
        key = _spelled(field, row.get(field))
        return () if key is None else (key,)

    return values


def _nouns(streams: tuple[str, ...]) -> str:
    return join_names([WRITABLE[stream].noun for stream in streams]).replace(", ", " or ")
