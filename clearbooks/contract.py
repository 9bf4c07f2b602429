"""The API's contract: `schemas/openapi.yaml` and its JSON Schemas as typed objects.

Tap streams, target validation, sandbox routes and the tables of the documentation all come
from here, so a fact about the API is written once, in `schemas/`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import yaml

from clearbooks.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

JsonSchema = dict[str, Any]

VERBS = ("list", "get", "create", "update", "delete")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
BUSINESS_HEADER = "X-Business-ID"
HOME_CURRENCY = "GBP"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def schemas_dir() -> Path:
    """Where the contract lies: inside the installed package, or beside it in a checkout."""
    here = Path(__file__).resolve().parent
    packaged = here / "schemas"
    return packaged if packaged.is_dir() else here.parent / "schemas"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an operation. `where` is `path`, `query` or `header`."""

    name: str
    where: str
    required: bool
    schema: JsonSchema
    description: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    `body` is None, `json` (one object), `items` (`{"items": [...]}`) or `bytes`.
    `assumed` says that no published text holds the path (see `x-assumed`), `assumed_method` the
    same of the method (`x-assumed-method`).
    """

    id: str
    method: str
    path: str
    scope: str
    summary: str
    description: str
    parameters: tuple[Parameter, ...]
    paged: bool
    assumed: bool
    assumed_method: bool
    body: str | None
    body_schema: JsonSchema | None

    @property
    def path_parameters(self) -> tuple[str, ...]:
        """Names of the placeholders of the path, in order."""
        return tuple(_PLACEHOLDER.findall(self.path))

    def url_path(self, params: Mapping[str, Any]) -> str:
        """The path with every placeholder filled in and percent-encoded.

        Raises:
            KeyError: a placeholder has no value in `params`.
        """
        return _PLACEHOLDER.sub(lambda m: quote(str(params[m.group(1)]), safe=""), self.path)

    def url(self, params: Mapping[str, Any]) -> str:
        """As `url_path`, with the other parameters that have a value as the query."""
        rest = params.keys() - set(self.path_parameters)
        query = {k: _text(v) for k, v in params.items() if k in rest and v is not None}
        return self.url_path(params) + ("?" + urlencode(query) if query else "")


@dataclass(frozen=True, slots=True)
class Resource:
    """A stream of the API: what it is called, where it is read and written, and its schemas.

    Attributes:
        name: The stream, such as `sales_invoices`.
        fixed: Path parameters that select this stream, such as `{"salesType": "invoices"}`.
        dimensions: Parameters that become fields of a record, because a record alone does not
            tell them, such as `vatType`.
        refused: Fields of the schema that this stream does not take, although others of its
            entity do.
        key: Fields that identify a record, beginning with `businessId`.
        schema: JSON Schema of a record as the API sends it, all `$ref` resolved.
    """

    name: str
    entity: str
    title: str
    description: str
    fixed: Mapping[str, str]
    dimensions: tuple[str, ...]
    refused: tuple[str, ...]
    key: tuple[str, ...]
    schema: JsonSchema
    operations: Mapping[str, Operation]

    def operation(self, verb: str) -> Operation | None:
        """The operation for `list`, `get`, `create`, `update` or `delete`, if there is one."""
        return self.operations.get(verb)

    @property
    def readable(self) -> bool:
        """Whether the API lists this resource."""
        return "list" in self.operations

    @property
    def scope(self) -> str:
        """The scope that the main operation needs."""
        verb = "list" if self.readable else "create"
        return self.operations[verb].scope

    def dimension_schema(self, name: str) -> JsonSchema:
        """JSON Schema of a dimension, from the parameter of that name."""
        for operation in self.operations.values():
            for parameter in operation.parameters:
                if parameter.name == name:
                    return {**parameter.schema, "description": parameter.description}
        raise KeyError(name)

    def write_schema(self, verb: str) -> JsonSchema:
        """JSON Schema of the object that `create` or `update` sends.

        Fields that only the API sets are left out, and unknown fields are refused.

        Raises:
            KeyError: the resource cannot be written that way.
        """
        defs = self.schema["$defs"][verb]
        refused = {k for k, v in defs.get("properties", {}).items() if v is False}
        properties = {
            name: sub
            for name, sub in self.schema["properties"].items()
            if not sub.get("readOnly") and name not in refused
        }
        rest = {k: v for k, v in defs.items() if k not in {"$ref", "properties", "description"}}
        return {"type": "object", "properties": properties, "additionalProperties": False, **rest}


@dataclass(frozen=True, slots=True)
class Contract:
    """Every operation by id, every resource by stream name, and the scopes by name."""

    operations: Mapping[str, Operation]
    resources: Mapping[str, Resource]
    scopes: Mapping[str, str]
    api_url: str
    token_url: str
    authorize_url: str

    def with_paths(self, api_paths: Mapping[str, str]) -> Contract:
        """The contract with paths or methods replaced, as the setting `api_paths` asks.

        A value is a path (`/accounting/lines`), a method (`PATCH`) or both (`PATCH /a/{id}`).
        The key `update` sets the method of every update at once.

        Raises:
            SettingError: an unknown operation, an unknown method, or a path whose
                placeholders the operation does not have.
        """
        operations = dict(self.operations)
        wanted: dict[str, str] = {}
        for key, value in api_paths.items():
            if key == "update":
                wanted |= dict.fromkeys((o for o in operations if o.startswith("update")), value)
        wanted |= {k: v for k, v in api_paths.items() if k != "update"}
        for key, value in wanted.items():
            if key not in operations:
                known = ", ".join(sorted(operations))
                raise SettingError(f"api_paths: no operation {key!r}; there are: {known}")
            operations[key] = _replaced(operations[key], value)
        resources = {
            name: replace(
                resource,
                operations={v: operations[o.id] for v, o in resource.operations.items()},
            )
            for name, resource in self.resources.items()
        }
        return replace(self, operations=operations, resources=resources)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _replaced(operation: Operation, value: object) -> Operation:
    words = value.split() if isinstance(value, str) else []
    method = words.pop(0).upper() if words and not words[0].startswith("/") else operation.method
    path = words.pop(0) if words else operation.path
    if not isinstance(value, str) or words or method not in METHODS or not path.startswith("/"):
        raise SettingError(
            f"api_paths: {operation.id}: {value!r} should be a path such as {operation.path!r}, "
            f"a method ({', '.join(METHODS)}), or 'METHOD /path'"
        )
    if set(_PLACEHOLDER.findall(path)) != set(operation.path_parameters):
        needed = ", ".join("{" + p + "}" for p in operation.path_parameters) or "no placeholder"
        raise SettingError(f"api_paths: {operation.id}: the path {path!r} must contain {needed}")
    return replace(operation, path=path, method=method)


@cache
def country_names() -> Mapping[str, str]:
    """The codes of ISO 3166-1, and what each country is called in English."""
    # The time zones' own table of countries, kept up to date with them.
    table = files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines() if line[:1] not in ("", "#"))
    return dict(rows)


@cache
def country_codes() -> frozenset[str]:
    """Codes that an address may name: those of ISO 3166-1, and what the contract adds to them."""
    address = json.loads((schemas_dir() / "address.json").read_text(encoding="utf-8"))
    return frozenset({*country_names(), *address["properties"]["countryCode"]["x-also"]})


class _Documents:
    """The files of `schemas/`, with references between them resolved in place."""

    def __init__(self, root: Path) -> None:
        self.root = root
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        text = (root / "openapi.yaml").read_text(encoding="utf-8")
        self.openapi: dict[str, Any] = yaml.load(text, loader)  # noqa: S506 - both are safe

    @cache  # noqa: B019 - lives as long as the process on purpose
    def file(self, name: str) -> JsonSchema:
        schema: JsonSchema = json.loads((self.root / name).read_text(encoding="utf-8"))
        return schema

    def component(self, node: dict[str, Any]) -> dict[str, Any]:
        """The node, or the part of openapi.yaml that it refers to."""
        ref = node.get("$ref")
        if ref is None:
            return node
        found: Any = self.openapi
        for part in ref.removeprefix("#/").split("/"):
            found = found[part]
        return dict(found)

    def inline(self, node: Any) -> Any:
        """A copy of a schema with references to other schema files replaced by their content."""
        if isinstance(node, list):
            return [self.inline(item) for item in node]
        if not isinstance(node, dict):
            return node
        ref = node.get("$ref", "")
        if ref.partition("#")[0].endswith(".json"):
            target, _, pointer = ref.partition("#")
            found: Any = self.file(target)
            for part in pointer.strip("/").split("/") if pointer else ():
                found = found[part]
            inner = {k: v for k, v in found.items() if k not in {"$schema", "title", "x-key"}}
            beside = {k: v for k, v in node.items() if k != "$ref"}
            return {**self.inline(inner), **beside}
        return {key: self.inline(value) for key, value in node.items()}


def _operations(docs: _Documents) -> Iterator[tuple[str, Operation]]:
    for path, item in docs.openapi["paths"].items():
        shared = item.get("parameters", [])
        for method in ("get", "post", "put", "patch", "delete"):
            if method not in item:
                continue
            node = item[method]
            parameters = tuple(
                Parameter(
                    p["name"], p["in"], p.get("required", False), p["schema"], p["description"]
                )
                for p in map(docs.component, [*shared, *node.get("parameters", [])])
            )
            body, body_schema = _body(docs, node)
            names = {p.name for p in parameters if p.where == "query"}
            yield (
                node["tags"][0],
                Operation(
                    id=node["operationId"],
                    method=method.upper(),
                    path=path,
                    scope=node["security"][0]["oauth"][0],
                    summary=node["summary"],
                    description=node.get("description", ""),
                    parameters=parameters,
                    paged={"limit", "page"} <= names,
                    assumed=node.get("x-assumed", False),
                    assumed_method=node.get("x-assumed-method", False),
                    body=body,
                    body_schema=body_schema,
                ),
            )


def _body(docs: _Documents, node: dict[str, Any]) -> tuple[str | None, JsonSchema | None]:
    content = node.get("requestBody", {}).get("content", {})
    if "application/octet-stream" in content:
        return "bytes", None
    if "application/json" not in content:
        return None, None
    schema = docs.inline(content["application/json"]["schema"])
    return ("items" if "items" in schema.get("properties", {}) else "json"), schema


@cache
def load_contract() -> Contract:
    """The contract as shipped; read once for each process."""
    docs = _Documents(schemas_dir())
    operations: dict[str, Operation] = {}
    by_tag: dict[str, dict[str, Operation]] = {}
    for tag, operation in _operations(docs):
        operations[operation.id] = operation
        verb = next(v for v in VERBS if operation.id.startswith(v))
        by_tag.setdefault(tag, {})[verb] = operation
    resources = {
        name: _resource(docs, tag, name, fixed, by_tag[tag["name"]])
        for tag in docs.openapi["tags"]
        for name, fixed in tag["x-streams"].items()
    }
    oauth = docs.openapi["components"]["securitySchemes"]["oauth"]["flows"]["authorizationCode"]
    return Contract(
        operations=operations,
        resources=resources,
        scopes=oauth["scopes"],
        api_url=docs.openapi["servers"][0]["url"],
        token_url=oauth["tokenUrl"],
        authorize_url=oauth["authorizationUrl"],
    )


def _resource(
    docs: _Documents,
    tag: dict[str, Any],
    name: str,
    fixed: dict[str, str],
    operations: dict[str, Operation],
) -> Resource:
    raw = docs.file(tag["x-schema"])
    dimensions = tuple(tag.get("x-dimensions", ()))
    return Resource(
        name=name,
        entity=tag["x-schema"].removesuffix(".json"),
        title=raw["title"],
        description=tag.get("x-titles", {}).get(name, tag["description"]),
        fixed=fixed,
        dimensions=dimensions,
        refused=tuple(tag.get("x-refused", {}).get(name, ())),
        key=("businessId", *dimensions, *raw["x-key"]),
        schema=docs.inline(raw),
        operations=operations,
    )
