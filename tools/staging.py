"""The staging models of the dbt package, as YAML: their columns, from the tap's catalog.

A column says its type, the field that it is read from, and for a part of an object its path. The
macro `staged` of the package makes the SQL from that.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

MONEY = "decimal(18, 2)"
# Numbers that are no amounts of money, and how many digits they are kept with.
NUMBERS = {
    "exchangeRate": "decimal(18, 8)",
    "rate": "decimal(9, 4)",
    "salesUnitPrice": "decimal(18, 6)",
    "purchaseUnitPrice": "decimal(18, 6)",
}
TYPES = {"integer": "bigint", "boolean": "boolean", "string": "varchar", "array": "json"}
# Marks of the tap itself, by which the macro leaves records out.
_INTERNAL = "_sdc_"
_WIDTH = 96


def snake_case(name: str) -> str:
    """`dateAccrual` as `date_accrual`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def columns(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The columns of a stream; an object with known properties becomes one for each of them."""
    for field, found in schema["properties"].items():
        if field.startswith(_INTERNAL):
            continue
        for name, part in found.get("properties", {}).items():
            yield _column(f"{snake_case(field)}_{snake_case(name)}", part, field, name)
        if not found.get("properties"):
            yield _column(snake_case(field), found, field)


def _column(name: str, schema: dict[str, Any], field: str, path: str | None = None) -> Any:
    meta = {"field": field} | ({"path": path} if path else {})
    words = " ".join(schema.get("description", "").split())
    return {
        "name": name,
        "data_type": _data_type(field, schema),
        **({"description": words} if words else {}),
        "config": {"meta": meta},
    }


def _data_type(field: str, schema: dict[str, Any]) -> str:
    (kind,) = (kind for kind in _listed(schema["type"]) if kind != "null")
    if kind == "number":
        return NUMBERS.get(field, MONEY)
    return "date" if schema.get("format") == "date" else TYPES[kind]


def _listed(kinds: str | list[str]) -> list[str]:
    return [kinds] if isinstance(kinds, str) else kinds


def models(catalog: dict[str, dict[str, Any]], descriptions: dict[str, str]) -> str:
    """The sources and the staging models of every stream, as YAML."""
    listed = [
        {
            "name": f"stg_clearbooks__{name}",
            "description": f"{descriptions[name]}, typed; without records that left the ledger.",
            "columns": list(columns(stream["schema"])),
            "data_tests": [
                {
                    "clearbooks.unique_key": {
                        "arguments": {"columns": [snake_case(k) for k in stream["key_properties"]]}
                    }
                }
            ],
        }
        for name, stream in catalog.items()
    ]
    return yaml.safe_dump({"models": listed}, sort_keys=False, allow_unicode=True, width=_WIDTH)


def tables(catalog: dict[str, dict[str, Any]], descriptions: dict[str, str]) -> str:
    """The tables that a loader makes, as YAML below the source's `tables`."""
    listed = [{"name": name, "description": f"{descriptions[name]}."} for name in catalog]
    text = yaml.safe_dump(listed, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return "".join(f"  {line}\n" for line in text.splitlines())
