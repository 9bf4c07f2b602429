"""Which records the loaded table holds, so that those that left the ledger can be named.

The API tells of no deletion. So the state keeps the keys of all records that went out, and what a
whole reading does not meet any more has left the ledger. Keys are kept as the differences of
sorted numbers, compressed: a sequence of 20,000 IDs without gaps takes some 50 bytes, one with
random gaps about 10 KB.
"""

from __future__ import annotations

import base64
import datetime as dt
import zlib
from abc import ABC, abstractmethod
from functools import cached_property
from itertools import accumulate, pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
from pyroaring import BitMap64
from typing_extensions import override

from clearbooks.contract import load_contract
from clearbooks.errors import SettingError
from clearbooks.paging import BEYOND_IDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from clearbooks.paging import Record

T = TypeVar("T")
Key = Any
"""A record's key without the business: the field itself where there is one, else a tuple."""

_encode = msgspec.json.Encoder().encode
# IDs in ascending order: the first, and the differences.
_numbers = msgspec.json.Decoder(list[Annotated[int, msgspec.Meta(ge=0)]])
_tuples = msgspec.json.Decoder(list[tuple[Any, ...]])
_counts = msgspec.json.Decoder(list[tuple[int, int]])


class CopyKeys(ABC):
    """Keys of the records of one stream and business that the loaded table holds.

    Args:
        fields: The fields of the key, without `businessId`.
        kept: What `kept` was when the last run ended.
    """

    def __init__(self, fields: Sequence[str], kept: Iterable[str] = ()) -> None:
        self._get = attrgetter(*fields)
        self._parts = list(kept)
        # Of what was held those that this run met, and what it added: of the kind that `_held` is.
        self._met: Any = self._none()
        self._fresh: Any = self._none()

    def unknown(self, records: Iterable[Record]) -> list[Record]:
        """The records that the table does not hold."""
        return [record for record in records if self._get(record) not in self]

    @property
    def kept(self) -> list[str]:
        """For the state: text, in one piece or several."""
        return list(self._parts)

    @abstractmethod
    def __contains__(self, key: Key) -> bool:
        """Whether the table holds that key."""

    @abstractmethod
    def add(self, records: Iterable[Record]) -> bool:
        """Note that these records go out; whether the table did not hold one of them.

        Raises:
            SettingError: the state was damaged.
        """

    @abstractmethod
    def leave(self, covers: Callable[[Key], bool]) -> list[Key]:
        """Forget the keys that this reading covered without meeting them, and tell which."""

    def check(self) -> None:
        """Read what was kept.

        Raises:
            SettingError: it was damaged.
        """
        _ = self._held

    @abstractmethod
    def _none(self) -> Any:
        """An empty collection of the kind that `_held` is."""

    @property
    @abstractmethod
    def _held(self) -> Any:
        """What was kept when the last run ended."""

    @abstractmethod
    def _pack(self, found: Any) -> str:
        """A collection of that kind as text."""

    def _note(self, fresh: Any) -> bool:
        """Take in what the table did not hold; whether there was any."""
        if fresh:
            self._fresh |= fresh
            self._parts.append(self._pack(fresh))
        return bool(fresh)

    def _settle(self) -> None:
        """Bring the text into one piece."""
        left = self._held | self._fresh
        self._parts = [self._pack(left)] if left else []


class RecordKeys(CopyKeys):
    """Each key on its own: numbers as differences, keys of several fields as they are."""

    def __init__(self, fields: Sequence[str], kept: Iterable[str] = ()) -> None:
        self._plain = len(fields) == 1
        # IDs that lie close together take two bytes each or less in a bitmap, some forty in a set.
        self._collection: Any = BitMap64 if self._plain else set
        self._decoder: msgspec.json.Decoder[Any] = _numbers if self._plain else _tuples
        super().__init__(fields, kept)

    @override
    def _none(self) -> Any:
        return self._collection()

    @override
    @cached_property
    def _held(self) -> Any:
        found = self._none()
        for part in self._parts:
            keys = _unpack(part, self._decoder)
            found.update(accumulate(keys) if self._plain else keys)
        return found

    @override
    def __contains__(self, key: Key) -> bool:
        # Others' records may name an ID that no record has.
        known = not self._plain or 0 <= key < BEYOND_IDS
        return known and (key in self._held or key in self._fresh)

    @override
    def add(self, records: Iterable[Record]) -> bool:
        found = map(self._get, records)
        keys = self._collection(found if self._plain else (tuple(map(_jsonable, k)) for k in found))
        self._met |= keys & self._held
        return self._note(keys - self._held - self._fresh)

    @override
    def leave(self, covers: Callable[[Key], bool]) -> list[Key]:
        gone = sorted(filter(covers, self._held - self._met))
        self._held -= self._collection(gone)
        self._settle()
        return gone

    @override
    def _pack(self, found: Any) -> str:
        keys = sorted(found)
        return _pack(_differences(keys) if self._plain else keys)


class LineKeys(CopyKeys):
    """Keys of lines, whose numbers begin at 1: how many each record has."""

    @override
    def _none(self) -> dict[int, int]:
        return {}

    @override
    @cached_property
    def _held(self) -> dict[int, int]:
        found: dict[int, int] = {}
        for part in self._parts:
            record = 0
            for difference, count in _unpack(part, _counts):
                record += difference
                found[record] = count
        return found

    @override
    def __contains__(self, key: Key) -> bool:
        record, number = key
        return bool(number <= max(self._held.get(record, 0), self._fresh.get(record, 0)))

    @override
    def add(self, records: Iterable[Record]) -> bool:
        # Of each record the last line stays.
        counts = dict(map(self._get, records))
        self._met |= {record: counts[record] for record in counts.keys() & self._held.keys()}
        return self._note({r: n for r, n in counts.items() if (r, n) not in self})

    @override
    def leave(self, covers: Callable[[Key], bool]) -> list[Key]:
        gone = [
            (record, number)
            for record, count in sorted(self._held.items())
            for number in range(self._met.get(record, 0) + 1, count + 1)
            if covers((record, number))
        ]
        for record, _ in gone:
            self._held.pop(record, None)
        self._held |= {record: self._met[record] for record, _ in gone if record in self._met}
        self._settle()
        return gone

    @override
    def _pack(self, found: Mapping[int, int]) -> str:
        records = sorted(found)
        return _pack(list(zip(_differences(records), map(found.get, records), strict=True)))


def copy_keys(stream: str, kept: Iterable[str] = ()) -> CopyKeys:
    """The keys of a stream, as its state keeps them."""
    fields = key_fields(stream)
    return LineKeys(fields, kept) if "lineNumber" in fields else RecordKeys(fields, kept)


def _jsonable(part: Any) -> Any:
    return part.isoformat() if isinstance(part, dt.date) else part


def _differences(numbers: Sequence[int]) -> list[int]:
    return [*numbers[:1], *(b - a for a, b in pairwise(numbers))]


def _pack(found: Any) -> str:
    return base64.b85encode(zlib.compress(_encode(found))).decode()


def _unpack(text: str, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        return decoder.decode(zlib.decompress(base64.b85decode(text)))
    except (zlib.error, msgspec.MsgspecError, ValueError):
        raise SettingError(
            f"keys: {text[:20]!r} cannot be read; remove the bookmark to read everything"
        ) from None


def key_fields(name: str) -> list[str]:
    """The fields of a stream's key but the business."""
    return [field for field in load_contract().resources[name].key if field != "businessId"]
