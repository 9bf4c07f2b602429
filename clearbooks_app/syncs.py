"""`clearbooks syncs`: the runs of tap and target, from the history and the state store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from clearbooks_app import output
from clearbooks_app.config import examples
from clearbooks_app.operations import runs as operations
from clearbooks_app.target_session import target_options

if TYPE_CHECKING:
    from clearbooks_app.config import Settings


@click.group(
    invoke_without_command=True,
    short_help="List the runs of tap and target.",
    epilog=examples(
        "clearbooks syncs", "clearbooks syncs show latest", "clearbooks syncs show a1b2c3 --json"
    ),
)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
@target_options
@click.pass_context
def syncs(ctx: click.Context, *, limit: int, settings: Settings, as_json: bool) -> None:
    """List the newest runs of tap and target with what they did."""
    if ctx.invoked_subcommand:
        return
    runs = operations.list_runs(settings, limit)
    if as_json:
        output.print_json([operations.as_json(run) for run in runs])
        return
    output.print_table(
        ["Run", "Started", "Kind", "Exit", "Requests", "Did"],
        [
            [
                run.id,
                output.short_time(run.started),
                run.kind,
                "" if run.exit_code is None else str(run.exit_code),
                output.count(run.requests),
                ", ".join(f"{n} {what}" for what, n in operations.outcome_sums(run).items()),
            ]
            for run in runs
        ],
    )


@syncs.command(
    name="show",
    short_help="Show one run.",
    epilog=examples(
        "clearbooks syncs show latest",
        "clearbooks syncs show a1b2c3",
        "clearbooks syncs show latest --html > run.html",
    ),
)
@click.argument("run")
@click.option("--html", "as_html", is_flag=True, help="Answer with a page (HTML).")
@target_options
def show_run(*, run: str, as_html: bool, settings: Settings, as_json: bool) -> None:
    """Show what RUN did by stream, and which of its records are still open or were refused.

    RUN is an ID, a part of one that no other run has, or `latest`. --html makes a page of it, with
    each record and the chain of intents and their digests.
    """
    if as_html:
        click.echo(operations.html(settings, run), nl=False)
        return
    found = operations.find(settings, run)
    if as_json:
        totals = operations.totals_as_json(found.totals)
        output.print_json({**operations.as_json(found.run), "totals": totals, "open": found.open})
        return
    known = found.run
    output.print_fields(
        [
            ("Run", known.id),
            ("Started", output.local_time(known.started)),
            ("Exit code", str(known.exit_code)),
            ("Requests", output.count(known.requests)),
            ("Message", known.message or ""),
        ]
    )
    output.print_table(
        ["Stream", "Outcome", "Records"],
        [
            [stream, outcome, str(number)]
            for stream, counts in known.streams.items()
            for outcome, number in counts.items()
        ],
    )
    if found.totals:
        rows = operations.totals_as_json(found.totals)
        output.print_table(
            ["Stream", "Outcome", "Currency", "Net", "VAT", "Gross"],
            [
                [row[n] or "" for n in ("stream", "outcome", "currency", "net", "vat", "gross")]
                for row in rows
            ],
        )
    for entry in found.open:
        output.say(
            f"{entry['state']}: {entry['stream']} {entry['key']}: {'; '.join(entry['reasons'])}"
        )
