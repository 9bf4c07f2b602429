"""Checks of parameters and bodies against the contract. All faults of a request are reported."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.validators import extend

from clearbooks.contract import load_contract
from clearbooks_sandbox.reply import Fault, RefusedError, decode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from clearbooks.contract import JsonSchema, Operation, Parameter, Resource

_INT32, _INT64 = 2**31, 2**63
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_INTEGER = re.compile(r"[+-]?[0-9]{1,4000}")
_formats = FormatChecker(formats=())
_types = Draft202012Validator.TYPE_CHECKER.redefine(
    "number", lambda _, v: isinstance(v, (int, Decimal)) and not isinstance(v, bool)
).redefine("integer", lambda _, v: isinstance(v, int) and not isinstance(v, bool))
_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, type_checker=_types, format_checker=_formats
)


@_formats.checks("date")
def is_date(value: object) -> bool:
    """Whether a string is a real day written as YYYY-MM-DD."""
    if not isinstance(value, str):
        return True
    try:
        return bool(_DATE.fullmatch(value) and date.fromisoformat(value))
    except ValueError:
        return False


@_formats.checks("int32")
def is_int32(value: object) -> bool:
    """Whether an integer fits 32 bits."""
    return not isinstance(value, int) or -_INT32 <= value < _INT32


@cache
def resource_of(operation_id: str) -> tuple[Resource, str]:
    """A resource that the operation belongs to, and the verb."""
    for resource in load_contract().resources.values():
        for verb, operation in resource.operations.items():
            if operation.id == operation_id:
                return resource, verb
    raise KeyError(operation_id)


@cache
def body_schema(operation_id: str) -> JsonSchema:
    """JSON Schema of a request body, unknown fields refused."""
    resource, verb = resource_of(operation_id)
    schema: JsonSchema = _closed(resource.write_schema(verb))
    if load_contract().operations[operation_id].body != "items":
        return schema
    return {
        "type": "object",
        "required": ["items"],
        "additionalProperties": False,
        "properties": {"items": {"type": "array", "minItems": 1, "items": schema}},
    }


def _closed(schema: Any) -> Any:
    """A schema whose objects, inner ones too, refuse properties that it does not name."""
    if not isinstance(schema, dict):
        return schema
    found = dict(schema)
    if "properties" in schema:
        found["properties"] = {k: _closed(v) for k, v in schema["properties"].items()}
        found.setdefault("additionalProperties", False)
    if "items" in schema:
        found["items"] = _closed(schema["items"])
    return found


@cache
def _validator(operation_id: str) -> Any:
    return _Validator(body_schema(operation_id), format_checker=_formats)


def read_body(operation: Operation, body: object, *, check: bool = True) -> Any:
    """The body as Python values that keep to the contract.

    Raises:
        RefusedError: 400 with every fault.
    """
    if operation.body == "bytes":
        return body if isinstance(body, bytes) else b""
    if operation.body is None:
        return None
    if isinstance(body, bytes):
        try:
            body = decode(body)
        except msgspec.DecodeError as error:
            raise RefusedError(
                400, [Fault("json", f"The body is not valid JSON: {error}.")]
            ) from None
        except RecursionError:
            raise RefusedError(400, [Fault("json", "The body is nested too deeply.")]) from None
    schema = body_schema(operation.id)
    body = _exact(schema, body)
    if check:
        found = _validator(operation.id).iter_errors(body)
        faults = [fault for error in found for fault in _faults(error)]
        if faults:
            raise RefusedError(400, faults)
    return body


def _exact(schema: Any, value: Any) -> Any:
    """Binary floats as decimals; a whole number where the schema wants an integer as an int."""
    if isinstance(value, dict):
        known = schema.get("properties", {}) if isinstance(schema, dict) else {}
        return {key: _exact(known.get(key, {}), item) for key, item in value.items()}
    if isinstance(value, list):
        items = schema.get("items", {}) if isinstance(schema, dict) else {}
        return [_exact(items, item) for item in value]
    if isinstance(value, float):
        value = Decimal(repr(value))
    if (
        isinstance(value, Decimal)
        and isinstance(schema, dict)
        and schema.get("type") == "integer"
        and value.is_finite()
        and value.adjusted() < 19  # noqa: PLR2004 - longer ones fail int32 as they are
        and value == value.to_integral_value()
    ):
        return int(value)
    return value


def _faults(error: Any) -> list[Fault]:
    path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.absolute_path)
    where = path.lstrip(".")
    rule, wanted = error.validator, error.validator_value
    describe: dict[str, Callable[[], str]] = {
        "type": lambda: (
            "must be of type " + (" or ".join(wanted) if isinstance(wanted, list) else wanted)
        ),
        "enum": lambda: f"must be one of {', '.join(map(str, wanted))}",
        "format": lambda: (
            "must be " + ("a date as YYYY-MM-DD" if wanted == "date" else f"a valid {wanted}")
        ),
        "minItems": lambda: f"must have at least {wanted} items",
        "anyOf": lambda: "needs " + " or ".join(" with ".join(c["required"]) for c in wanted),
    }
    if rule == "required":
        return [Fault(rule, f"{_inside(where, error.message.split(chr(39))[1])}: is required")]
    if rule == "additionalProperties":
        extra = sorted(set(error.instance) - set(error.schema.get("properties", {})))
        return [
            Fault("unknownField", f"{_inside(where, name)}: is unknown or read-only")
            for name in extra
        ]
    words = describe[rule]() if rule in describe else error.message
    return [Fault("required" if rule == "anyOf" else rule, f"{where or 'body'}: {words}")]


def _inside(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def read_query(operation: Operation, query: Mapping[str, Any]) -> dict[str, Any]:
    """The known query parameters, typed, with defaults.

    A value may be a list, where the parameter was sent more than once.

    Raises:
        RefusedError: 400 with every fault.
    """
    found: dict[str, Any] = {}
    faults: list[Fault] = []
    for parameter in operation.parameters:
        if parameter.where != "query":
            continue
        value = query.get(parameter.name)
        if value is None:
            if parameter.required:
                faults.append(Fault("required", f"{parameter.name}: is required"))
            elif "default" in parameter.schema:
                found[parameter.name] = parameter.schema["default"]
            continue
        try:
            found[parameter.name] = _parameter(parameter, value)
        except ValueError as error:
            faults.append(Fault("parameter", f"{parameter.name}: {error}"))
    if faults:
        raise RefusedError(400, faults)
    return found


def read_path(operation: Operation, params: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the path's placeholders, typed.

    Raises:
        RefusedError: 404, since a path with another value leads nowhere.
    """
    found = {}
    for parameter in operation.parameters:
        if parameter.where == "path":
            try:
                found[parameter.name] = _parameter(parameter, params[parameter.name])
            except ValueError as error:
                raise RefusedError(404, [Fault("notFound", f"{parameter.name}: {error}")]) from None
    return found


def _parameter(parameter: Parameter, value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        raise ValueError("was sent more than once")  # noqa: TRY004 - a value, not a type, to HTTP
    schema = parameter.schema
    if schema["type"] == "integer":
        return _integer(schema, value)
    value = str(value)
    if "enum" in schema and value not in schema["enum"]:
        raise ValueError(f"must be one of {', '.join(schema['enum'])}")
    if schema.get("format") == "date" and not is_date(value):
        raise ValueError("must be a date as YYYY-MM-DD")
    if len(value) < schema.get("minLength", 0):
        raise ValueError("must not be empty")
    return value


def _integer(schema: JsonSchema, value: Any) -> int:
    if isinstance(value, bool) or not _INTEGER.fullmatch(str(value)):
        raise ValueError("must be an integer")
    number = int(value)
    if schema.get("format") == "int32" and not is_int32(number):
        raise ValueError("must be a 32-bit integer")
    # Beyond what the database compares nothing is found anyway.
    number = max(-_INT64, min(number, _INT64 - 1))
    if number < schema.get("minimum", number):
        raise ValueError(f"must be at least {schema['minimum']}")
    if number > schema.get("maximum", number):
        raise ValueError(f"must be at most {schema['maximum']}")
    return number
