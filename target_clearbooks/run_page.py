"""One run as a page of its own: what it did, why not the rest, and its chain of intents."""

from __future__ import annotations

import hashlib
import os
import time
from html import escape
from typing import TYPE_CHECKING, Any

from target_clearbooks.ledger.amounts import money
from target_clearbooks.output_files import open_output
from target_clearbooks.store.history import chain, find_run, results, unsettled
from target_clearbooks.store.totals import read_totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from decimal import Decimal
    from pathlib import Path

    from clearbooks.history import Run
    from target_clearbooks.store import Store

_ALL = 2**31
_CLASSES = {
    **dict.fromkeys(("Records", "Net", "VAT", "Gross"), "num"),
    **dict.fromkeys(("Record", "Reasons", "Content", "Digest"), "long"),
}
# Reached by keyboard, since a table may be wider than the page.
_SHEET = '<div class="sheet" tabindex="0">'
_STYLE = (
    ":root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:70rem;"
    "margin:2rem auto;padding:0 1rem}table{border-collapse:collapse;width:100%;margin:0 0 1.5rem}"
    "th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;"
    "border-bottom:1px solid #8886;overflow-wrap:break-word}.num{text-align:right}"
    ".long{overflow-wrap:anywhere;min-width:9rem}.sheet{overflow-x:auto}"
    "code{font-size:.85em}meter{width:10rem}"
)


class RunPage:
    """The file that a run leaves its page in.

    Args:
        path: Where; None for nowhere.

    Raises:
        SettingError: on construction, where the file cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._descriptor: int | None = None
        if path is not None:
            self._descriptor = open_output("report_path", path, os.O_WRONLY | os.O_TRUNC)

    def write(self, db: Store, run: str, words: Mapping[str, str]) -> None:
        """Write the page of a run that has ended.

        Args:
            db: The state store.
            run: The run.
            words: What outcomes are called; those that are not in it by their own names.
        """
        if self._descriptor is not None:
            with os.fdopen(self._descriptor, "w", encoding="utf-8") as file:
                self._descriptor = None
                file.writelines(page_of(db, run, words))

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def page_of(db: Store, run: str, words: Mapping[str, str] | None = None) -> Iterator[str]:
    """The page of a run of the target, in parts; see `RunPage.write`.

    Raises:
        SettingError: there is no such run.
    """
    known = find_run(db, run)
    called = words or {}
    yield from _begin(known, called)
    yield "<h2>What it comes to</h2>"
    yield from _table(
        ("Stream", "Outcome", "Currency", "Records", "Net", "VAT", "Gross"),
        (
            (
                total.stream,
                called.get(total.outcome, total.outcome),
                total.amounts.currency,
                total.amounts.records,
                *map(_amount, (total.amounts.net, total.amounts.vat, total.amounts.gross)),
            )
            for total in read_totals(db, run)
        ),
    )
    yield "<h2>Open or refused</h2>"
    yield from _table(
        ("Record", "State", "Reasons"),
        (
            (f"{entry['stream']} {entry['key']}", entry["state"], "; ".join(entry["reasons"]))
            for entry in unsettled(db, run)
        ),
    )
    yield "<h2>Record by record</h2>"
    yield from _table(
        ("Record", "Outcome", "ID in the ledger", "Number", "Reasons"),
        (
            (
                f"{r['stream']} {r['key']}",
                called.get(r["outcome"], r["outcome"]),
                r["id"],
                r["ledger_number"],
                "; ".join(r["reasons"]),
            )
            for r in results(db, run, _ALL)
        ),
    )
    yield (
        "<h2>Chain of intents</h2><p>In the order in which they were put on disk. The digest of "
        "each is the SHA-256 of a text in UTF-8: the digest of the line before it (of the first "
        "line nothing), and the other cells of its own line, joined by tabs. Whoever changes one "
        "line changes all digests below it; the last one stands for the whole chain.</p>"
    )
    yield from _table(
        ("Intent", "Business", "Record", "Operation", "State", "ID", "Sent", "Content", "Digest"),
        _digests(chain(db, run)),
    )
    yield "</main></body></html>\n"


def page_of_reading(run: Run) -> str:
    """The page of a run of the tap: of its records nothing is kept."""
    return "".join([*_begin(run, {}), "</main></body></html>\n"])


def _begin(run: Run, words: Mapping[str, str]) -> Iterator[str]:
    title = escape(f"Run {run.id}")
    yield (
        f'<!doctype html>\n<html lang="en-GB"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main><h1>{title}</h1>"
    )
    yield from _table(
        ("", ""),
        [
            ("Kind", run.kind),
            ("Started", _moment(run.started)),
            ("Ended", _moment(run.ended) if run.ended else "no end is known"),
            ("Requests", "\N{EN DASH}" if run.requests is None else f"{run.requests:,}"),
            ("Exit code", run.exit_code),
            ("Businesses", ", ".join(map(str, run.businesses))),
            ("Message", run.message),
        ],
    )
    rows = [(s, o, n) for s, counts in run.streams.items() for o, n in counts.items()]
    most = max((number for _, _, number in rows), default=1) or 1
    yield (
        f'<h2>Streams</h2>{_SHEET}<table><thead><tr><th scope="col">Stream</th>'
        '<th scope="col">Outcome</th><th scope="col" class="num">Records</th>'
        '<th scope="col">Share</th></tr></thead>'
    )
    for stream, outcome, number in rows:
        yield (
            f'<tr><th scope="row">{escape(stream)}</th>'
            f"<td>{escape(words.get(outcome, outcome))}</td>"
            f'<td class="num">{number:,}</td><td><meter min="0" max="{most}" value="{number}">'
            f"{number}</meter></td></tr>"
        )
    yield "</table></div>"


def _digests(rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Any, ...]]:
    digest = ""
    for row in rows:
        line = (
            row["number"],
            row["business"],
            f"{row['stream']} {row['key']}",
            row["operation"],
            row["state"],
            row["id"],
            _moment(row["sent"]) if row["sent"] else None,
            row["content"],
        )
        text = "\t".join("" if cell is None else str(cell) for cell in line)
        digest = hashlib.sha256(f"{digest}{text}".encode()).hexdigest()
        yield (*line, digest)


def _table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    found = False
    for row in rows:
        if not found:
            yield f"{_SHEET}<table>"
            if any(heads):
                cells = "".join(
                    f'<th scope="col"{_class(head)}>{escape(head)}</th>' for head in heads
                )
                yield f"<thead><tr>{cells}</tr></thead>"
        found = True
        first, *rest = ("" if cell is None else escape(str(cell)) for cell in row)
        cells = "".join(
            f"<td{_class(head)}>{cell}</td>" for head, cell in zip(heads[1:], rest, strict=True)
        )
        yield f'<tr><th scope="row"{_class(heads[0])}>{first}</th>{cells}</tr>'
    yield "</table></div>" if found else "<p>None.</p>"


def _class(head: str) -> str:
    return f' class="{_CLASSES[head]}"' if head in _CLASSES else ""


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else money(value)


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
