"""CSV and its kin: encoding, separator and header are found; cells may hold line breaks."""

from __future__ import annotations

import codecs
import csv
from itertools import islice
from typing import TYPE_CHECKING

from charset_normalizer import from_bytes

from clearbooks_files.errors import FileError
from clearbooks_files.readers.tables import SEARCHED, find_header, missing, named

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clearbooks_files.layout import Layout
    from clearbooks_files.rows import Row

_SAMPLE = 256 * 1024
_SEPARATORS = (",", ";", "\t", "|")
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# What British banks and shops export. Of a few bytes a detector cannot tell these from any other.
_LIKELY = ["cp1252", "mac_roman", "cp850"]


def read(path: Path, layout: Layout) -> Iterator[Row]:
    """The rows of a text file.

    Raises:
        FileError: its encoding is another than the mapping says, or it has no such header.
    """
    encoding = layout.encoding or encoding_of(path)
    separator, begin, names = _shape(path, layout, encoding)
    yield from named(path.name, cells_of(path, encoding, separator), begin, names)


def _shape(path: Path, layout: Layout, encoding: str) -> tuple[str, int, list[str]]:
    """Separator, the number of the header's row, and the names of the columns."""
    most: tuple[str, int, list[str]] | None = None
    for separator in [layout.separator] if layout.separator else _SEPARATORS:
        found = find_header(cells_of(path, encoding, separator), layout)
        if found is not None and (most is None or len(found[1]) > len(most[2])):
            most = separator, *found
        if most is not None and layout.header:
            break
    if most is None:
        raise missing(path.name, layout, _first(path, encoding))
    return most


def first_cells(path: Path) -> list[list[str]]:
    """The cells of the first rows, by each separator that there may be."""
    return [cells for _, cells in _first(path, encoding_of(path))]


def _first(path: Path, encoding: str) -> Iterator[tuple[int, list[str]]]:
    for separator in _SEPARATORS:
        yield from enumerate(islice(cells_of(path, encoding, separator), SEARCHED), 1)


def cells_of(path: Path, encoding: str, separator: str) -> Iterator[list[str]]:
    """The cells of each row.

    Raises:
        FileError: a byte is not of the encoding, or quotes do not close.
    """
    line = 0
    with path.open(encoding=encoding, newline="") as file:
        try:
            for line, cells in enumerate(csv.reader(file, delimiter=separator), 1):  # noqa: B007
                yield cells
        except UnicodeDecodeError:
            # Which row it is nobody knows: text is decoded in blocks.
            raise FileError(
                f"{path.name}: is not {encoding}; where the mapping names no encoding, it is found"
            ) from None
        except csv.Error as error:
            raise FileError(f"{path.name} row {line + 1}: {error}") from None


def encoding_of(path: Path) -> str:
    """The encoding of a text file: UTF-8 where it is that to its end, else the likeliest."""
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
        for mark, encoding in _MARKS.items():
            if sample.startswith(mark):
                return encoding
        try:
            decoder = codecs.getincrementaldecoder("utf-8")()
            part = sample
            while part:
                decoder.decode(part)
                part = file.read(_SAMPLE)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            found = from_bytes(part or sample, cp_isolation=_LIKELY)
            # Of those that are as likely as the likeliest, the one that most programs write.
            likely = {match.encoding for match in found if match.chaos == found[0].chaos}
            return next((name for name in _LIKELY if name in likely), _LIKELY[0])
    return "utf-8"
