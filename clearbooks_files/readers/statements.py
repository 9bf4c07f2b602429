"""What the formats of banks have in common: a statement's lines, between two balances."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clearbooks_files.errors import FileError
from clearbooks_files.rows import BANK_COLUMNS, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def rows_of(
    file: str, first: int, about: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]
) -> Iterator[Row]:
    """The rows of a statement, once its lines come to what lies between its balances.

    Args:
        file: Its name.
        first: The number of its first line in the file.
        about: Cells that all lines of the statement share.
        lines: The other cells of each line.

    Raises:
        FileError: opening balance and lines do not come to the closing balance.
    """
    opening, closing = about.get("Opening balance"), about.get("Closing balance")
    if opening is not None and closing is not None:
        total = sum((line["Amount"] for line in lines), Decimal(0))
        if opening + total != closing:
            raise FileError(
                f"{file}: statement {about.get('Statement', '')} of {about.get('Account', '')}: "
                f"opens at {opening} and its {len(lines)} lines come to {total}, which is not the "
                f"closing balance of {closing}"
            )
    empty = dict.fromkeys(BANK_COLUMNS, "")
    for number, line in enumerate(lines, first):
        cells = {**empty, **about, **line}
        yield Row(number, {name: "" if cells[name] is None else cells[name] for name in cells})
