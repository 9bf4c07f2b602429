"""`clearbooks plan FILE` and `clearbooks write FILE`: from a file to the ledger, seen before."""

from __future__ import annotations

import contextlib
import io
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearbooks.businesses import list_businesses
from clearbooks.client import Client
from clearbooks.errors import SettingError
from clearbooks.program import command
from clearbooks_app import output
from clearbooks_app.config import examples
from clearbooks_app.input_file import open_input, parsed_options
from clearbooks_app.plan_view import MOST_REFUSED, PlanView, show_plan, view_plan
from clearbooks_app.progress import progress
from clearbooks_app.reconcile import Reconciled, reconcile, show_reconciled
from clearbooks_app.target_session import run_session, target_connection, target_options
from target_clearbooks.commands.apply import apply as carry_out
from target_clearbooks.library import write as plan_messages
from target_clearbooks.plan import is_plan
from target_clearbooks.session import EXIT_REJECTED, EXIT_UNSETTLED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from clearbooks_app.config import Settings
    from target_clearbooks.messages import Result
    from target_clearbooks.session import Session

# What a file of somebody's needs of the target, unless the settings say otherwise: contacts are
# made from what names them, since the plan shows them, and every penny has to be right.
_DEFAULTS = {"create_missing": ["customers", "suppliers"], "on_difference": "reject"}


def _file_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(
        (
            click.argument("file", type=click.Path(dir_okay=False, path_type=Path)),
            click.option("--as", "how", metavar="PRESET|FILE", help="The preset or mapping file."),
            click.option("--set", "given", multiple=True, metavar="NAME=VALUE",
                         help="A value for an option of the mapping."),
            click.option("--stream", help="Of JSON lines that are no messages: their stream."),
            click.option("--business", type=int, help="The business, where there are several."),
            click.option("--assume-new", is_flag=True,
                         help="There is no feed of the bank account in Clear Books yet."),
            click.option("--plan", "path", type=click.Path(dir_okay=False, path_type=Path),
                         help="Where the plan lies; beside you, named after the file, otherwise."),
        )
    ):  # fmt: skip
        function = option(function)
    return target_options(function)


@click.command(
    short_help="Show what a file would write, and leave the plan.",
    epilog=examples(
        "clearbooks plan orders.csv --as shopify-orders --config target.json",
        "clearbooks plan orders.plan.jsonl --config target.json",
    ),
)
@_file_options
def plan(*, settings: Settings, as_json: bool, file: Path, **more: Any) -> None:
    """Show what FILE would write into the ledger; nothing is sent. Given a plan, show that.

    FILE is a bank statement, an export, or JSON lines of records. Without --as, the preset that
    knows its columns reads it.
    """
    if is_plan(file):
        view = view_plan(file, settings.connection().api_url)
        _answer(view, {"plan": str(file)}, as_json=as_json)
        return
    made = _made_plan(settings, file, as_json=as_json, **more)
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
@_file_options
@click.option("--yes", is_flag=True, help="Do not ask.")
def write(*, settings: Settings, as_json: bool, file: Path, yes: bool, **more: Any) -> None:
    """Read FILE, show what it would write, ask, write it, and compare it with the ledger.

    The same file again sends nothing; a corrected one corrects. Nothing is written where the
    file does not come to its own totals.
    """
    made = _made_plan(settings, file, as_json=as_json, **more)
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
        counts = session.outbox.counts
        session.rejects.told = lambda words, _: refused.append(words)
        with progress("writing", counts.total, made.view.operations):
            carry_out(session, made.path)
        found.extend(reconcile(session, made.path))

    with contextlib.redirect_stderr(io.StringIO()):
        code, summary = run_session(made.settings, "apply", work)
    _tell_written(made, summary, found, refused, as_json=as_json)
    raise click.exceptions.Exit(code or made.code)


class _Plan:
    """A plan that was made of a file.

    Attributes:
        path: Where it lies.
        view: What it holds.
        settings: Those it was made with.
        where: The business, and where it is.
        unchanged: How many records stand in the ledger as they are.
        waiting: How many records of each stream lack what they need.
        code: What a program ends with that writes it without another fault.
    """

    def __init__(
        self, path: Path, view: PlanView, settings: Settings, where: str, result: Result
    ) -> None:
        self.path, self.view, self.settings, self.where = path, view, settings, where
        self.unchanged = sum(
            counts.get(outcome, 0)
            for counts in result.streams.values()
            for outcome in ("unchanged", "adopted")
        )
        self.waiting = {
            stream: counts["waiting"]
            for stream, counts in result.streams.items()
            if counts.get("waiting")
        }
        allowed = int(settings.values.get("max_rejects") or 0)
        self.code = EXIT_REJECTED if view.refusals > allowed else 0
        # A name that fits several, or something that never came: a person decides.
        if self.waiting or any(r["class"] == "quarantined" for r in view.refused):
            self.code = EXIT_UNSETTLED

    def show(self) -> None:
        """Print the plan."""
        show_plan(self.view)
        for stream, number in self.waiting.items():
            output.note(f"Waiting: {number} of {stream}, for what they name and is not there")
        if any("assume_new" in reason for r in self.view.refused for reason in r["reasons"]):
            output.note("Where Clear Books has no feed of this bank account yet, add --assume-new.")


def _made_plan(
    settings: Settings, file: Path, *, how: str | None, given: tuple[str, ...],
    stream: str | None, business: int | None, assume_new: bool, path: Path | None, as_json: bool,
) -> _Plan:  # fmt: skip
    """Read a file and plan what it writes; says what was read."""
    path = path or Path(f"{file.stem}.plan.jsonl")
    with open_input(file, how, stream, parsed_options(given)) as source:
        settings, where = _into(settings, business)
        for line in [*source.about, where] if not as_json else ():
            output.note(line)
        values = {**_DEFAULTS, "attachments_dir": str(file.resolve().parent), **settings.values}
        values |= {"assume_new": True} if assume_new else {}
        settings = replace(settings, values=values)
        result = _planned(settings, source.messages, path)
    view = view_plan(path, settings.connection().api_url)
    return _Plan(path, view, settings, where, result)


def _planned(settings: Settings, messages: Iterable[Mapping[str, Any]], path: Path) -> Result:
    """Plan messages; what the target logs is told of the plan itself."""
    account = target_connection(settings)
    config = {**settings.values, "client_id": account.client_id, "dry_run": True,
              "plan_path": str(path)}  # fmt: skip
    done = 0

    def counted() -> Iterator[Mapping[str, Any]]:
        nonlocal done
        for message in messages:
            yield message
            done += 1

    with progress("planning", lambda: done), contextlib.redirect_stderr(io.StringIO()):
        return plan_messages(config, counted())


def _into(settings: Settings, business: int | None) -> tuple[Settings, str]:
    """The settings for the one business that is written into, and that business in words.

    Raises:
        SettingError: there are several, or it is none of them.
    """
    connection = target_connection(settings)
    with Client(connection) as client:
        covered = {b["id"]: str(b.get("name", "")) for b in list_businesses(client)}
    chosen = [business] if business else list(connection.business_ids or covered)
    if len(chosen) != 1:
        names = ", ".join(f"{number} {covered.get(number, '')}".strip() for number in chosen)
        raise SettingError(f"--business: say which one is written into: {names or 'none is there'}")
    (number,) = chosen
    if number not in covered:
        known = ", ".join(map(str, covered))
        raise SettingError(f"--business: {number} is none of those covered: {known}")
    words = f"Into {covered[number]} ({number}) at {connection.api_url}"
    if connection.client_id:
        words += f", by the application {connection.client_id}"
    return settings.with_values("--business", business_ids=[number]), words


def _ask(made: _Plan) -> None:
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
    if not click.confirm(f"Write {made.view.operations} records? {made.where}", err=True):
        output.note(f"Nothing was written. The plan stays: {_apply(made.path)}")
        raise click.exceptions.Exit(0)


def _apply(path: Path) -> str:
    return f"`{command(f'clearbooks apply {shlex.quote(str(path))}')}`"


def _say_next(made: _Plan) -> None:
    if made.view.operations:
        output.note(f"Nothing was sent. {_apply(made.path)} writes it.")
    else:
        _say_nothing_to_write(made, as_json=False)


def _say_nothing_to_write(made: _Plan, *, as_json: bool) -> None:
    if as_json:
        _answer(made.view, {"unchanged": made.unchanged, "written": 0}, as_json=True)
        return
    output.note(f"Nothing to write: {made.unchanged} records stand in the ledger as they are.")
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
    made: _Plan,
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
        output.note(f"See `{command('clearbooks syncs show ' + summary['run'])}`")
    elif not made.view.refusals:
        made.path.unlink(missing_ok=True)
