"""What every reader makes of a file: rows of named cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file.

    Attributes:
        line: Its number in the file, from 1; of a sheet the row, of a statement the transaction.
        cells: Text by the name of the column; dates and amounts where the format has them.
    """

    line: int
    cells: Mapping[str, Any]

    @property
    def is_blank(self) -> bool:
        """Whether nothing stands in it."""
        return not any(value not in (None, "") for value in self.cells.values())


BANK_COLUMNS = (
    "Statement",
    "Account",
    "Currency",
    "Opening balance",
    "Closing balance",
    "Date",
    "Amount",
    "Text",
    "Name",
    "Reference",
    "ID",
    "Type",
)
"""The columns that every reader of a bank's format gives: OFX, QIF, MT940 and CAMT.053."""
