"""Output: tables and lists for people, plain lines where no terminal is, JSON for programs."""

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
    """One JSON document on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def facts(rows: Sequence[tuple[str, str]]) -> None:
    """Names and what they are, aligned."""
    width = max(len(name) for name, _ in rows) + 1
    for name, value in rows:
        click.echo(f"{click.style(f'{name}:'.ljust(width + 1), bold=True)} {value}")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table: fitted to the terminal, or aligned and uncut where there is none."""
    if sys.stdout.isatty():
        # Here, since most output needs none of it.
        from rich.box import SIMPLE_HEAD  # noqa: PLC0415
        from rich.console import Console  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        drawn = Table(box=SIMPLE_HEAD, pad_edge=False)
        for column in columns:
            # A path that is cut is of no use.
            drawn.add_column(column, overflow="fold")
        for row in rows:
            drawn.add_row(*(Text(cell) for cell in row))
        Console(width=shutil.get_terminal_size().columns).print(drawn)
        return
    widths = [max(len(row[i]) for row in [columns, *rows]) for i in range(len(columns))]
    for row in [columns, *rows]:
        click.echo("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip())


def note(text: str) -> None:
    """A line for people, beside the answer: on standard error."""
    click.echo(text, err=True)


def warn(text: str) -> None:
    """A warning on standard error."""
    click.echo(f"{click.style('Warning:', fg='yellow', bold=True)} {text}", err=True)


def instant(seconds: float) -> str | None:
    """Seconds since 1970 as ISO 8601 in UTC; None for 0."""
    if not seconds:
        return None
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="seconds")


def span(seconds: float) -> str:
    """A length of time in words."""
    for least, unit, name in _STEPS:
        if seconds >= least:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} seconds"


def when(seconds: float) -> str:
    """A moment in local time, with how far it is from now."""
    if not seconds:
        return "unknown"
    local = dt.datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")
    away = seconds - time.time()
    return f"{local} ({f'in {span(away)}' if away > 0 else f'{span(-away)} ago'})"


def moment(text: str | None) -> str:
    """What `instant` made, for people."""
    return when(dt.datetime.fromisoformat(text).timestamp()) if text else "unknown"
