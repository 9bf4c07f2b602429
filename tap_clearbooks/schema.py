"""JSON Schema of a stream's records, from the API's contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_clearbooks.streams import resource

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEPT = ("type", "format", "description", "items", "properties")


def stream_schema(name: str, deleted_at: str) -> dict[str, Any]:
    """JSON Schema of a stream's records.

    The API's own types and formats; every field but the key may be null. Enums become part of
    the description: a new value of the API must not break a load.
    """
    source = resource(name)
    properties: dict[str, Any] = {
        "businessId": {"type": "integer", "description": "ID of the business."}
    }
    for dimension in source.dimensions:
        properties[dimension] = _loose(source.dimension_schema(dimension), dimension in source.key)
    for field, sub in source.schema["properties"].items():
        if not sub.get("writeOnly"):
            properties[field] = _loose(sub, field in source.key)
    properties[deleted_at] = {
        "type": ["string", "null"],
        "format": "date-time",
        "description": "When the record was found to have left the ledger; all but its key is "
        "null then.",
    }
    return {"type": "object", "properties": properties, "required": list(source.key)}


def _loose(schema: Mapping[str, Any], key: bool) -> dict[str, Any]:
    kept = {name: schema[name] for name in _KEPT if name in schema}
    kinds = kept["type"] if isinstance(kept["type"], list) else [kept["type"]]
    if "format" in kept and kept["format"] != "date":
        # int32 and double are OpenAPI's words; validators of targets do not know them.
        del kept["format"]
    if "enum" in schema:
        values = ", ".join(f"`{value}`" for value in schema["enum"])
        kept["description"] = f"{kept.get('description', '')} One of {values}.".strip()
    if "items" in kept:
        kept["items"] = _loose(kept["items"], key=False)
    if "properties" in kept:
        kept["properties"] = {k: _loose(v, key=False) for k, v in kept["properties"].items()}
    if not key:
        kinds = [*(kind for kind in kinds if kind != "null"), "null"]
    kept["type"] = kinds if len(kinds) > 1 else kinds[0]
    return kept
