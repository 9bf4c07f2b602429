"""`clearbooks syncs`: the runs of the target, from its state store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from clearbooks.errors import SettingError
from clearbooks_app import output
from clearbooks_app.config import examples
from clearbooks_app.target_session import state_store, target_options

if TYPE_CHECKING:
    from clearbooks_app.config import Settings
    from target_clearbooks.store import Store


@click.group(
    invoke_without_command=True,
    short_help="List the runs of the target.",
    epilog=examples("clearbooks syncs", "clearbooks syncs show 20260401-101500-a1b2c3 --json"),
)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
@target_options
@click.pass_context
def syncs(ctx: click.Context, *, limit: int, settings: Settings, as_json: bool) -> None:
    """List the newest runs of the target with what they did."""
    if ctx.invoked_subcommand:
        return
    with state_store(settings) as db:
        rows = [
            _describe_run(db, row)
            for row in db.execute(
                "SELECT id, started, ended, kind, businesses, exit_code, message FROM runs "
                "ORDER BY started DESC LIMIT ?",
                (limit,),
            )
        ]
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


def _describe_run(db: Store, row: tuple[Any, ...]) -> dict[str, Any]:
    streams: dict[str, dict[str, int]] = {}
    for stream, outcome, number in db.execute(
        "SELECT stream, outcome, CAST(sum(number) AS BIGINT) FROM counts WHERE run = ? "
        "GROUP BY 1, 2 ORDER BY 1, 2",
        (row[0],),
    ):
        streams.setdefault(stream, {})[outcome] = number
    return {
        "run": row[0],
        "started": output.iso_time(row[1]),
        "ended": output.iso_time(row[2] or 0),
        "kind": row[3],
        "businesses": json.loads(row[4]),
        "exit_code": row[5],
        "message": row[6] or None,
        "streams": streams,
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
    with state_store(settings) as db:
        row = db.execute(
            "SELECT id, started, ended, kind, businesses, exit_code, message FROM runs "
            "WHERE id = ?",
            (run,),
        ).fetchone()
        if row is None:
            raise SettingError(f"there is no run {run!r}; `clearbooks syncs` lists them")
        found = _describe_run(db, row)
        found["open"] = [
            {"business": business, "stream": stream, "key": key, "state": state, "class": kind,
             "reasons": json.loads(reasons or "[]"), "candidates": json.loads(candidates or "[]")}
            for business, stream, key, state, kind, reasons, candidates in db.execute(
                "SELECT business, stream, source_key, state, kind, reasons, candidates "
                "FROM intents WHERE run = ? AND state NOT IN ('done', 'superseded') ORDER BY id",
                (run,),
            )
        ]  # fmt: skip
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
