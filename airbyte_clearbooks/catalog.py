"""Airbyte's catalogs: what can be read, and what was chosen of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clearbooks.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

FULL, INCREMENTAL = "full_refresh", "incremental"
SYNC_MODES = (FULL, INCREMENTAL)
# Sync modes of a destination that there are for data activation alone.
ACTIVATION_ONLY = ("update", "soft_delete")


StreamName = tuple[str, str | None]
"""Name and namespace of a stream of the source."""


def stream_name(described: Mapping[str, Any], key: str = "name") -> StreamName:
    """The stream that a descriptor or a record names; the name is empty where it names none."""
    name, space = described.get(key), described.get("namespace")
    return (name if isinstance(name, str) else "", space if isinstance(space, str) else None)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A stream of the configured catalog.

    Attributes:
        stream: What the source calls it.
        name: What it is read from or written to: the destination's object, where one is named.
        fields: The fields that are wanted; empty for all.
        schema: JSON Schema of its records, as configured; empty where the catalog has none.
        key: Paths of the primary key; of data activation, the matching key that was chosen.
        activates: Whether it is data activation: records of a source for an object of ours.
    """

    stream: StreamName
    name: str
    sync_mode: str
    destination_sync_mode: str
    fields: frozenset[str]
    schema: Mapping[str, Any]
    key: tuple[tuple[str, ...], ...]
    activates: bool = False


def stream(
    name: str,
    schema: Mapping[str, Any],
    key: Iterable[str],
    cursor: str | None,
    *,
    resumable: bool,
) -> dict[str, Any]:
    """A stream of the catalog that `discover` answers."""
    found: dict[str, Any] = {
        "name": name,
        "json_schema": {
            "$schema": "http://json-schema.org/draft-07/schema#",
            **typed(schema),
            "additionalProperties": True,
        },
        "supported_sync_modes": [FULL, INCREMENTAL] if cursor else [FULL],
        "source_defined_primary_key": [[part] for part in key],
        "source_defined_cursor": cursor is not None,
        "is_resumable": resumable,
    }
    if cursor:
        found["default_cursor_field"] = [cursor]
    return found


def typed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema with whole numbers marked as such: Airbyte takes every number for a decimal."""
    found = dict(schema)
    kinds = [found["type"]] if isinstance(found["type"], str) else found["type"]
    if set(kinds) - {"null"} == {"integer"}:
        found["airbyte_type"] = "integer"
    if "properties" in found:
        found["properties"] = {name: typed(sub) for name, sub in found["properties"].items()}
    if "items" in found:
        found["items"] = typed(found["items"])
    return found


def read_configured(
    given: Any, known: Collection[str] | None, destination_modes: Collection[str] = ()
) -> list[Chosen]:
    """The streams of a configured catalog.

    Args:
        given: Content of the catalog's file.
        known: Streams that there are; None where any will do.
        destination_modes: Modes that are understood; empty where none matters.

    Raises:
        SettingError: it is no catalog, or names a stream or mode that is not known.
    """
    streams = given.get("streams") if isinstance(given, dict) else None
    if not isinstance(streams, list):
        raise SettingError("the catalog should be a JSON object with the list `streams`")
    return [_chosen(item, known, destination_modes) for item in streams]


def _chosen(item: Any, known: Collection[str] | None, destination_modes: Collection[str]) -> Chosen:
    about = item.get("stream") if isinstance(item, dict) else None
    if not isinstance(about, dict) or not isinstance(about.get("name"), str):
        raise SettingError("the catalog holds something that is no stream: `stream.name` missing")
    wanted = item.get("destination_object_name")
    if wanted is not None and not isinstance(wanted, str):
        raise SettingError(f"{about['name']}: destination_object_name should be a name")
    name = wanted or about["name"]
    if known is not None and name not in known:
        raise SettingError(
            f"the catalog's stream {name!r} is not known; there are: "
            f"{', '.join(sorted(known))}. Refresh the schema"
        )
    mode = item.get("sync_mode", FULL)
    if mode not in SYNC_MODES:
        raise SettingError(f"{name}: sync_mode {mode!r} should be one of {', '.join(SYNC_MODES)}")
    destination_mode = item.get("destination_sync_mode") or "append"
    if destination_modes and destination_mode not in destination_modes:
        raise SettingError(
            f"{name}: destination_sync_mode {destination_mode!r} should be one of "
            f"{', '.join(destination_modes)}"
        )
    schema = about.get("json_schema") or {}
    if not _is_schema(schema):
        raise SettingError(f"the catalog's json_schema of {name} is no JSON Schema of an object")
    activates = bool(wanted) or destination_mode in ACTIVATION_ONLY
    own_key = [] if activates else about.get("source_defined_primary_key")
    key = item.get("primary_key") or own_key or []
    if not isinstance(key, list) or not all(_is_path(part) for part in key):
        raise SettingError(f"{name}: primary_key should be a list of paths, each a list of names")
    return Chosen(
        stream_name(about),
        name,
        mode,
        destination_mode,
        frozenset(schema.get("properties") or ()),
        schema,
        tuple(tuple(part) for part in key),
        activates,
    )


def _is_path(part: Any) -> bool:
    return isinstance(part, list) and all(isinstance(name, str) for name in part)


def _is_schema(value: Any) -> bool:
    """Whether the parts of a JSON Schema that are looked at have their types."""
    if not isinstance(value, dict):
        return False
    kinds = value.get("type", [])
    properties, items = value.get("properties") or {}, value.get("items")
    return (
        (isinstance(kinds, str) or _is_path(kinds))
        and isinstance(properties, dict)
        and all(map(_is_schema, properties.values()))
        and (items is None or _is_schema(items))
    )
