"""Spreadsheets of Excel and LibreOffice, by calamine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from python_calamine import CalamineError, CalamineWorkbook

from clearbooks_files.errors import FileError
from clearbooks_files.readers.tables import SEARCHED, find_header, missing, named

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clearbooks_files.layout import Layout
    from clearbooks_files.rows import Row


def read(path: Path, layout: Layout) -> Iterator[Row]:
    """The rows of the sheet that the mapping names, or of the first one that has its header.

    Raises:
        FileError: it is no spreadsheet, is protected by a password, or has no such sheet.
    """
    book = _open(path)
    if layout.sheet and layout.sheet not in book.sheet_names:
        raise FileError(
            f"{path.name}: has no sheet {layout.sheet!r}; it has: {', '.join(book.sheet_names)}"
        )
    seen: list[tuple[int, list[str]]] = []
    for name in [layout.sheet] if layout.sheet else book.sheet_names:
        # Empty rows and columns in front count, so that numbers of rows are those on the screen.
        rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        found = find_header(iter(rows), layout)
        if found is not None:
            yield from named(path.name, iter(rows), *found)
            return
        seen.extend((n, list(map(str, row))) for n, row in enumerate(rows[:SEARCHED], 1))
    raise missing(path.name, layout, seen)


def first_cells(path: Path) -> list[list[Any]]:
    """The cells of the first rows of every sheet."""
    book = _open(path)
    return [
        list(row)
        for name in book.sheet_names
        for row in book.get_sheet_by_name(name).to_python(skip_empty_area=False, nrows=SEARCHED)
    ]


def _open(path: Path) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_path(str(path))
    except CalamineError as error:
        raise FileError(f"{path.name}: cannot be read as a spreadsheet: {error}") from None
