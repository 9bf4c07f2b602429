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
from itertools import accumulate, pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from clearbooks.contract import load_contract
from clearbooks.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from clearbooks.paging import Record

Key = Any
"""A record's key without the business: the field itself where there is one, else a tuple."""

_encode = msgspec.json.Encoder().encode
_numbers = msgspec.json.Decoder(list[int])
_tuples = msgspec.json.Decoder(list[tuple[Any, ...]])


class CopyKeys:
    """Keys of the records of one stream and business that the loaded table holds.

    Args:
        fields: The fields of the key, without `businessId`.
        kept: What `kept` was when the last run ended.
    """

    def __init__(self, fields: Sequence[str], kept: Iterable[str] = ()) -> None:
        self._get = attrgetter(*fields)
        self._plain = len(fields) == 1
        self._parts = list(kept)
        self._held: set[Key] | None = None
        self._seen: set[Key] = set()

    @property
    def kept(self) -> list[str]:
        """For the state: text, in one piece or several."""
        return list(self._parts)

    @property
    def held(self) -> set[Key]:
        """All keys.

        Raises:
            SettingError: the state was damaged.
        """
        if self._held is None:
            self._held = set()
            for part in self._parts:
                self._held.update(_unpack(part, plain=self._plain))
        return self._held

    def add(self, records: Collection[Record]) -> bool:
        """Note that these records go out; whether the table did not hold one of them."""
        keys = [self._get(record) for record in records]
        if not self._plain:
            keys = [_jsonable(key) for key in keys]
        self._seen.update(keys)
        fresh = [key for key in keys if key not in self.held]
        if fresh:
            self.held.update(fresh)
            self._parts.append(_pack(fresh, plain=self._plain))
        return bool(fresh)

    def missing(self, covers: Callable[[Key], bool]) -> list[Key]:
        """Keys that the table holds and that this reading covered without meeting them."""
        return sorted(key for key in self.held - self._seen if covers(key))

    def remove(self, keys: Iterable[Key]) -> None:
        """Forget these keys, whose records left the ledger; and bring the text into one piece."""
        gone = self.held.intersection(keys)
        if gone or len(self._parts) > 1:
            self.held.difference_update(gone)
            self._parts = [_pack(self.held, plain=self._plain)] if self.held else []


def _jsonable(key: Key) -> Key:
    if isinstance(key, tuple):
        return tuple(_jsonable(part) for part in key)
    return key.isoformat() if isinstance(key, dt.date) else key


def _pack(keys: Iterable[Key], *, plain: bool) -> str:
    found = sorted(keys)
    if plain:
        found = [found[0], *(b - a for a, b in pairwise(found))]
    return base64.b85encode(zlib.compress(_encode(found), 9)).decode()


def _unpack(text: str, *, plain: bool) -> Iterable[Key]:
    try:
        data = zlib.decompress(base64.b85decode(text))
        return accumulate(_numbers.decode(data)) if plain else _tuples.decode(data)
    except (zlib.error, msgspec.MsgspecError, ValueError):
        raise SettingError(
            f"keys: {text[:20]!r} cannot be read; remove the bookmark to read everything"
        ) from None


def check_kept(name: str, kept: Iterable[str]) -> None:
    """Check what a state holds for `CopyKeys` of a stream.

    Raises:
        SettingError: it cannot be read.
    """
    plain = len(key_fields(name)) == 1
    for part in kept:
        _unpack(part, plain=plain)


def key_fields(name: str) -> list[str]:
    """The fields of a stream's key but the business."""
    return [field for field in load_contract().resources[name].key if field != "businessId"]
