"""Plans: looked at in part, approved in part, carried out, and made to take a run back."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from clearbooks.client import Client
from clearbooks_app.operations.reconcile import Reconciled, reconcile
from clearbooks_app.operations.runs import named
from clearbooks_app.target_session import run_session, state_store, target_connection
from target_clearbooks.commands.apply import apply as carry_out
from target_clearbooks.commands.undo import plan_undo
from target_clearbooks.plan import PLANNED, PlanFile, planned_ids, read_plan

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from clearbooks_app.config import Settings
    from target_clearbooks.commands.undo import Undoing
    from target_clearbooks.session import Session

Key = tuple[int, str, str]
"""Business, stream and source key of an operation."""


def operations(path: Path, api_url: str, *, start: int = 0, limit: int) -> list[dict[str, Any]]:
    """Some operations of a plan, in its order.

    Raises:
        PlanError: it cannot be read, or is for another API.
    """
    return list(islice(read_plan(path, api_url), start, start + limit))


def approve(path: Path, api_url: str, places: Container[int], to: Path) -> int:
    """Write a plan of some operations of another one, with those that they depend on.

    Args:
        path: The plan.
        api_url: The API that it is for.
        places: Which operations, counted from 0.
        to: The new plan.

    Returns:
        How many operations the new one holds.

    Raises:
        PlanError: the plan cannot be read, or is for another API.
    """
    needed: set[Key] = set()
    planned: dict[int, Key] = {}
    parents: list[tuple[Key, set[Key]]] = []
    for operation in read_plan(path, api_url):
        key = key_of(operation)
        named = {(key[0], stream, parent) for stream, parent in operation["depends_on"]}
        made = {planned[number] for number in planned_ids(operation) if number in planned}
        parents.append((key, named | made))
        planned |= {operation[n]: key for n in PLANNED if operation.get(n) is not None}
    # What is depended on stands before what depends on it.
    for place, (key, before) in reversed(list(enumerate(parents))):
        if place in places or key in needed:
            needed |= {key, *before}
    file = PlanFile(to, api_url, "target")
    number = 0
    try:
        for operation in read_plan(path, api_url):
            if key_of(operation) in needed:
                file.add(operation)
                number += 1
        file.seal()
    finally:
        file.close()
    return number


def key_of(operation: dict[str, Any]) -> Key:
    """What an operation is about; what is replaced has two of them, and they go together."""
    return operation["business"], operation["stream"], operation["key"]


@dataclass(frozen=True, slots=True)
class Applied:
    """A plan that was carried out.

    Attributes:
        code: What a program ends with that came to this.
        summary: Of the run.
        reconciled: What was written beside what the ledger holds; None where nobody asked.
    """

    code: int
    summary: dict[str, Any]
    reconciled: list[Reconciled] | None


def apply(settings: Settings, path: Path, *, read_back: bool = False) -> Applied:
    """Carry out a plan.

    Raises:
        PlanError: it cannot be read, or the ledger has moved away from it; nothing was written.
        BusyError: another program writes into the business.
        ClearBooksError: whatever else ended the run.
    """
    found: list[Reconciled] = []

    def work(session: Session) -> None:
        carry_out(session, path)
        if read_back:
            found.extend(reconcile(session, path))

    code, summary = run_session(settings, work)
    return Applied(code, summary, found if read_back else None)


def undo(settings: Settings, run: str, path: Path) -> Undoing:
    """Write a plan that voids or reverses what a run made; it is named as in `runs.find`.

    Raises:
        SettingError: there is no such run.
        ClearBooksError: the ledger cannot be read.
    """
    connection = target_connection(settings)
    run = named(settings, run, of_target=True)
    with state_store(settings) as db, Client(connection) as client:
        file = PlanFile(path, connection.api_url, "undo")
        try:
            found = plan_undo(
                db, client, run, file, allow_delete=bool(settings.values.get("allow_delete"))
            )
            file.seal()
        finally:
            file.close()
    return found
