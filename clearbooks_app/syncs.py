"""`clearbooks syncs`: the runs of tap and target, from the history and the state store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec

from clearbooks import history
from clearbooks.errors import SettingError
from clearbooks_app import output
from clearbooks_app.config import examples
from clearbooks_app.target_session import state_store, target_options
from target_clearbooks.store import NoStoreError
from target_clearbooks.store.history import find_run, newest_runs, unsettled

if TYPE_CHECKING:
    from clearbooks.history import Run
    from clearbooks_app.config import Settings


@click.group(
    invoke_without_command=True,
    short_help="List the runs of tap and target.",
    epilog=examples("clearbooks syncs", "clearbooks syncs show 20260401-101500-a1b2c3 --json"),
)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
@target_options
@click.pass_context
def syncs(ctx: click.Context, *, limit: int, settings: Settings, as_json: bool) -> None:
    """List the newest runs of tap and target with what they did."""
    if ctx.invoked_subcommand:
        return
    runs = history.newest_runs(settings.connection(), limit)
    try:
        with state_store(settings) as db:
            runs += newest_runs(db, limit)
    except NoStoreError:
        if not runs:
            raise
    runs.sort(key=lambda run: run.started, reverse=True)
    rows = [_as_json(run) for run in runs[:limit]]
    if as_json:
        output.print_json(rows)
        return
    output.print_table(
        ["Run", "Started", "Kind", "Exit", "Did"],
        [
            [r["run"], output.local_from_iso(r["started"]), r["kind"],
             "" if r["exit_code"] is None else str(r["exit_code"]), _outcome_sums(r["streams"])]
            for r in rows
        ],
    )  # fmt: skip


def _as_json(run: Run) -> dict[str, Any]:
    fields = msgspec.structs.asdict(run)
    return {
        "run": fields.pop("id"),
        **fields,
        "started": output.iso_time(run.started),
        "ended": output.iso_time(run.ended or 0),
    }


def _outcome_sums(streams: dict[str, dict[str, int]]) -> str:
    sums: dict[str, int] = {}
    for counts in streams.values():
        for outcome, number in counts.items():
            sums[outcome] = sums.get(outcome, 0) + number
    return ", ".join(f"{number} {outcome}" for outcome, number in sums.items())


@syncs.command(name="show", short_help="Show one run.",
               epilog=examples("clearbooks syncs show 20260401-101500-a1b2c3"))  # fmt: skip
@click.argument("run")
@target_options
def show_run(*, run: str, settings: Settings, as_json: bool) -> None:
    """Show what RUN did by stream, and which of its records are still open or were refused."""
    read = history.find_run(settings.connection(), run)
    if read is not None:
        found = {**_as_json(read), "open": []}
    else:
        with state_store(settings) as db:
            known = find_run(db, run)
            if known is None:
                raise SettingError(f"there is no run {run!r}; `clearbooks syncs` lists them")
            found = {**_as_json(known), "open": list(unsettled(db, run))}
    if as_json:
        output.print_json(found)
        return
    output.print_fields(
        [
            ("Run", run),
            ("Started", output.local_from_iso(found["started"])),
            ("Exit code", str(found["exit_code"])),
            ("Message", found["message"] or ""),
        ]
    )
    output.print_table(
        ["Stream", "Outcome", "Records"],
        [
            [stream, outcome, str(number)]
            for stream, counts in found["streams"].items()
            for outcome, number in counts.items()
        ],
    )
    for entry in found["open"]:
        click.echo(
            f"{entry['state']}: {entry['stream']} {entry['key']}: {'; '.join(entry['reasons'])}"
        )
