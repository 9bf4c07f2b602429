"""A file planned: read, resolved against the ledger, and nothing sent."""

from __future__ import annotations

import contextlib
import io
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearbooks.businesses import list_businesses
from clearbooks.client import Client
from clearbooks.errors import SettingError
from clearbooks_app import output
from clearbooks_app.input_file import open_input, parsed_options
from clearbooks_app.operations.plan_view import PlanView, view_plan
from clearbooks_app.plan_view import show_plan
from clearbooks_app.progress import progress
from clearbooks_app.target_session import target_connection, target_options
from target_clearbooks.library import write as plan_messages
from target_clearbooks.session import EXIT_REJECTED, EXIT_UNSETTLED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from clearbooks_app.config import Settings
    from target_clearbooks.messages import Result

# What a file of somebody's needs of the target, unless the settings say otherwise: a corrected file
# corrects, also journals and what is paid; contacts are made from what names them; every penny has
# to be right. The plan shows all of it.
_DEFAULTS = {
    "create_missing": ["customers", "suppliers"],
    "on_change": "replace",
    "on_difference": "reject",
}


def file_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """What every command that reads a file takes."""
    for option in reversed(
        (
            click.argument("file", type=click.Path(dir_okay=False, path_type=Path)),
            click.option("--as", "how", metavar="PRESET|FILE", help="The preset or mapping file."),
            click.option(
                "--set",
                "given",
                multiple=True,
                metavar="NAME=VALUE",
                help="A value for an option of the mapping.",
            ),
            click.option("--stream", help="Of JSON lines that are no messages: their stream."),
            click.option("--business", type=int, help="The business, where there are several."),
            click.option(
                "--assume-new",
                is_flag=True,
                help="There is no feed of the bank account in Clear Books yet.",
            ),
            click.option(
                "--plan",
                "path",
                type=click.Path(dir_okay=False, path_type=Path),
                help="Where the plan lies; beside you, named after the file, otherwise.",
            ),
        )
    ):
        function = option(function)
    return target_options(function)


class MadePlan:
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


def make_plan(
    settings: Settings,
    file: Path,
    *,
    how: str | None,
    given: tuple[str, ...],
    stream: str | None,
    business: int | None,
    assume_new: bool,
    path: Path | None,
    as_json: bool,
) -> MadePlan:
    """Read a file and plan what it writes; says what was read."""
    path = path or Path(f"{file.stem}.plan.jsonl")
    with open_input(file, how, stream, parsed_options(given)) as source:
        settings, where = into_business(settings, business)
        for line in [*source.about, where] if not as_json else ():
            output.note(line)
        values = {**_DEFAULTS, "attachments_dir": str(file.resolve().parent), **settings.values}
        values |= {"assume_new": True} if assume_new else {}
        settings = replace(settings, values=values)
        result = _planned(settings, source.messages, path)
    view = view_plan(path, settings.connection().api_url)
    return MadePlan(path, view, settings, where, result)


def _planned(settings: Settings, messages: Iterable[Mapping[str, Any]], path: Path) -> Result:
    """Plan messages; what the target logs is told of the plan itself."""
    account = target_connection(settings)
    config = {
        **settings.values,
        "client_id": account.client_id,
        "dry_run": True,
        "plan_path": str(path),
    }
    done = 0

    def counted() -> Iterator[Mapping[str, Any]]:
        nonlocal done
        for message in messages:
            yield message
            done += 1

    with progress("planning", lambda: done), contextlib.redirect_stderr(io.StringIO()):
        return plan_messages(config, counted())


def into_business(settings: Settings, business: int | None) -> tuple[Settings, str]:
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
    if connection.connection != "default":
        words += f", connection {connection.connection}"
    return settings.with_values("--business", business_ids=[number]), words
