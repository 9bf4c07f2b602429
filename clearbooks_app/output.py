"""What the commands print: JSON on request, else tables and lists; notes go to standard error."""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from clearbooks.terminal import fit, width

if TYPE_CHECKING:
    from collections.abc import Sequence

_MINUTE = 60
_STEPS = ((86400 * 2, 86400, "days"), (3600 * 2, 3600, "hours"), (_MINUTE * 2, _MINUTE, "minutes"))
MASK = "********"
# Between the columns of a table, and the fewest characters in which its last column is readable.
_GAP = "  "
_LEAST = 24


def print_json(value: Any) -> None:
    """Print one JSON document on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def say(text: str, *, lead: str = "", indent: int = 0) -> None:
    """Print text on standard output; a terminal gets lines of its width.

    Args:
        text: One or more lines.
        lead: What stands before it, with or without colours.
        indent: Of what does not fit a line and goes on below it.
    """
    taken = len(click.unstyle(lead))
    click.echo(lead + fit(text, width(sys.stdout), taken=taken, indent=indent))


def print_fields(rows: Sequence[tuple[str, str]]) -> None:
    """Print names with their values, one a line, aligned."""
    column = max(len(name) for name, _ in rows) + 2
    for name, value in rows:
        lead = click.style(f"{name}:".ljust(column), bold=True)
        say(value, lead=f"{lead} ", indent=column + 1)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table.

    On a terminal that is too narrow, the last column goes on below itself between words; where
    that does not help, each row becomes a list of fields.
    """
    *widths, last = [max(len(row[i]) for row in [columns, *rows]) for i in range(len(columns))]
    taken = sum(widths) + len(_GAP) * len(widths)
    terminal = width(sys.stdout)
    if terminal is not None and taken + last > terminal:
        longest = max((len(word) for row in rows for word in row[-1].split()), default=0)
        if taken + max(longest, _LEAST) > terminal:
            _print_rows(columns, rows)
            return
    for row in [columns, *rows]:
        cells = [cell.ljust(w) for cell, w in zip(row, widths, strict=False)]
        cells.append(fit(row[-1], terminal, taken=taken, indent=taken))
        line = _GAP.join(cells).rstrip()
        click.echo(click.style(line, bold=True) if row is columns else line)


def _print_rows(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print each row of a table as a list of what it holds."""
    for number, row in enumerate(rows):
        if number:
            click.echo()
        print_fields([(n, cell) for n, cell in zip(columns, row, strict=True) if cell])


def note(text: str) -> None:
    """Print a line on standard error, so that standard output holds the answer alone."""
    click.echo(fit(text, width(sys.stderr)), err=True)


def warn(text: str) -> None:
    """Print a warning on standard error."""
    _begun("Warning:", text, fg="yellow", bold=True)


def error(text: str) -> None:
    """Print what went wrong on standard error."""
    _begun("Error:", text)


def _begun(word: str, text: str, **style: Any) -> None:
    fitted = fit(text, width(sys.stderr), taken=len(word) + 1)
    click.echo(f"{click.style(word, **style)} {fitted}", err=True)


def confirm(question: str, *, abort: bool = False) -> bool:
    """Ask the person at the terminal; the question goes to standard error.

    Raises:
        click.Abort: the answer is no, and `abort` is set.
    """
    return click.confirm(fit(question, width(sys.stderr)), abort=abort, err=True)


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


def short_time(seconds: float) -> str:
    """Seconds since 1970 in local time, for a table; `unknown` for 0."""
    if not seconds:
        return "unknown"
    return dt.datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")


def local_time(seconds: float) -> str:
    """Seconds since 1970 in local time, and how far that is from now; `unknown` for 0."""
    if not seconds:
        return "unknown"
    away = seconds - time.time()
    distance = f"in {duration(away)}" if away > 0 else f"{duration(-away)} ago"
    return f"{short_time(seconds)} ({distance})"


def local_from_iso(text: str | None) -> str:
    """A time from `iso_time` in local time, and how far it is from now; `unknown` for None."""
    return local_time(dt.datetime.fromisoformat(text).timestamp()) if text else "unknown"
