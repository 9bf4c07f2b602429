"""`clearbooks doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from clearbooks.errors import NotAuthorisedError
from clearbooks_app import output
from clearbooks_app.config import examples, settings_options
from clearbooks_app.doctor_checks import Check, named_streams, run_checks

if TYPE_CHECKING:
    from clearbooks_app.config import Settings

COLOURS = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": "cyan"}


@click.command(
    short_help="Look for what is wrong.",
    epilog=examples(
        "clearbooks doctor --config clearbooks.json",
        "clearbooks doctor --streams transactions,sales_invoices --business 101",
        "clearbooks doctor --json",
        "",
        "Exit codes: 0 nothing failed, 5 not authorised, 1 anything else that failed.",
    ),
)
@settings_options
@click.option("--streams", metavar="NAMES", help="Look at these alone. Default: all.")
@click.option("--business", "businesses", multiple=True, type=int, metavar="ID",
              help="Read from this one; may be given again. Default: the first.")  # fmt: skip
def doctor(
    *, settings: Settings, as_json: bool, streams: str | None, businesses: tuple[int, ...]
) -> None:
    """Look at settings, token store, network, clock, token, scopes, businesses and each stream.

    Nothing is written. Each stream costs one request for one record; an access token that has
    ended is renewed.
    """
    names = named_streams(streams)
    checks: list[Check] = []
    for check in run_checks(settings, names, businesses):
        checks.append(check)
        if not as_json:
            _print(check)
    failed = [check for check in checks if check.verdict == "failed"]
    if as_json:
        rows = [{k: v for k, v in asdict(c).items() if k != "exit_code"} for c in checks]
        output.print_json({"ok": not failed, "checks": rows})
    else:
        warnings = sum(check.verdict == "warning" for check in checks)
        click.echo(f"\n{len(checks)} checks, {len(failed)} failed, {warnings} with a warning.")
    if failed:
        codes = {check.exit_code for check in failed}
        code = NotAuthorisedError.exit_code
        raise click.exceptions.Exit(code if code in codes else 1)


def _print(check: Check) -> None:
    verdict = click.style(check.verdict.ljust(7), fg=COLOURS[check.verdict])
    click.echo(f"{verdict}  {check.name}: {check.found}")
    if check.remedy:
        click.echo(f"         -> {check.remedy}")
