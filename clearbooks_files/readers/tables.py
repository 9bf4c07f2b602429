"""Tables of cells, of text files and spreadsheets alike: the header found, the rows named."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

from clearbooks_files.errors import FileError
from clearbooks_files.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from clearbooks_files.layout import Layout

    Cells = Sequence[Any]

# How far down the header may stand.
SEARCHED = 60


def fold(name: Any) -> str:
    """A column's name without regard to case, spaces and a byte order mark."""
    return " ".join(str(name).replace("\ufeff", "").split()).casefold()


def find_header(rows: Iterator[Cells], layout: Layout) -> tuple[int, list[str]] | None:
    """The number of the header's row, and the names of the columns; None where there is none.

    Without columns that must be there, it is the first row with the most cells that are filled.
    """
    wanted = {fold(name): name for name in layout.header}
    renamed = {fold(name): new for name, new in layout.rename.items()}
    if layout.names:
        return 0, list(layout.names)
    best: tuple[int, list[str]] | None = None
    for line, cells in enumerate(islice(rows, SEARCHED), 1):
        cells = [renamed.get(fold(cell), cell) for cell in cells]  # noqa: PLW2901 - by its new names
        found = [fold(cell) for cell in cells]
        if wanted and wanted.keys() <= set(found):
            return line, _names(cells, wanted)
        if not wanted and sum(map(bool, found)) > sum(map(bool, best[1] if best else ())):
            best = line, _names(cells, {})
    return best


def _names(cells: Cells, wanted: dict[str, str]) -> list[str]:
    """Names as the mapping spells them; one that stands there twice gets a number."""
    seen: Counter[str] = Counter()
    names = []
    for cell in cells:
        folded = fold(cell)
        name = wanted.get(folded, " ".join(str(cell).replace("\ufeff", "").split()))
        seen[folded] += 1
        names.append(f"{name} {seen[folded]}" if name and seen[folded] > 1 else name)
    return names


def named(file: str, rows: Iterator[Cells], begin: int, names: list[str]) -> Iterator[Row]:
    """The rows below the header.

    Raises:
        FileError: a row has more cells than the header, as where a comma is not quoted.
    """
    for line, cells in enumerate(rows, 1):
        if line <= begin:
            continue
        if len(cells) > len(names) and any(str(cell).strip() for cell in cells[len(names) :]):
            raise FileError(
                f"{file} row {line}: has {len(cells)} cells where the header has {len(names)}; "
                "text with a separator in it should stand in quotes"
            )
        found = dict.fromkeys(filter(None, names), "")
        found |= {
            # A file that was saved with other line ends holds the same text.
            name: cell.strip().replace("\r\n", "\n") if isinstance(cell, str) else cell
            for name, cell in zip(names, cells, strict=False)
            if name
        }
        yield Row(line, found)


def missing(file: str, layout: Layout, rows: Iterable[tuple[int, Cells]]) -> FileError:
    """What is said where no row is the header: of the row with most of its columns, what is not.

    Args:
        file: Its name.
        layout: With the columns that must be there.
        rows: The first rows and their numbers, by each way to read them.
    """
    wanted = {fold(name): name for name in layout.header}
    renamed = {fold(name): fold(new) for name, new in layout.rename.items()}

    def likeness(row: tuple[int, Cells]) -> tuple[int, int]:
        there = {renamed.get(fold(cell), fold(cell)) for cell in row[1]}
        return len(there & wanted.keys()), sum(map(bool, there))

    line, seen = max(rows, key=likeness, default=(0, ()))
    there = {renamed.get(fold(cell), fold(cell)) for cell in seen}
    lacking = [name for folded, name in wanted.items() if folded not in there]
    columns = ", ".join(str(cell) for cell in seen if fold(cell)) or "none"
    where = f"Row {line}" if there & wanted.keys() else "The file"
    return FileError(
        f"{file}: no row holds the columns of the mapping; missing: {', '.join(lacking)}. "
        f"{where} has: {columns}"
    )
