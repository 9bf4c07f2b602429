"""`clearbooks doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from clearbooks import __version__
from clearbooks.client import Client
from clearbooks.errors import ClearBooksError, NotAuthorisedError
from clearbooks.scopes import granted_scopes
from clearbooks_app import output
from clearbooks_app.api_probe import ApiProbe
from clearbooks_app.config import examples, find_account, settings_options
from clearbooks_app.doctor_checks import Check, named_streams, run_checks
from clearbooks_app.operations.connections import businesses_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clearbooks_app.config import Settings

COLOURS = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": "cyan"}
# Checks without which there is nothing to ask the API.
NEEDED = {"settings", "token store", "reachable", "token", "businesses"}


@click.command(
    short_help="Look for what is wrong.",
    epilog=examples(
        "clearbooks doctor --config clearbooks.json",
        "clearbooks doctor --streams transactions,sales_invoices --business 101",
        "clearbooks doctor --json",
        "clearbooks doctor --api > report.txt",
        "",
        "Exit codes: 0 nothing failed, 5 not authorised, 1 anything else that failed.",
    ),
)
@settings_options
@click.option("--streams", metavar="NAMES", help="Look at these alone. Default: all.")
@click.option(
    "--api", is_flag=True, help="Ask, too, whether the API behaves as is assumed, and report on it."
)
@click.option(
    "--business",
    "businesses",
    multiple=True,
    type=int,
    metavar="ID",
    help="Read from this one; may be given again. Default: the first.",
)
def doctor(
    *,
    settings: Settings,
    as_json: bool,
    streams: str | None,
    api: bool,
    businesses: tuple[int, ...],
) -> None:
    """Look at settings, token store, network, clock, token, scopes, businesses and each stream.

    Nothing is written. Each stream costs one request for one record; an access token that has
    ended is renewed. --api reads a few pages of each, some 80 requests: its report says what is
    otherwise than docs/live-api.md assumes, and which settings to change. It holds no names, IDs or
    amounts, so keep it and hand it on.
    """
    names = named_streams(streams)
    checks: list[Check] = []
    for check in run_checks(settings, names, businesses):
        checks.append(check)
        if not as_json:
            _print(check)
    failed = [check for check in checks if check.verdict == "failed"]
    if not as_json:
        warnings = sum(check.verdict == "warning" for check in checks)
        output.say(f"\n{len(checks)} checks, {len(failed)} failed, {warnings} with a warning.")
    # Streams may fail and the rest of the API still be looked at.
    report = None
    if api and not {check.name for check in failed} & NEEDED:
        report = _report(settings, businesses, None if as_json else _print)
    elif api:
        output.note("The API was not looked at, because of the above.")
    if as_json:
        answer = {"ok": not failed, "checks": _rows(checks)}
        output.print_json(answer | ({"api": report} if api else {}))
    if failed:
        codes = {check.exit_code for check in failed}
        code = NotAuthorisedError.exit_code
        raise click.exceptions.Exit(code if code in codes else 1)


def _rows(checks: Sequence[Check]) -> list[dict[str, Any]]:
    return [{k: v for k, v in asdict(check).items() if k != "exit_code"} for check in checks]


def _report(
    settings: Settings, businesses: tuple[int, ...], show: Callable[[Check], None] | None
) -> dict[str, Any]:
    """What the API does, as JSON; printed on the way where `show` is given."""
    connection = find_account(settings).connection
    ids = businesses or connection.business_ids or [b["id"] for b in businesses_of(connection)]
    if not ids:
        raise ClearBooksError("no business is covered: choose one with --business")
    today = dt.datetime.now(dt.UTC).date().isoformat()
    if show:
        output.say(f"\nThe API at {connection.api_url}, {today}, looked at by {__version__}:\n")
    checks = []
    with Client(connection) as client:
        probe = ApiProbe(client, ids[0], granted_scopes(client))
        for check in probe.checks():
            checks.append(check)
            if show:
                show(check)
        requests = client.requests
    if show:
        words = json.dumps(probe.settings, ensure_ascii=False) if probe.settings else "none"
        output.say(f"\n{requests} requests. Settings to change: {words}")
    return {
        "api_url": connection.api_url,
        "date": today,
        "version": __version__,
        "requests": requests,
        "checks": _rows(checks),
        "settings": probe.settings,
    }


def _print(check: Check) -> None:
    verdict = click.style(check.verdict.ljust(7), fg=COLOURS[check.verdict])
    output.say(f"{check.name}: {check.found}", lead=f"{verdict}  ", indent=9)
    if check.remedy:
        output.say(f"         -> {check.remedy}", indent=12)
