"""What the commands print: JSON on request, else tables and lists; notes go to standard error."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

_MINUTE = 60
_STEPS = ((86400 * 2, 86400, "days"), (3600 * 2, 3600, "hours"), (_MINUTE * 2, _MINUTE, "minutes"))
MASK = "********"


def print_json(value: Any) -> None:
    """Print one JSON document on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_fields(rows: Sequence[tuple[str, str]]) -> None:
    """Print names with their values, one a line, aligned."""
    width = max(len(name) for name, _ in rows) + 1
    for name, value in rows:
        click.echo(f"{click.style(f'{name}:'.ljust(width + 1), bold=True)} {value}")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: fitted to the terminal, or with full columns where the output is piped."""
    if sys.stdout.isatty():
        # Imported here, since it takes long and most output needs none of it.
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        drawn = Table(box=SIMPLE_HEAD, pad_edge=False)
        for column in columns:
            # Paths and IDs must not be cut, since people copy them.
            drawn.add_column(column, overflow="fold", min_width=len(column))
        for row in rows:
            drawn.add_row(*(Text(cell) for cell in row))
        Console(width=shutil.get_terminal_size().columns).print(drawn)
        return
    widths = [max(len(row[i]) for row in [columns, *rows]) for i in range(len(columns))]
    for row in [columns, *rows]:
        click.echo("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip())


def note(text: str) -> None:
    """Print a line on standard error, so that standard output holds the answer alone."""
    click.echo(text, err=True)


def warn(text: str) -> None:
    """Print a warning on standard error."""
    click.echo(f"{click.style('Warning:', fg='yellow', bold=True)} {text}", err=True)


def count(number: int | None) -> str:
    """A whole number with groups of three; a dash where it is not known."""
    return "\N{EN DASH}" if number is None else f"{number:,}"


def iso_time(seconds: float) -> str | None:
    """Seconds since 1970 as ISO 8601 in UTC; None for 0."""
    if not seconds:
        return None
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="seconds")


def duration(seconds: float) -> str:
    """A length of time in words, such as `3 hours`."""
    for least, unit, name in _STEPS:
        if seconds >= least:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} seconds"


def local_time(seconds: float) -> str:
    """Seconds since 1970 in local time, and how far that is from now; `unknown` for 0."""
    if not seconds:
        return "unknown"
    local = dt.datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")
    away = seconds - time.time()
    return f"{local} ({f'in {duration(away)}' if away > 0 else f'{duration(-away)} ago'})"


def local_from_iso(text: str | None) -> str:
    """The same for a time from `iso_time`; `unknown` for None."""
    return local_time(dt.datetime.fromisoformat(text).timestamp()) if text else "unknown"
