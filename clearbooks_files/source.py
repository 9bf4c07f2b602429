"""A file and a mapping, read: its records, once all of its own totals are right."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clearbooks_files import values
from clearbooks_files.errors import Faults, FileError, RowError
from clearbooks_files.expressions import Scope, identifier
from clearbooks_files.layout import Column
from clearbooks_files.mapping import checked_expressions, expressions_of, with_options
from clearbooks_files.readers import read_rows
from clearbooks_files.running_balance import RunningBalance
from clearbooks_files.spool import Spool
from clearbooks_files.templates import LINE, Templates, plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping as Map
    from pathlib import Path

    from clearbooks_files.mapping import Mapping, RecordTemplate
    from clearbooks_files.rows import Row

FILE = "_sdc_source_file"
_TEXT = Column()
_DIGEST = 12
_OF_ROWS = {"row", "row_id", "option", "cells", "_"}
_OF_FILES = {"option", "sums", "totals", "first_row", "last_row", "rows"}
"""What an expression may name besides columns and shorthands."""


@dataclass(slots=True)
class Counts:
    """What became of the rows of a file.

    Attributes:
        rows: Rows below the header.
        blank: Those that hold nothing.
        totals: Those that hold totals.
        left_out: Those that `where` leaves out.
        used: Those that records are made of.
        records: How many records each stream gets.
        checked: The checks that were made, and the amount that both sides agree on.
    """

    rows: int = 0
    blank: int = 0
    totals: int = 0
    left_out: int = 0
    used: int = 0
    records: Counter[str] = field(default_factory=Counter)
    checked: list[tuple[str, str]] = field(default_factory=list)


class SourceFile:
    """A file read with a mapping; `close` it after use.

    Args:
        path: The file.
        mapping: How its rows become records.
        options: Values for the mapping's options.

    Raises:
        MappingError: the mapping cannot be used.
        FileError: the file cannot be read with it, or does not come to its own totals.

    Attributes:
        mapping: The mapping.
        counts: What became of the rows.
    """

    def __init__(self, path: Path, mapping: Mapping, options: Map[str, Any] | None = None) -> None:
        self.path = path
        self.mapping = mapping
        self.counts = Counts()
        self._option = with_options(mapping, options or {})
        self._expressions = checked_expressions(mapping)
        self._templates = Templates(self._expressions, mapping.source)
        self._shorthands = {
            name: self._shorthand(f"let.{name}", text) for name, text in mapping.let.items()
        }
        self._names: dict[str, str] = {}
        self._columns: list[str] = []
        self._sums = dict.fromkeys(mapping.sums, Decimal(0))
        self._first: dict[str, Any] = {}
        self._wanted: dict[str, Any] = {}
        self._last: dict[str, Any] = {}
        self._totals: dict[str, Any] = {}
        self._balance = RunningBalance()
        self._above: list[Any] = []
        self._days: tuple[Any, Any] = (None, None)
        self._faults = Faults(path.name)
        self._spool = Spool()
        self._once = tuple(
            f"records[{n}]" for n, record in enumerate(mapping.records) if record.per == "file"
        )
        self._grouped = any(record.per == "group" for record in mapping.records)
        try:
            self._read()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of what was read."""
        self._spool.close()

    def streams(self) -> list[str]:
        """The streams that the mapping makes records of, in order."""
        return list(dict.fromkeys(record.stream for record in self.mapping.records))

    def records(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Stream and record, in the order of the mapping; any number of times."""
        for place, line, record in self._spool.records():
            stream = self.mapping.records[place].stream
            yield stream, record | {FILE: self.path.name, LINE: line}

    # Reading

    def _read(self) -> None:
        counts = self.counts
        for row in read_rows(self.path, self.mapping.file):
            counts.rows += 1
            if row.is_blank:
                counts.blank += 1
                continue
            try:
                self._take(row)
            except RowError as error:
                self._faults.add(row.line, str(error))
        if not counts.rows:
            raise FileError(f"{self.path.name}: has a header and no rows")
        self._make_groups()
        self._make_once()
        self._faults.check()
        self._check_totals()
        self._faults.check()

    def _take(self, row: Row) -> None:
        """Take in a row that holds something."""
        if not self._columns:
            self._begin(row)
        mapping = self.mapping
        if mapping.totals and self._holds_totals(row):
            self.counts.totals += 1
            return
        cells = self._filled(self._typed(row))
        scope = self._scope(row.line, cells)
        if mapping.where and not self._evaluated("where", mapping.where, scope):
            self.counts.left_out += 1
            return
        self._first = self._first or scope["cells"]
        self._expect(scope)
        self.counts.used += 1
        scope.names["row_id"] = row_id = self._row_id(row.line, scope)
        for name, text in mapping.sums.items():
            self._sums[name] += self._evaluated(f"sums.{name}", text, scope) or 0
        if mapping.balance is not None:
            self._balance.take(
                row.line,
                self._evaluated("balance.amount", mapping.balance.amount, scope) or Decimal(0),
                self._evaluated("balance.balance", mapping.balance.balance, scope) or Decimal(0),
            )
            day = self._evaluated("balance.date", mapping.balance.date, scope)
            self._days = (self._days[0] or day, day)
        self._last = scope["cells"]
        for place, record in enumerate(mapping.records):
            if record.per == "row":
                self._make(place, record, scope)
        if self._grouped:
            group = self._evaluated("group_by", mapping.group_by, scope)
            self._spool.keep(str(plain(group)), row.line, row_id, cells)

    def _expect(self, scope: Scope) -> None:
        """Refuse a row that holds another value than expected, such as another account."""
        for name, expected in self.mapping.expects.items():
            if name not in self._wanted:
                about = Scope({"option": self._option, "first_row": self._first}, (), {})
                where = f"expects.{name}.value"
                self._wanted[name] = self._evaluated(where, expected.value, about)
            found, wanted = scope["_"][name], self._wanted[name]
            if found not in ("", wanted):
                words = f"{values.shown(found)} is not {values.shown(wanted)}"
                raise RowError(name, f"{words}; {expected.otherwise}")

    def _holds_totals(self, row: Row) -> bool:
        """Whether a row holds totals, which are kept then. Words may stand in any column of it."""
        texts = [_text(row.cells[name]) for name in self._columns]
        scope = self._scope(row.line, texts)
        if not self._evaluated("totals", self.mapping.totals, scope):
            return False
        for name, text in zip(self._columns, texts, strict=True):
            column = self.mapping.columns.get(name, _TEXT)
            self._totals[self._names[name]] = text
            if column.type == "number":
                with contextlib.suppress(ValueError):
                    self._totals[self._names[name]] = values.number(text, column.decimal)
        return True

    def _begin(self, row: Row) -> None:
        """Take in the columns, and make sure that every expression names one."""
        self._columns = list(row.cells)
        self._names = {name: identifier(name) for name in self._columns}
        self._totals = dict.fromkeys(self._names.values())
        file, mapping = self.path.name, self.mapping
        columns = ", ".join(self._columns)
        fill = (mapping.fill_down.by, *mapping.fill_down.columns) if mapping.fill_down else ()
        for name in (*mapping.columns, *mapping.expects, *mapping.digest, *fill):
            if name not in row.cells:
                raise FileError(
                    f"{file}: has no column {name!r}, which the mapping reads; it has: {columns}"
                )
        known = {*self._names.values(), *mapping.let, *_OF_ROWS}
        for where, text in expressions_of(mapping):
            there = known | _OF_FILES if where.startswith(self._once) else known
            there = _OF_FILES if where.startswith(("checks", "expects")) else there
            for name in sorted(self._expressions.names(text) - there):
                near = difflib.get_close_matches(name, there, 1)
                hint = f"did you mean {near[0]}?" if near else f"it has: {columns}"
                raise FileError(f"{file}: {where}: there is no column {name!r}; {hint}")

    def _typed(self, row: Row) -> list[Any]:
        """The cells of a row as what their columns hold."""
        found, columns = [], self.mapping.columns
        for name in self._columns:
            try:
                found.append(_read(row.cells.get(name, ""), columns.get(name, _TEXT)))
            except ValueError as error:
                raise RowError(name, str(error)) from None
        return found

    def _filled(self, cells: list[Any]) -> list[Any]:
        """The cells, with what only the first of several rows holds."""
        fill = self.mapping.fill_down
        if fill is None:
            return cells
        place = self._columns.index
        by, above = place(fill.by), self._above
        if above and above[by] == cells[by]:
            for n in map(place, fill.columns):
                cells[n] = above[n] if cells[n] in (None, "") else cells[n]
        self._above = cells
        return cells

    def _scope(self, line: int, cells: list[Any], row_id: str = "") -> Scope:
        found = dict(zip(self._names.values(), cells, strict=True))
        names = {**found, "row": line, "row_id": row_id, "option": self._option, "cells": found}
        names["_"] = dict(zip(self._columns, cells, strict=True))
        return Scope(names, (), self._shorthands)

    def _row_id(self, line: int, scope: Scope) -> str:
        """What identifies a row: what the mapping says, else a digest and which of its kind."""
        mapping = self.mapping
        found = mapping.row_id and self._evaluated("row_id", mapping.row_id, scope)
        if found in (None, "") and mapping.digest:
            cells = [str(plain(scope["_"][name]) or "") for name in mapping.digest]
            digest = hashlib.sha256("\n".join(cells).encode()).hexdigest()[:_DIGEST]
            number = self._spool.nth(digest)
            return f"{digest}-{number}"
        if found in (None, ""):
            if mapping.row_id:
                raise RowError("row_id", f"is empty: {mapping.row_id}")
            return ""
        row_id = str(plain(found))
        before = self._spool.claim(row_id, line)
        if before is not None:
            raise RowError("row_id", f"{row_id!r} is that of row {before}, too")
        return row_id

    # Records

    def _make_groups(self) -> None:
        for rows in self._spool.groups() if self._grouped else ():
            scopes = [
                self._scope(line, self._decoded(cells), row_id) for line, row_id, cells in rows
            ]
            group = scopes[0].over(scopes)
            for place, record in enumerate(self.mapping.records):
                if record.per == "group":
                    self._make_or_note(place, record, group)

    def _make_once(self) -> None:
        if not self._first:
            return
        names = {"option": self._option, "row": 0, "row_id": "", **self._first}
        scope = Scope(names | self._facts(), (), self._shorthands)
        for place, record in enumerate(self.mapping.records):
            if record.per == "file":
                self._make_or_note(place, record, scope)

    def _make_or_note(self, place: int, record: RecordTemplate, scope: Scope) -> None:
        try:
            self._make(place, record, scope)
        except RowError as error:
            self._faults.add(scope["row"], str(error))

    def _make(self, place: int, record: RecordTemplate, scope: Scope) -> None:
        where = f"records[{place}]"
        if record.when and not self._evaluated(f"{where}.when", record.when, scope):
            return
        key = self._evaluated(f"{where}.key", record.key, scope)
        if key in (None, ""):
            raise RowError(f"{where}.key", f"is empty: {record.key}")
        key = self._templates.keyed(key)
        fields = {"externalId": key} | self._templates.fill(record.fields, scope)
        before = self._spool.put(place, key, scope["row"], fields)
        if before is None:
            self.counts.records[record.stream] += 1
        elif not before.same:
            raise RowError(
                f"{where}.key", f"{key!r} is that of row {before.line}, too, with other contents"
            )

    def _decoded(self, cells: list[Any]) -> list[Any]:
        columns = self.mapping.columns
        return [
            _restored(cell, columns.get(name, _TEXT))
            for name, cell in zip(self._columns, cells, strict=True)
        ]

    # Totals

    def _facts(self) -> dict[str, Any]:
        rows = {"first_row": self._first, "last_row": self._last, "rows": self.counts.used}
        return {"sums": self._sums, "totals": self._totals, **rows}

    def _check_totals(self) -> None:
        """Compare what the file states with what its rows come to."""
        first, last = self._days
        fault = self._balance.fault(newest_first=bool(first and first > last))
        if fault:
            self._faults.add(None, f"{fault}; nothing is sent")
        elif self.mapping.balance is not None and first:
            self.counts.checked.append(("Balance after each row", f"{self.counts.used} rows"))
        scope = Scope({"option": self._option, **self._facts()}, (), {})
        for n, check in enumerate(self.mapping.checks):
            try:
                stated = self._evaluated(f"checks[{n}].file", check.file, scope)
                found = self._evaluated(f"checks[{n}].rows", check.rows, scope)
            except RowError as error:
                self._faults.add(None, str(error))
                continue
            if stated in (None, ""):
                continue
            if stated != found:
                self._faults.add(
                    None,
                    f"{check.name}: the file says {plain(stated)}, and its rows come to "
                    f"{plain(found)}; nothing is sent",
                )
            self.counts.checked.append((check.name, str(plain(stated))))

    def _shorthand(self, where: str, text: str) -> Any:
        return lambda scope: self._evaluated(where, text, scope)

    def _evaluated(self, where: str, text: str, scope: Scope) -> Any:
        try:
            return self._expressions.evaluate(text, scope)
        except RowError as error:
            raise RowError(where, str(error)) from None


def _read(cell: Any, column: Column) -> Any:
    if column.type == "number":
        return values.number(cell, column.decimal)
    if column.type == "date":
        return values.date(cell, column.format)
    return _text(cell)


def _text(cell: Any) -> str:
    """A cell as text; of a sheet 1001.0 is 1001, and a ticked box `true`."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else str(values.number(cell))
    return str(plain(cell))


def _restored(cell: Any, column: Column) -> Any:
    """A cell as it was, after it lay in the spool."""
    if cell is None or column.type == "text":
        return cell
    return Decimal(cell) if column.type == "number" else values.date(cell)
