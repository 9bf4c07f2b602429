"""The runs of tap and target: the newest, and one of them record by record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from clearbooks import history
from clearbooks.errors import SettingError
from clearbooks_app import output
from clearbooks_app.target_session import state_store
from target_clearbooks.ledger.amounts import money
from target_clearbooks.run_page import page_of, page_of_reading
from target_clearbooks.store import NoStoreError
from target_clearbooks.store.history import find_run, newest_runs, results, unsettled
from target_clearbooks.store.totals import read_totals

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clearbooks.history import Run
    from clearbooks_app.config import Settings
    from target_clearbooks.store.totals import Total

LATEST = "latest"
# The newest runs, of which one may be named by a part of its ID.
_NAMED = 1000
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class RunDetail:
    """One run.

    Attributes:
        run: What it did, in numbers.
        open: Records that it left open or refused, with reasons and candidates.
        results: What became of each record, in the order of the run; of the tap's runs none.
        totals: What the records that were written come to, by stream, outcome and currency.
    """

    run: Run
    open: list[dict[str, Any]] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    totals: list[Total] = field(default_factory=list)


def list_runs(settings: Settings, limit: int) -> list[Run]:
    """The newest runs of tap and target, newest first.

    Raises:
        NoStoreError: there is no history of either.
        ClearBooksError: one cannot be read.
    """
    runs = history.newest_runs(settings.connection(), limit)
    try:
        with state_store(settings) as db:
            runs += newest_runs(db, limit)
    except NoStoreError:
        if not runs:
            raise
    runs.sort(key=lambda run: run.started, reverse=True)
    return runs[:limit]


def named(settings: Settings, given: str, *, of_target: bool = False) -> str:
    """The ID of the run that a person means.

    Args:
        settings: Lead to the histories.
        given: `latest`, an ID, or a part of one that only one of the newest runs has.
        of_target: Whether runs of the tap are not meant.

    Raises:
        SettingError: several runs have that part.
        ClearBooksError: a history cannot be read.
    """
    if history.is_run_id(given):
        # Nothing to look for, as where a page or a program asks for the run that it has started.
        return given
    runs = [run for run in list_runs(settings, _NAMED) if run.kind != history.TAP or not of_target]
    if given == LATEST:
        return runs[0].id if runs else given
    meant = [run.id for run in runs if given in run.id]
    if len(meant) > 1 and given not in meant:
        raise SettingError(f"{given!r} is part of {len(meant)} runs: {', '.join(meant[:_SHOWN])} …")
    return meant[0] if len(meant) == 1 else given


def find(settings: Settings, run: str, *, limit: int = 0, after: int = 0) -> RunDetail:
    """One run by its ID.

    Args:
        settings: Lead to the histories.
        run: Its ID, `latest`, or a part of an ID.
        limit: How many results are wanted.
        after: The number of the result after which they begin.

    Raises:
        SettingError: there is no such run.
        ClearBooksError: the history cannot be read.
    """
    run = named(settings, run)
    read = history.find_run(settings.connection(), run)
    if read is not None:
        return RunDetail(read)
    with state_store(settings) as db:
        known = find_run(db, run)
        rows = list(results(db, run, limit, after)) if limit else []
        return RunDetail(known, list(unsettled(db, run)), rows, read_totals(db, run))


def html(settings: Settings, run: str) -> str:
    """One run, named as in `find`, as a page of its own, for an archive or an auditor.

    Raises:
        SettingError: there is no such run.
        ClearBooksError: the history cannot be read.
    """
    run = named(settings, run)
    read = history.find_run(settings.connection(), run)
    if read is not None:
        return page_of_reading(read)
    with state_store(settings) as db:
        return "".join(page_of(db, run))


def as_json(run: Run) -> dict[str, Any]:
    """A run for `--json`; times are ISO 8601 in UTC."""
    fields = msgspec.structs.asdict(run)
    return {
        "run": fields.pop("id"),
        **fields,
        "started": output.iso_time(run.started),
        "ended": output.iso_time(run.ended or 0),
    }


def totals_as_json(totals: Iterable[Total]) -> list[dict[str, Any]]:
    """What a run came to, for `--json` and the API; amounts are text."""
    return [
        {
            "stream": total.stream,
            "outcome": total.outcome,
            "currency": total.amounts.currency,
            "records": total.amounts.records,
            **{
                name: None if amount is None else money(amount)
                for name in ("net", "vat", "gross")
                for amount in (getattr(total.amounts, name),)
            },
        }
        for total in totals
    ]


def outcome_sums(run: Run) -> dict[str, int]:
    """How many records had which outcome, of all streams."""
    sums: dict[str, int] = {}
    for counts in run.streams.values():
        for outcome, number in counts.items():
            sums[outcome] = sums.get(outcome, 0) + number
    return sums
