"""What can be wrong with a file or a mapping; the text names the file, the row and the column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearbooks.errors import ClearBooksError, SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_SHOWN = 20


class MappingError(SettingError):
    """A mapping cannot be used; the text names its file and the key."""


class FileError(ClearBooksError):
    """A file cannot be read with a mapping; nothing of it is sent."""

    exit_code = 2


class RowError(Exception):
    """Something is wrong in a row; `where` is its column, or the key of the mapping."""

    def __init__(self, where: str, words: str) -> None:
        super().__init__(f"{where}: {words}" if where else words)


class Faults:
    """Collects what is wrong with the rows of a file, so that all of it is told at once."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._number = 0
        self._lines: list[str] = []

    def add(self, line: int | None, words: str) -> None:
        """Note a fault of a row, or of the whole file."""
        self._number += 1
        if len(self._lines) < _MOST_SHOWN:
            place = f"{self._file} row {line}" if line else self._file
            self._lines.append(f"{place}, {words}" if line else f"{place}: {words}")

    def check(self) -> None:
        """Raise what was noted.

        Raises:
            FileError: there was something.
        """
        if self._number:
            raise FileError("\n".join(self._told()))

    def _told(self) -> Sequence[str]:
        left = self._number - len(self._lines)
        return [*self._lines, *([f"and {left} more"] if left else [])]
