"""The OpenAPI document of the API, made from the declarations of its operations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from clearbooks import __version__
from clearbooks_app.operations.unified_models import ABSENT, MODELS
from clearbooks_app.ui.api.accounting import PATH
from clearbooks_app.ui.api.endpoint import ErrorAnswer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clearbooks_app.operations.unified_models import Field, Model
    from clearbooks_app.ui.api.endpoint import Endpoint

_REF = "#/components/schemas/{name}"
_PLACE = re.compile(r"\{(\w+)\}")
_JSON = "application/json"
_ABOUT = (
    """The operations of `clearbooks ui` for programs.

Send the token that the page was started with (`CLEARBOOKS_UI_API_TOKEN`) as
`Authorization: Bearer …`. Lists are `{"result": [...], "next_cursor": ...}`; whatever is no success
is `{"error": {"code": ..., "message": ...}}`. Models and their fields are those that aggregators of
accounting APIs share. Of """
    + ", ".join(ABSENT)
    + """ Clear Books' API has nothing: they are
answered with 404 and the code `absent`."""
)
_STATUSES = {
    "400": "The request cannot work; the message says why.",
    "401": "No token, or a wrong one.",
    "403": "The authorisation does not cover it.",
    "404": "There is no such thing.",
    "409": "Not now: something is under way, or nothing is connected.",
    "413": "Too long.",
    "415": "No JSON.",
    "422": "The request has not the right shape, or Clear Books refuses it.",
    "502": "Clear Books cannot be reached, or fails.",
    "503": "A store of tokens or of state cannot be read or written.",
}


def document(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """The whole document."""
    endpoints = list(endpoints)
    types = [ErrorAnswer, *(t for e in endpoints for t in (e.result, e.body) if t is not None)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    shapes = dict(zip(map(repr, types), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        for path, operation in _operations(endpoint, shapes):
            paths.setdefault(path, {})[endpoint.method.lower()] = operation
    components |= {_title(name): _model(model) for name, model in MODELS.items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "clearbooks ui", "version": __version__, "description": _ABOUT},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operations(endpoint: Endpoint, shapes: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    """The operation; of one that is for every model, one for each of them."""
    if endpoint.path != PATH:
        yield endpoint.path, _operation(endpoint, shapes)
        return
    for name, model in MODELS.items():
        reads = endpoint.body is None
        if not reads and not any(part.written for part in model.parts):
            continue
        found = _operation(endpoint, shapes)
        title = _title(name)
        found["operationId"] = ("list" if reads else "write") + title
        found["summary"] = f"{'List' if reads else 'Write'}: {model.description}"
        found["parameters"] = [p for p in found["parameters"] if p["name"] != "model"]
        items = {"type": "array", "items": {"$ref": _REF.format(name=title)}}
        if reads:
            cursor = {"type": ["string", "null"]}
            schema = {
                "type": "object",
                "required": ["result", "next_cursor"],
                "properties": {"result": items, "next_cursor": cursor},
            }
            found["responses"]["200"]["content"][_JSON]["schema"] = schema
        yield PATH.replace("{model}", name), found


def _operation(endpoint: Endpoint, shapes: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": endpoint.id,
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
        "parameters": list(_parameters(endpoint)),
        "responses": {
            str(endpoint.status): {
                "description": "Done." if endpoint.status != 202 else "Started.",  # noqa: PLR2004
                "content": {_JSON: {"schema": shapes[repr(endpoint.result)]}},
            },
            **{
                status: {
                    "description": words,
                    "content": {_JSON: {"schema": shapes[repr(ErrorAnswer)]}},
                }
                for status, words in _STATUSES.items()
            },
        },
    }
    if endpoint.description:
        found["description"] = endpoint.description
    if endpoint.body is not None:
        schema = shapes[repr(endpoint.body)]
        found["requestBody"] = {"required": True, "content": {_JSON: {"schema": schema}}}
    return found


def _parameters(endpoint: Endpoint) -> Iterable[dict[str, Any]]:
    in_path = set(_PLACE.findall(endpoint.path))
    (schema,), components = msgspec.json.schema_components([endpoint.params], ref_template=_REF)
    shape = components[schema["$ref"].rpartition("/")[2]]
    for name, each in shape["properties"].items():
        yield {
            "name": name,
            "in": "path" if name in in_path else "query",
            "required": name in in_path or name in shape.get("required", ()),
            "schema": {k: v for k, v in each.items() if k != "default"},
        }


def _title(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("-"))


def _model(model: Model) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for part in model.parts:
        properties |= {"id": {"type": ["string", "integer"]}, "company": {"type": "integer"}}
        properties |= {name: {} for name in part.constants}
        properties |= {each.name: _value(each) for each in part.fields}
        if part.lines is not None:
            name, _, fields = part.lines
            line = {"type": "object", "properties": {f.name: _value(f) for f in fields}}
            properties[name] = {"type": "array", "items": line}
    return {"type": "object", "description": model.description, "properties": properties}


def _value(each: Field) -> dict[str, Any]:
    kinds = ["string", "integer", "null"] if each.type == "string" else [each.type, "null"]
    described = {"description": f"`{each.source}` of Clear Books"}
    return {"type": kinds, **described} | ({} if each.write else {"readOnly": True})
