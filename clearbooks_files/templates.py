"""The fields of a record, from the template of a mapping and the names of a row or group."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clearbooks_files.errors import RowError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from clearbooks_files.expressions import Expressions, Scope

LINE = "_sdc_source_lineno"
_EMPTY: tuple[Any, ...] = (None, "", [], {})


class Templates:
    """Fills the fields of records in.

    Args:
        expressions: Evaluates what stands behind `=`.
        source: Stands before keys, also before those of records that a field refers to.
    """

    def __init__(self, expressions: Expressions, source: str) -> None:
        self._expressions = expressions
        self._source = source

    def keyed(self, key: Any) -> str:
        """A key with the source of the mapping in front."""
        return f"{self._source}:{plain(key)}"

    def fill(self, fields: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
        """The fields of a record; those that come out empty are left out.

        Raises:
            RowError: an expression cannot be evaluated; it names the field.
        """
        found = {name: self._value(value, scope, name) for name, value in fields.items()}
        return {name: value for name, value in found.items() if value not in _EMPTY}

    def _value(self, value: Any, scope: Scope, where: str) -> Any:
        if isinstance(value, str):
            return plain(
                self._evaluated(value[1:].strip(), scope, where) if value.startswith("=") else value
            )
        if isinstance(value, dict):
            return self._object(value, scope, where)
        if isinstance(value, list):
            return [
                item
                for n, template in enumerate(value)
                for item in self._items(template, scope, f"{where}[{n}]")
            ]
        return value

    def _object(self, value: Mapping[str, Any], scope: Scope, where: str) -> dict[str, Any]:
        found = {
            name: self._value(item, scope, f"{where}.{name}")
            for name, item in value.items()
            if name != "source"
        }
        found = {name: item for name, item in found.items() if item not in _EMPTY}
        if "externalId" in found:
            # Of the files of this mapping, unless another source is named.
            source = value.get("source", self._source)
            found["externalId"] = (
                f"{source}:{found['externalId']}" if source else (found["externalId"])
            )
        return found

    def _items(self, template: Any, scope: Scope, where: str) -> Iterator[Any]:
        """The items of a list that a template stands for."""
        if not isinstance(template, dict) or not {"for_each", "when"} & template.keys():
            value = self._value(template, scope, where)
            if value not in _EMPTY:
                yield value
            return
        fields = {k: v for k, v in template.items() if k not in ("for_each", "when")}
        each = str(template.get("for_each", ""))
        for one in self._each(each, scope, f"{where}.for_each"):
            if "when" in template and not self._evaluated(template["when"], one, f"{where}.when"):
                continue
            item = self._object(fields, one, where)
            yield item | {LINE: one["row"]} if each == "row" else item

    def _each(self, each: str, scope: Scope, where: str) -> Iterator[Scope]:
        if not each:
            yield scope
        elif each == "row":
            yield from scope.rows
        else:
            groups: dict[str, list[Scope]] = {}
            for row in scope.rows:
                groups.setdefault(plain(self._evaluated(each, row, where)) or "", []).append(row)
            for rows in groups.values():
                yield rows[0].over(rows)

    def _evaluated(self, text: str, scope: Scope, where: str) -> Any:
        try:
            return self._expressions.evaluate(text, scope)
        except RowError as error:
            raise RowError(where, str(error)) from None


def plain(value: Any) -> Any:
    """A value as JSON has it: amounts and days are text, so that no penny is lost on the way."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, str):
        return value.strip()
    return value
