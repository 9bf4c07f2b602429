"""Where in a file a record stands, in front of the reasons why it is not written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from target_clearbooks.intent import SOURCE_FILE, SOURCE_LINE
from target_clearbooks.prepare.shapes import from_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ITEM = re.compile(r"(\w+)\[(\d+)\]")


def placed(record: Mapping[str, Any], reasons: Iterable[str]) -> tuple[str, ...]:
    """Reasons with the file and the row of the record, or of the item that each is about.

    >>> placed({"_sdc_source_file": "may.csv", "_sdc_source_lineno": 17}, ["amount: is required"])
    ('may.csv row 17, amount: is required',)
    """
    file = record.get(SOURCE_FILE)
    if not file:
        return tuple(reasons)
    return tuple(
        # Those of a record that an earlier run put aside have it already.
        reason if reason.startswith(f"{file} ") else f"{file}{_row(record, reason)}, {reason}"
        for reason in reasons
    )


def _row(record: Mapping[str, Any], reason: str) -> str:
    line = record.get(SOURCE_LINE)
    if (item := _ITEM.match(reason)) is not None:
        items = from_json(record.get(item[1]))
        place = int(item[2])
        if isinstance(items, list) and place < len(items) and isinstance(items[place], dict):
            line = items[place].get(SOURCE_LINE) or line
    return f" row {line}" if line else ""
