"""`clearbooks apply` and `clearbooks undo`: plans carried out, runs taken back."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearbooks.program import store_command
from clearbooks_app import output
from clearbooks_app.config import examples
from clearbooks_app.operations import plans
from clearbooks_app.operations.plan_view import view_plan
from clearbooks_app.plan_view import show_plan, show_reconciled
from clearbooks_app.target_session import target_options

if TYPE_CHECKING:
    from clearbooks_app.config import Settings
    from clearbooks_app.operations.reconcile import Reconciled


@click.command(
    short_help="Carry out a plan.",
    epilog=examples(
        "target-clearbooks --config dry-run.json < records.jsonl",
        "clearbooks apply plan.jsonl --config target.json",
    ),
)
@click.argument("plan", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--reconcile", is_flag=True, help="Read back what was written, and add it up.")
@target_options
def apply(*, plan: Path, yes: bool, reconcile: bool, settings: Settings, as_json: bool) -> None:
    """Carry out just the operations of PLAN, which a dry run or an undo has written.

    Refuses, before anything is written, where the ledger is not any more as the plan saw it.
    """
    view = view_plan(plan, settings.connection().api_url)
    if not as_json and not yes:
        show_plan(view)
    if not yes and sys.stdin.isatty():
        output.confirm(f"Carry out {view.operations} operations?", abort=True)
    done = plans.apply(settings, plan, read_back=reconcile)
    _print_summary(done.summary, done.reconciled, as_json=as_json)
    raise click.exceptions.Exit(done.code)


def _print_summary(
    summary: dict[str, Any], reconciled: list[Reconciled] | None, *, as_json: bool
) -> None:
    if as_json:
        ledger = {} if reconciled is None else {"ledger": [r.as_json() for r in reconciled]}
        output.print_json({**summary, **ledger})
        return
    output.print_table(
        ["Stream", "Outcome", "Records"],
        [
            [stream, outcome, str(number)]
            for stream, counts in summary["streams"].items()
            for outcome, number in counts.items()
        ],
    )
    if reconciled:
        show_reconciled(reconciled)
    click.echo(f"Run {summary['run']}")


@click.command(
    short_help="Plan how to take back what a run made.",
    epilog=examples(
        "clearbooks syncs",
        "clearbooks undo latest --plan undo.jsonl",
        "clearbooks apply undo.jsonl",
    ),
)
@click.argument("run")
@click.option(
    "--plan",
    "path",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the plan.",
)
@target_options
def undo(*, run: str, path: Path, settings: Settings, as_json: bool) -> None:
    """Write a plan that voids or reverses what RUN made; `clearbooks apply` carries it out.

    RUN is an ID, a part of one that no other run has, or `latest`.

    Documents, payments and allocations are voided, journals reversed by a journal. Updates cannot
    be taken back, nor bank statements; they are listed.
    """
    found = plans.undo(settings, run, path)
    if as_json:
        output.print_json({"plan": str(path), "operations": found.operations, "left": found.left})
        return
    next_step = store_command(f"clearbooks apply {shlex.quote(str(path))}")
    output.say(f"{path}: {found.operations} operations; `{next_step}` carries them out")
    for words in found.left:
        output.note(f"stays: {words}")
