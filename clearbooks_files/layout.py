"""What a mapping says of the file itself: its kind, its header and how values are written."""

from __future__ import annotations

from typing import Literal

import msgspec


class Column(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How the cells of a column are written.

    Attributes:
        type: What they hold.
        format: Of dates: `DD/MM/YYYY`, `D MMM YY`, `ISO` and so on.
        decimal: Of numbers: what stands before the pennies.
    """

    type: Literal["text", "number", "date"] = "text"
    format: str = "YYYY-MM-DD"
    decimal: Literal[".", ","] = "."


class Layout(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How a file is laid out.

    Attributes:
        kind: What it is; empty for whatever it is found to be.
        header: Columns that must be there; the first row that holds all of them is the header, so
            that lines above it are skipped.
        names: Names of the columns of a file without a header, instead.
        rename: What columns of the file are called by the mapping: `{Tax: PAYE}`.
        separator: Between the cells of a CSV file; found where it is left out.
        encoding: Found where it is left out.
        sheet: Name of the sheet of a spreadsheet; the first that has the header otherwise.
        day_first: Of QIF, whose dates do not tell: whether the day stands before the month.
    """

    kind: Literal["", "csv", "sheet", "ofx", "qif", "mt940", "camt053"] = ""
    header: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    rename: dict[str, str] = {}
    separator: str = ""
    encoding: str = ""
    sheet: str = ""
    day_first: bool = True
