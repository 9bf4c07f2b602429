"""`clearbooks plan FILE` and `clearbooks write FILE`: from a file to the ledger, seen before."""

from __future__ import annotations

import contextlib
import io
import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from clearbooks.errors import SettingError
from clearbooks.program import store_command
from clearbooks_app import output
from clearbooks_app.config import examples
from clearbooks_app.operations.plan_view import MOST_REFUSED, PlanView, view_plan
from clearbooks_app.operations.reconcile import Reconciled, reconcile
from clearbooks_app.plan_view import show_plan, show_reconciled
from clearbooks_app.planning import MadePlan, file_options, make_plan
from clearbooks_app.progress import progress
from clearbooks_app.target_session import run_session
from target_clearbooks.commands.apply import apply as carry_out
from target_clearbooks.plan import is_plan

if TYPE_CHECKING:
    from pathlib import Path

    from clearbooks_app.config import Settings
    from target_clearbooks.session import Session


@click.command(
    short_help="Show what a file would write, and leave the plan.",
    epilog=examples(
        "clearbooks plan orders.csv --as shopify-orders --config target.json",
        "clearbooks plan orders.plan.jsonl --config target.json",
    ),
)
@file_options
def plan(*, settings: Settings, as_json: bool, file: Path, **more: Any) -> None:
    """Show what FILE would write into the ledger; nothing is sent. Given a plan, show that.

    FILE is a bank statement, an export, or JSON lines of records. Without --as, the preset that
    knows its columns reads it.
    """
    if is_plan(file):
        view = view_plan(file, settings.connection().api_url)
        _answer(view, {"plan": str(file)}, as_json=as_json)
        return
    made = make_plan(settings, file, as_json=as_json, **more)
    if as_json:
        _answer(made.view, {"plan": str(made.path), "unchanged": made.unchanged}, as_json=True)
    else:
        made.show()
        _say_next(made)
    raise click.exceptions.Exit(made.code)


@click.command(
    short_help="Write a file into the ledger, once a person has seen the plan.",
    epilog=examples(
        "clearbooks write monzo.csv --as monzo --config target.json",
        "clearbooks write payroll.csv --as my-payroll.yml --yes --config target.json",
        "clearbooks write customers.jsonl --stream customers --config target.json",
    ),
)
@file_options
@click.option("--yes", is_flag=True, help="Do not ask.")
def write(*, settings: Settings, as_json: bool, file: Path, yes: bool, **more: Any) -> None:
    """Read FILE, show what it would write, ask, write it, and compare it with the ledger.

    The same file again sends nothing; a corrected one corrects. Nothing is written where the
    file does not come to its own totals.
    """
    made = make_plan(settings, file, as_json=as_json, **more)
    if not as_json:
        made.show()
    if not made.view.operations:
        _say_nothing_to_write(made, as_json=as_json)
        raise click.exceptions.Exit(made.code)
    if not yes:
        _ask(made)
    found: list[Reconciled] = []
    refused: list[str] = []

    def work(session: Session) -> None:
        counts = session.outbox.run.counts
        session.rejects.told = lambda words, _: refused.append(words)
        with progress("writing", counts.total, made.view.operations):
            carry_out(session, made.path)
        found.extend(reconcile(session, made.path))

    with contextlib.redirect_stderr(io.StringIO()):
        code, summary = run_session(made.settings, work)
    _tell_written(made, summary, found, refused, as_json=as_json)
    raise click.exceptions.Exit(code or made.code)


def _ask(made: MadePlan) -> None:
    """Ask before anything is written.

    Raises:
        SettingError: nobody can be asked.
        click.Abort: the answer is no.
    """
    if not sys.stdin.isatty():
        raise SettingError(
            f"nothing was written: there is no terminal to ask at; give --yes, or carry the plan "
            f"out: {_apply(made.path)}"
        )
    if not output.confirm(f"Write {made.view.operations} records? {made.where}"):
        output.note(f"Nothing was written. The plan stays: {_apply(made.path)}")
        raise click.exceptions.Exit(0)


def _apply(path: Path) -> str:
    return f"`{store_command(f'clearbooks apply {shlex.quote(str(path))}')}`"


def _say_next(made: MadePlan) -> None:
    if made.view.operations:
        output.note(f"Nothing was sent. {_apply(made.path)} writes it.")
    else:
        _say_nothing_to_write(made, as_json=False)


def _say_nothing_to_write(made: MadePlan, *, as_json: bool) -> None:
    if as_json:
        _answer(made.view, {"unchanged": made.unchanged, "written": 0}, as_json=True)
        return
    if made.unchanged or not (made.view.refusals or made.waiting):
        output.note(f"Nothing to write: {made.unchanged} records stand in the ledger as they are.")
    else:
        output.note("Nothing to write: all that the file holds is refused or waits, see above.")
    if not made.view.refusals:
        made.path.unlink(missing_ok=True)


def _answer(view: PlanView, facts: dict[str, Any], *, as_json: bool) -> None:
    if not as_json:
        show_plan(view)
        return
    output.print_json(
        {
            **facts,
            "streams": {name: dict(s.counts) for name, s in view.streams.items()},
            "refused": view.refused,
        }
    )


def _tell_written(
    made: MadePlan,
    summary: dict[str, Any],
    found: list[Reconciled],
    refused: list[str],
    *,
    as_json: bool,
) -> None:
    """Say what was written, what was refused, and where the rest is."""
    if as_json:
        output.print_json(
            {
                **summary,
                "refused": made.view.refused,
                "refused_by_the_ledger": refused,
                "ledger": [r.as_json() for r in found],
            }
        )
        return
    show_reconciled(found)
    rows = summary["streams"].items()
    written = ", ".join(
        f"{number} {outcome} {stream}"
        for stream, counts in rows
        for outcome, number in counts.items()
    )
    output.note(f"Run {summary['run']}: {written or 'nothing written'}.")
    for words in refused[:MOST_REFUSED]:
        output.note(f"Refused: {words}")
    if made.view.refusals:
        output.note(
            f"{made.view.refusals} refused: the reasons are in {made.path}. Correct the file and "
            "write it again: what is written already is not sent twice."
        )
    if summary["left"] or refused:
        output.note(f"See `{store_command('clearbooks syncs show ' + summary['run'])}`")
    elif not made.view.refusals:
        made.path.unlink(missing_ok=True)
