"""One declaration of a setting, for everything that has to know it.

A setting is a field of a `Settings` class: its name, its type and its default, with a
`msgspec.Meta` for title, description and limits. From that come the JSON Schema (and with it
`--about`, `meltano.yml`, the documents and Airbyte's form), the check of a value that was given,
the value of an environment variable, and what a repr must not show.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from clearbooks.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self

JsonSchema = dict[str, Any]

# For `extra_json_schema`: what the SDK's --about reads, and JSON Schema's own word for it.
SECRET = {"secret": True, "writeOnly": True}

_TRUTH = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
}


@dataclass(frozen=True)
class Setting:
    """A setting as it is declared.

    Attributes:
        name: As in a config file; in the environment in capitals, behind the program's prefix.
        type: The Python type of a checked value.
        schema: JSON Schema of what may be given: null stands for unset.
    """

    name: str
    type: Any
    schema: JsonSchema

    def checked(self, value: Any) -> Any:
        """The value in its Python type.

        Raises:
            SettingError: it has another type, or is outside the limits.
        """
        try:
            return msgspec.convert(self._day(value), self.type, dec_hook=_from_builtins)
        except ValueError:
            shown = "the value" if self.schema.get("writeOnly") else repr(value)
            raise SettingError(f"{self.name}: {shown} should be {_wanted(self.schema)}") from None

    def _day(self, value: Any) -> Any:
        """Of a moment that is given for a date its day."""
        if self.schema.get("format") != "date" or not isinstance(value, str):
            return value
        # Here, since pendulum takes a tenth of a second that `--about` and `spec` need not spend.
        from clearbooks.dates import day_of

        return day_of(value)


@dataclass(frozen=True, repr=False, kw_only=True)
class Settings:
    """Base of the classes whose fields are settings.

    Each setting has a default, since every one may be left out. A default of None or `""` stands
    for "unset" and is not shown; a class that puts something in its place does so in
    `__post_init__`. Fields without a `msgspec.Meta` are no settings.
    """

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The checked settings of a configuration; empty values count as unset.

        Raises:
            SettingError: a value that cannot work.
        """
        return cls(
            **{
                setting.name: setting.checked(config[setting.name])
                for setting in declared(cls)
                if config.get(setting.name) not in (None, "")
            }
        )

    @classmethod
    def properties(cls) -> dict[str, JsonSchema]:
        """JSON Schema of each setting by name, in the order of the declaration."""
        return {setting.name: setting.schema for setting in declared(cls)}

    def _put(self, **values: Any) -> None:
        """Replace values while the object is made; afterwards it is frozen."""
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        secret = {s.name for s in declared(type(self)) if s.schema.get("writeOnly")}
        shown = (
            f"{f.name}={'***' if f.name in secret and value else repr(value)}"
            for f in dataclasses.fields(self)
            if f.init and (value := getattr(self, f.name)) != f.default
        )
        return f"{type(self).__name__}({', '.join(shown)})"


def declared(settings: type[Settings]) -> tuple[Setting, ...]:
    """The settings that a class declares."""
    hints = get_type_hints(settings, include_extras=True)
    return tuple(
        Setting(field.name, hints[field.name], _schema(field, hints[field.name]))
        for field in dataclasses.fields(settings)
        if field.init and _parts(hints[field.name], Annotated)
    )


def _schema(field: dataclasses.Field[Any], hint: Any) -> JsonSchema:
    (schema,), _ = msgspec.json.schema_components((hint,), schema_hook=_schema_of_others)
    # Of `X | None` the part that is no null; null is added to every type below.
    for part in schema.pop("anyOf", ()):
        if part != {"type": "null"}:
            schema |= part
    # msgspec sorts the choices; people read them as they are declared, the default first.
    if choices := _parts(hint, Literal):
        holder = schema.get("items", schema)
        holder |= {"type": "string", "enum": list(get_args(choices[0]))}
    schema["type"] = [schema["type"], "null"]
    make = field.default_factory
    default = field.default if make is dataclasses.MISSING else make()
    if default not in (None, ""):
        schema["default"] = list(default) if isinstance(default, tuple) else default
    return schema


def _parts(hint: Any, kind: Any) -> list[Any]:
    """The parts of a type hint that are of a kind: `Annotated` or `Literal`."""
    if (get_origin(hint) or hint) is kind or (kind is Annotated and hasattr(hint, "__metadata__")):
        return [hint]
    return [part for argument in get_args(hint) for part in _parts(argument, kind)]


def _schema_of_others(kind: type) -> JsonSchema:
    if kind is Path:
        return {"type": "string"}
    raise NotImplementedError


def _from_builtins(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value).expanduser()
    raise msgspec.ValidationError


def _kind(schema: Mapping[str, Any]) -> str:
    kinds = schema.get("type", "string")
    return next(kind for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null")


def _wanted(schema: Mapping[str, Any]) -> str:
    """What would be right, in words: `a whole number from 1 to 64`."""
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    is_date = schema.get("format") == "date"
    words = "a date such as 2026-04-06" if is_date else _WORDS[_kind(schema)]
    if "minimum" in schema:
        words += f" from {schema['minimum']}"
    if "maximum" in schema:
        words += f" to {schema['maximum']}"
    if "maxLength" in schema:
        words += f" of at most {schema['maxLength']} characters"
    if "pattern" in schema:
        words += f" that matches {schema['pattern']}"
    if "items" in schema:
        words += f", each {_wanted(schema['items'])}"
    return words


def value_of_variable(schema: Mapping[str, Any], text: str) -> Any:
    """The value that the text of an environment variable stands for.

    Text that cannot be understood is answered as it is, for the check of the setting to name it.
    """
    kind = _kind(schema)
    if kind == "boolean":
        return _TRUTH.get(text.lower(), text)
    if kind == "array" and not text.lstrip().startswith("["):
        items = [item.strip() for item in text.split(",") if item.strip()]
        return [value_of_variable(schema.get("items", {}), item) for item in items]
    if kind in {"integer", "array", "object"}:
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def unknown_settings(given: Iterable[str], known: Iterable[str]) -> list[str]:
    """For each name that is no setting a line that says so, with the nearest that is one."""
    names = list(known)
    lines = []
    for name in sorted(set(given) - set(names)):
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        lines.append(f"{name} is no setting and is ignored{hint}")
    return lines
