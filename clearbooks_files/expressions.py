"""The expressions of a mapping: those of the SDK's stream maps, by the same simpleeval.

A column is called by its name, with `_` for what no name may hold: `Money_in` for `Money in`.
Numbers are `Decimal`. Functions that would make another record of the same file are left out.
"""

from __future__ import annotations

import ast
import datetime as dt
import hashlib
import json
import re
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

import simpleeval
from typing_extensions import override

from clearbooks_files import values
from clearbooks_files.errors import RowError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_NO_NAME = re.compile(r"\W+")


def identifier(column: str) -> str:
    """What an expression calls a column.

    >>> identifier("Notes and #tags"), identifier("1st line")
    ('Notes_and_tags', '_1st_line')
    """
    name = _NO_NAME.sub("_", column).strip("_")
    return f"_{name}" if name[:1].isdigit() else name


class Scope:
    """What names stand for while an expression is evaluated.

    Args:
        names: Columns, and whatever else there is.
        rows: The scopes of the rows that `sum`, `count`, `first`, `last` and `join` look at.
        shorthands: Named expressions, evaluated when they are first asked for.
    """

    def __init__(
        self,
        names: dict[str, Any],
        rows: Sequence[Scope] = (),
        shorthands: Mapping[str, Callable[[Scope], Any]] | None = None,
    ) -> None:
        self.names = names
        self._shorthands = shorthands or {}
        self._known: dict[str, Any] = {}
        self.rows = rows or (self,)

    def __getitem__(self, name: str) -> Any:
        """The value of a name; the error of a name that is none is the evaluator's."""
        if name in self.names:
            return self.names[name]
        if name not in self._known:
            self._known[name] = self._shorthands[name](self)
        return self._known[name]

    def over(self, rows: Sequence[Scope], **more: Any) -> Scope:
        """The same names, with other rows to look at, and some more names."""
        return Scope({**self.names, **more}, rows, self._shorthands)


class Expressions:
    """Compiles and evaluates the expressions of a mapping.

    Args:
        tables: The translations that `lookup` knows.
    """

    def __init__(self, tables: Mapping[str, Mapping[str, Any]]) -> None:
        self._tables = {
            name: {_folded(key): value for key, value in table.items()}
            for name, table in tables.items()
        }
        self._evaluator = _Evaluator(functions=_FUNCTIONS | self._functions())
        self._parsed: dict[str, ast.AST] = {}

    def check(self, text: str) -> None:
        """Raise where an expression is none.

        Raises:
            SyntaxError: it cannot be read.
        """
        self._parse(text)

    def names(self, text: str) -> set[str]:
        """The names that an expression uses, without those of functions.

        Those in the text that `sum` and its kin evaluate are among them.
        """
        found: set[str] = set()
        own: set[str] = set()
        for node in ast.walk(self._parse(text)):
            if isinstance(node, ast.Name):
                found.add(node.id)
            elif isinstance(node, ast.comprehension):
                own |= {name.id for name in ast.walk(node.target) if isinstance(name, ast.Name)}
            elif inner := _over_rows(node):
                found |= self.names(inner)
        return found - own - _FUNCTIONS.keys() - _OVER_ROWS - {"lookup"}

    def evaluate(self, text: str, scope: Scope) -> Any:
        """The value of an expression.

        Raises:
            RowError: it cannot be evaluated; the text says why.
        """
        node = self._parse(text)
        if isinstance(node, ast.Name) and node.id not in _FUNCTIONS:
            # Most expressions are the name of a column.
            try:
                return scope[node.id]
            except KeyError:
                raise RowError("", f"{node.id!r} is no column") from None
        before, self._evaluator.names = self._evaluator.names, scope
        try:
            return self._evaluator.eval(text, previously_parsed=node)
        except RowError:
            raise
        except simpleeval.NameNotDefined as error:
            raise RowError("", f"{error.name!r} is no column, in {text}") from None
        except TypeError:
            raise RowError("", f"a cell that is empty, or is no number, in {text}") from None
        except (simpleeval.InvalidExpression, ArithmeticError, ValueError, LookupError) as error:
            raise RowError("", f"{error or type(error).__name__}, in {text}") from None
        finally:
            self._evaluator.names = before

    def _parse(self, text: str) -> ast.AST:
        found = self._parsed.get(text)
        if found is None:
            found = self._parsed[text] = _Evaluator.parse(text).value
        return found

    def _functions(self) -> dict[str, Callable[..., Any]]:
        def each(text: str) -> list[Any]:
            rows = self._evaluator.names.rows
            return [self.evaluate(text, row) for row in rows]

        def filled(text: str) -> list[Any]:
            return [value for value in each(text) if value not in (None, "")]

        return {
            "sum": lambda text: sum((value or 0 for value in each(text)), Decimal(0)),
            "count": lambda: len(self._evaluator.names.rows),
            "first": lambda text: next(iter(filled(text)), None),
            "last": lambda text: next(reversed(filled(text)), None),
            "join": lambda text, between=", ": between.join(dict.fromkeys(map(str, filled(text)))),
            "lookup": self._lookup,
        }

    def _lookup(self, table: str, value: Any, otherwise: Any = None) -> Any:
        """The translation of a value; else that of `*`, what is given, or the value itself."""
        if table not in self._tables:
            raise RowError("", f"tables has no {table!r}")
        entries = self._tables[table]
        for key in (_folded(value), "*"):
            if key in entries:
                return entries[key]
        return value if otherwise is None else otherwise


class _Evaluator(simpleeval.EvalWithCompoundTypes):  # type: ignore[misc]
    """Numbers with a point are read as `Decimal`; records hold no modules, so none is looked for.

    The SDK leaves the same look at every value out, for its costs.
    """

    def __init__(self, functions: Mapping[str, Any]) -> None:
        super().__init__(functions=functions)
        constant = self.nodes[ast.Constant]
        self.nodes[ast.Constant] = lambda node: _exact(constant(node))

    @override
    def _check_disallowed_items(self, item: Any) -> None:
        return

    @override
    def _eval_attribute(self, node: ast.Attribute) -> Any:
        found = self._eval(node.value)
        if not isinstance(found, dict):
            return super()._eval_attribute(node)
        # Columns, sums and options by name, whatever it is; of a dictionary itself only `get`.
        if node.attr in found:
            return found[node.attr]
        if node.attr == "get":
            return found.get
        raise simpleeval.NameNotDefined(node.attr, self.expr)

    @override
    def _eval_name(self, node: ast.Name) -> Any:
        # The names of a scope come before functions: a column may be called `Date` or `count`.
        try:
            return self.names[node.id]
        except KeyError:
            if node.id in self.functions:
                return self.functions[node.id]
            raise simpleeval.NameNotDefined(node.id, self.expr) from None


def _over_rows(node: ast.AST) -> str:
    """The expression that a call of `sum` and its kin evaluates for each row."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
        first = node.args[0]
        if node.func.id in _OVER_ROWS and isinstance(first, ast.Constant):
            return str(first.value)
    return ""


def _exact(value: Any) -> Any:
    return Decimal(str(value)) if isinstance(value, float) else value


def _folded(value: Any) -> str:
    return " ".join(str(value if value is not None else "").split()).casefold()


def _round(value: Any, places: int = 2) -> Decimal:
    return Decimal(value).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def _find(pattern: str, text: Any) -> str:
    """What a pattern finds in a text: its first group, or all of it; empty for nothing."""
    found = re.search(pattern, str(text or ""), re.IGNORECASE)
    return "" if found is None else found.group(1 if found.re.groups else 0)


class _Datetime:
    """What of the module an expression needs; nothing else of it can be reached."""

    date = dt.date
    datetime = dt.datetime
    timedelta = dt.timedelta


class _Json:
    """The same of the module `json`."""

    loads = staticmethod(json.loads)
    dumps = staticmethod(json.dumps)


_OVER_ROWS = {"sum", "count", "first", "last", "join"}
_FUNCTIONS: dict[str, Any] = {
    # Those of the stream maps.
    "int": int,
    "float": Decimal,
    "str": str,
    "bool": bool,
    "md5": lambda text: hashlib.md5(str(text).encode(), usedforsecurity=False).hexdigest(),
    "sha256": lambda text: hashlib.sha256(str(text).encode()).hexdigest(),
    "datetime": _Datetime,
    "json": _Json,
    # Those that files need.
    "abs": abs,
    "min": min,
    "max": max,
    "len": len,
    "round": _round,
    "find": _find,
    "number": values.number,
    "date": values.date,
}
