"""Checks of what is handed in beside the settings: the catalog and the state.

The SDK takes both as they are, and trips on what is wrong with them somewhere later. Here a mistake
is named by its place, with what would be right. What the checks do not know is left alone, since
the state of a later version has further keys.
"""

from __future__ import annotations

import datetime as dt
import difflib
import json
import re
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from clearbooks.errors import SettingError
from tap_clearbooks.keys import copy_keys
from tap_clearbooks.streams import STREAMS, resource

if TYPE_CHECKING:
    from collections.abc import Mapping

_REMEDY = "take the catalog of `tap-clearbooks --discover`"
_PLACE = re.compile(r" - at `(?:key in )?\$?\.?(.*)`$")
_GOT = re.compile(r"^Expected `(.*)`, got `(.*)`$")
_NAMES = {
    "object": "an object",
    "array": "a list",
    "str": "text",
    "int": "a whole number",
    "bool": "true or false",
    "date": "a date such as 2026-04-06",
}

_Id = Annotated[int, Meta(ge=0)]
_Day = dt.date
_Method = Literal["FULL_TABLE", "INCREMENTAL"]


class _Schema(Struct):
    type: str | list[str] | None = None
    properties: dict[str, _Schema] | None = None
    items: _Schema | None = None


class _TopSchema(Struct):
    properties: dict[str, _Schema]


class _Choice(Struct, rename=lambda name: name.replace("_", "-")):
    selected: bool | None = None
    selected_by_default: bool | None = None
    inclusion: Literal["available", "automatic", "unsupported"] | None = None
    table_key_properties: list[str] | None = None
    replication_key: str | None = None
    forced_replication_method: _Method | None = None
    valid_replication_keys: list[str] | None = None


class _Metadata(Struct):
    breadcrumb: list[str]
    metadata: _Choice


class _Entry(Struct, rename={"schema_": "schema"}):
    tap_stream_id: str
    schema_: _TopSchema
    stream: str | None = None
    key_properties: list[str] | None = None
    replication_key: str | None = None
    replication_method: _Method | None = None
    metadata: list[_Metadata] = field(default_factory=list)


class _Marks(Struct):
    progress_markers: dict[str, Any] | UnsetType | None = UNSET
    starting_replication_value: str | int | None = None
    replication_key_signpost: str | int | None = None


class _Copied(_Marks, kw_only=True):
    keys: list[str] = field(default_factory=list)
    total: _Id | None = None
    signs: dict[str, list[int]] | None = None
    sign: list[int] | None = None
    drafts: list[int] = field(default_factory=list)
    zeros: list[int] = field(default_factory=list)
    voided: bool = False
    read: str | None = None
    run: str | None = None
    last_run: str | None = None


class _Context(Struct, rename="camel"):
    business_id: _Id


class _ById(_Copied, kw_only=True):
    context: _Context
    replication_key_value: _Id | None = None
    last_id: _Id | None = None
    position: _Id | None = None
    window: tuple[_Day | None, _Day | None] | None = None


class _ByDate(_Copied, kw_only=True):
    context: _Context
    replication_key_value: _Day | None = None
    last_id: _Id | None = None
    position: _Id | None = None
    window: tuple[_Day | None, _Day | None] | None = None
    seal: list[int] | None = None
    period: str | None = None


class _Whole(_Copied, kw_only=True):
    context: _Context


class _Bookmark(_Marks, kw_only=True):
    partitions: list[dict[str, Any]] = field(default_factory=list)


def read_json(file: IO[str], option: str) -> Any:
    """The content of a file that `--catalog` or `--state` names.

    Raises:
        SettingError: it is not JSON.
    """
    try:
        return json.loads(file.read())
    except (ValueError, RecursionError) as error:
        raise SettingError(f"{option} {getattr(file, 'name', '')}: not JSON: {error}") from None


def check_catalog(catalog: Any) -> None:
    """Check a Singer catalog.

    Raises:
        SettingError: the first thing that is wrong with it, and what would be right.
    """
    if not isinstance(catalog, dict) or not isinstance(catalog.get("streams"), list):
        raise SettingError(f"catalog: it should be an object with the list `streams`; {_REMEDY}")
    for number, given in enumerate(catalog["streams"]):
        name = given.get("tap_stream_id") if isinstance(given, dict) else None
        if not isinstance(name, str):
            raise SettingError(
                f"catalog: streams[{number}]: it should be an object with a `tap_stream_id`; "
                f"{_REMEDY}"
            )
        if name not in STREAMS:
            near = difflib.get_close_matches(name, STREAMS, n=1)
            raise SettingError(
                f"catalog: there is no stream {name!r}; "
                + (f"did you mean {near[0]}?" if near else f"there are {', '.join(STREAMS)}")
            )
        where = f"catalog: {name}"
        _check_fields(where, name, _converted(where, given, _Entry))


def _check_fields(where: str, name: str, entry: _Entry) -> None:
    """Names of fields that the stream has."""
    root = next((m.metadata for m in entry.metadata if not m.breadcrumb), _Choice())
    cursor = STREAMS[name].cursor
    for label, key in (
        ("replication_key", entry.replication_key),
        ("metadata: replication-key", root.replication_key),
    ):
        if key not in (None, cursor):
            right = "null, since it is read whole" if cursor is None else repr(cursor)
            raise SettingError(f"{where}: {label}: {key!r} should be {right}")
    known = {*resource(name).key, *entry.schema_.properties}
    for label, names in (
        ("key_properties", entry.key_properties),
        ("metadata: table-key-properties", root.table_key_properties),
    ):
        for key in names or ():
            if key not in known:
                raise SettingError(
                    f"{where}: {label}: there is no field {key!r}; the key is "
                    f"{', '.join(resource(name).key)}"
                )


def check_state(state: Any) -> None:
    """Check a Singer state.

    Raises:
        SettingError: the first thing that is wrong with it, and what would be right.
    """
    if not isinstance(state, dict):
        raise SettingError("state: it should be an object, such as {} to read everything")
    bookmarks = state.get("bookmarks", {})
    if not isinstance(bookmarks, dict):
        raise SettingError(
            f"state: bookmarks: {_shown(bookmarks)} should be an object with a bookmark for each "
            "stream; leave it out to read everything"
        )
    for name, given in bookmarks.items():
        where = f"state: bookmarks: {name}"
        partitions = _converted(where, given, _Bookmark).partitions
        if name not in STREAMS:
            continue
        cursor = STREAMS[name].cursor
        by_id = cursor is not None and cursor.lower().endswith("id")
        kind = _Whole if cursor is None else _ById if by_id else _ByDate
        seen = set()
        for number, partition in enumerate(partitions):
            place = f"{where}: partitions[{number}]"
            found = _converted(place, partition, kind)
            business = found.context.business_id
            try:
                copy_keys(name, found.keys).check()
            except SettingError as error:
                raise SettingError(f"{place}: {error}") from None
            if business in seen:
                raise SettingError(f"{place}: a second one of business {business}; remove one")
            seen.add(business)


def _converted(where: str, value: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        text = str(error)
        place = _PLACE.search(text)
        words = text[: place.start()] if place else text
        at = f": {place[1]}" if place and place[1] else ""
        raise SettingError(f"{where}{at}: {_in_words(words)}") from None


def _in_words(text: str) -> str:
    found = _GOT.match(text)
    if found is None:
        return text[:1].lower() + text[1:]
    wanted = " or ".join(_NAMES.get(kind, kind) for kind in found[1].split(" | "))
    return f"it should be {wanted}, and is {_NAMES.get(found[2], found[2])}"


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 40 else f"{text[:40]}…"  # noqa: PLR2004 - of a line


def drop_unset(state: Mapping[str, Any]) -> None:
    """Take bookmarks without a value out of a checked state: they stand for "read everything"."""
    for bookmark in state.get("bookmarks", {}).values():
        for mark in (bookmark, *bookmark.get("partitions", ())):
            for name in ("replication_key_value", "progress_markers"):
                if mark.get(name, UNSET) is None:
                    del mark[name]
