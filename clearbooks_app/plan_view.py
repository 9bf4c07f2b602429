"""A plan as a person reads it on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearbooks_app import output
from clearbooks_app.operations.plan_view import MOST_REFUSED, gross_planned, kind_of, whom
from target_clearbooks.ledger.amounts import money
from target_clearbooks.worth import worth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clearbooks_app.operations.plan_view import PlanView, StreamPlan
    from clearbooks_app.operations.reconcile import Reconciled


def show_plan(view: PlanView) -> None:
    """Print a plan: by stream, the first of each, and what is refused."""
    kinds = [
        kind
        for kind in ("create", "change", "reverse", "void", "delete", "refuse")
        if any(s.counts[kind] for s in view.streams.values())
    ]
    rows = [
        [name, *(str(s.counts[kind] or "") for kind in kinds), *_sums(s)]
        for name, s in view.streams.items()
    ]
    if rows:
        heads = [kind.capitalize() for kind in kinds]
        output.print_table(["Stream", *heads, "Net", "VAT", "Gross"], rows)
    firsts = [[name, *line] for name, s in view.streams.items() for line in _first(s)]
    if firsts:
        output.print_table(["First of each", "Action", "Key", "Date", "Who", "Amount"], firsts)
    for line in _told(view):
        output.note(line)


def _sums(stream: StreamPlan) -> list[str]:
    if not stream.net and stream.gross is None:
        return ["", "", ""]
    if stream.gross is None:
        return [money(stream.net), "", ""]
    return [money(stream.net), money(stream.gross - stream.net), money(stream.gross)]


def _first(stream: StreamPlan) -> Iterator[list[str]]:
    for operation in stream.first:
        record = operation["record"]
        body = operation["body"] or {}
        amount = gross_planned(operation) or worth(body)
        yield [
            kind_of(operation),
            str(operation["key"]),
            str(body.get("date") or body.get("accountingDate") or ""),
            _short(whom(record)),
            money(amount) if amount else "",
        ]
        for change in operation["diff"]:
            words = f"{change['field']}: {_short(change['old'])} → {_short(change['new'])}"
            yield ["", "", "", words, ""]


def _short(value: Any) -> str:
    text = str("" if value is None else value)
    return text if len(text) <= 40 else f"{text[:37]}..."  # noqa: PLR2004 - a cell of a table


def _told(view: PlanView) -> Iterator[str]:
    for refused in view.refused:
        yield f"Refused: {refused['stream']} {refused['key']}: {'; '.join(refused['reasons'])}"
    left = view.refusals - len(view.refused)
    if left > 0:
        yield f"and {left} more"
    yield from (f"Note: {words}" for words in view.warnings[:MOST_REFUSED])


def show_reconciled(found: list[Reconciled]) -> None:
    """Print what was written, by stream, beside what the ledger holds of it."""
    output.print_table(
        ["Written", "Records", "Found", "By the file", "In the ledger", "Difference"],
        [[r.stream, str(r.records), _count(r.found), *_amounts(r)] for r in found],
    )
    if unread := [r.stream for r in found if r.found is None]:
        output.note(f"Clear Books has no way to read these back: {', '.join(unread)}.")


def _count(found: int | None) -> str:
    return "" if found is None else str(found)


def _amounts(r: Reconciled) -> list[str]:
    """By the file, in the ledger, and the difference; nothing where a stream has no amounts."""
    if not (r.file or r.ledger):
        return ["", "", ""]
    if r.ledger is None:
        return [money(r.file), "", ""]
    return [money(r.file), money(r.ledger), money(r.ledger - r.file)]
