"""`clearbooks status --all`: every business of a token store in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearbooks_app import output
from clearbooks_app.operations.fleet import fleet

if TYPE_CHECKING:
    from clearbooks.settings import Connection

_COLUMNS = ["Application", "Connection", "Business", "Kind", "Last success", "Requests", "Records",
            "Rejected", "Doubts", "State"]  # fmt: skip


def show(connection: Connection, behind_hours: float, *, as_json: bool) -> None:
    """Print it.

    Raises:
        ClearBooksError: see `fleet`.
    """
    rows = fleet(connection, behind_hours)
    if as_json:
        output.print_json(rows)
        return
    output.print_table(_COLUMNS, [_cells(row) for row in rows])
    late = sum(row["behind"] for row in rows)
    output.note(f"{late} of {len(rows)} without a success in the last {behind_hours:g} hours")


def _cells(row: dict[str, Any]) -> list[str]:
    age = row["age_seconds"]
    numbers = (row[name] for name in ("requests", "records", "rejected", "doubts"))
    return [
        row["application"], row["connection"], str(row["business"]), row["kind"] or "",
        "never" if age is None else f"{output.duration(age)} ago", *map(str, numbers),
        ("behind" if row["behind"] else "") + (f": {row['message']}" if row["message"] else ""),
    ]  # fmt: skip
