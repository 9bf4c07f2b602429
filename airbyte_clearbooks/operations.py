"""Data activation: what can be done with which object of the ledger, and what a sync asks for.

An operation of the catalog is an object, which is a stream of the target, and a sync mode: what the
target calls the operation of a record. Each record is given that and the matching key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airbyte_clearbooks.catalog import typed
from clearbooks.contract import load_contract
from clearbooks.errors import SettingError
from target_clearbooks.control_fields import (
    CREATE,
    MATCHING_KEY,
    OPERATION,
    UPDATE,
    UPSERT,
    VOID,
    matching_keys,
)
from target_clearbooks.prepare.record_schema import needs_of, record_schema
from target_clearbooks.writable import WRITABLE, Settle

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from airbyte_clearbooks.catalog import Chosen
    from target_clearbooks.prepare.record_schema import Need

# What each sync mode asks of a record.
_ASKS = {"append": CREATE, "append_dedup": UPSERT, "update": UPDATE, "soft_delete": VOID}
_KEY = "externalId"
_BUSINESS = "businessId"
# A field of an object, where it comes as a column of its own.
_INSIDE = "__"


def catalog(streams: Collection[str], businesses: Sequence[int]) -> dict[str, Any]:
    """The catalog that `discover` answers.

    Args:
        streams: The streams that are offered; empty for all.
        businesses: Those of the configuration: a record has to name its own among several.
    """
    return {
        "operations": [
            _operation(name, mode, several=len(businesses) > 1)
            for name in streams or WRITABLE
            for mode in sync_modes(name)
        ]
    }


def sync_modes(stream: str) -> list[str]:
    """The sync modes of a stream.

    >>> sync_modes("journals"), sync_modes("businesses")
    (['append', 'soft_delete'], ['update'])
    """
    row, resource = WRITABLE[stream], load_contract().resources[stream]
    changes = row.updates and resource.operation("update") is not None
    offered = {
        "append": row.creates,
        # A larger sum is allocated in addition.
        "append_dedup": row.creates and (changes or row.settle is Settle.CONVERGE),
        "update": changes,
        "soft_delete": row.voids,
    }
    return [mode for mode, is_offered in offered.items() if is_offered]


def _operation(stream: str, mode: str, *, several: bool) -> dict[str, Any]:
    schema = typed(record_schema(stream))
    removes = mode == "soft_delete"
    if removes:
        properties = {name: schema["properties"][name] for name in (_KEY, _BUSINESS)}
    else:
        properties = {**schema["properties"], **_columns(schema["properties"])}
    # An update is a whole record as well.
    needs = () if removes else needs_of(stream)
    required = [need[0][0] for need in needs if len(need) == 1]
    if removes or mode == "append":
        # The others have a matching key, which is asked for with it.
        required = [_KEY, *required]
    if several:
        required = [_BUSINESS, *(name for name in required if name != _BUSINESS)]
    choices = [_any_of(need, properties) for need in needs if len(need) > 1]
    found: dict[str, Any] = {
        "object_name": stream,
        "sync_mode": mode,
        "json_schema": {
            "$schema": "http://json-schema.org/draft-07/schema#",
            **schema,
            "properties": properties,
            "required": required,
            **({"allOf": choices} if choices else {}),
        },
    }
    if mode != "append":
        found["matching_keys"] = [list(key) for key in _keys(stream, mode)]
    return found


def _columns(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of objects as columns of their own, such as `address__postcode`."""
    return {
        f"{name}{_INSIDE}{inner}": sub
        for name, schema in properties.items()
        for inner, sub in schema.get("properties", {}).items()
    }


def _any_of(need: Need, properties: Mapping[str, Any]) -> dict[str, Any]:
    ways = [list(way) for way in need]
    ways += [
        [column]
        for way in need
        for column in properties
        if len(way) == 1 and column.startswith(f"{way[0]}{_INSIDE}")
    ]
    return {"anyOf": [{"required": way} for way in ways]}


def _keys(stream: str, mode: str) -> list[tuple[str, ...]]:
    """The matching keys of an operation; only what was written by its source key is taken back."""
    known = matching_keys(stream)
    return [tuple(key.split("+")) for key in (known[:1] if mode == "soft_delete" else known)]


def control_fields_of(chosen: Chosen) -> dict[str, Any]:
    """What each record of a stream is given, so that the target does what the sync mode asks.

    Raises:
        SettingError: the object has no such sync mode or matching key.
    """
    if not chosen.activates:
        return {}
    name, mode = chosen.name, chosen.destination_sync_mode
    if mode not in sync_modes(name):
        raise SettingError(
            f"{name}: destination_sync_mode {mode!r} should be one of {', '.join(sync_modes(name))}"
        )
    control = {OPERATION: _ASKS[mode]}
    if chosen.key:
        fields = tuple(".".join(path) for path in chosen.key)
        keys = _keys(name, mode)
        if set(fields) not in [set(key) for key in keys]:
            offered = ", ".join("+".join(key) for key in keys)
            raise SettingError(
                f"{name}: the matching key {'+'.join(fields)!r} should be one of {offered}"
            )
        (key,) = [key for key in keys if set(key) == set(fields)]
        if key[0] in (_KEY, _BUSINESS):
            return control
        control[MATCHING_KEY] = "+".join(key)
    return control
