"""`clearbooks status`: the connection, its scopes and businesses, the budget, the newest syncs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearbooks.errors import SettingError
from clearbooks.program import connect_command
from clearbooks_app import fleet, output
from clearbooks_app.config import examples, settings_options
from clearbooks_app.operations.progress import selected_streams
from clearbooks_app.operations.status import connection_status

if TYPE_CHECKING:
    from clearbooks_app.config import Settings

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(
    short_help="Show what is connected.",
    epilog=examples(
        "clearbooks status --config clearbooks.json",
        "clearbooks status --catalog catalog.json --state state.json",
        "clearbooks status --offline --json",
        "clearbooks status --all --behind 6",
        "",
        "Exit codes: 0 connected, 5 not connected or not authorised any more,",
        "1 anything else.",
    ),
)
@settings_options
@click.option("--streams", metavar="NAMES", help="The streams whose scopes count. Default: all.")
@click.option("--catalog", type=_FILE, help="Singer catalog: the streams that it selects count.")
@click.option("--state", type=_FILE, help="Singer state, for how far the tap has read.")
@click.option(
    "--state-store", metavar="FILE", help="The target's state store, for its newest runs."
)
@click.option("--offline", is_flag=True, help="Ask the API nothing.")
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="Instead: every business of every connection in the token store, and who is behind.",
)
@click.option(
    "--behind",
    metavar="HOURS",
    type=click.FloatRange(0),
    default=24.0,
    show_default=True,
    help="With --all: how long ago the last success of a business may be.",
)
def status(
    *,
    settings: Settings,
    as_json: bool,
    streams: str | None,
    catalog: Path | None,
    state: Path | None,
    state_store: str | None,
    offline: bool,
    every: bool,
    behind: float,
) -> None:
    """Show the connection, its scopes and businesses, the budget, and the newest syncs.

    Without --offline one request lists the businesses; it renews the access token where that
    has ended.
    """
    if every:
        fleet.show(settings.connection(), behind, as_json=as_json)
        return
    if streams and catalog:
        raise SettingError("choose one of --streams and --catalog")
    wanted = streams.replace(",", " ").split() if streams else None
    if catalog:
        wanted = selected_streams(catalog)
    settings = settings.with_values("--state-store", state_store=state_store)
    found = asdict(connection_status(settings, streams=wanted, state=state, offline=offline))
    code = found.pop("exit_code")
    if as_json:
        output.print_json(found)
    else:
        _print_status(found)
    if code:
        raise click.exceptions.Exit(code)


def _print_status(found: dict[str, Any]) -> None:
    ways = {
        "access_token": "yes, by an access token that is never renewed",
        "token_store": "yes",
        "refresh_token": "not yet: the first run starts from the refresh token",
    }
    rows = [
        (
            "Connected",
            ways.get(found["by"] or "", f"no: run `{connect_command()}`"),
        ),
        ("Application", found["client_id"] or "unknown: client_id is not set"),
        ("Token store", found["token_store"]),
    ]
    if found["by"] == "token_store":
        rows += [
            ("Since", output.local_from_iso(found["connected_at"])),
            ("Access token", f"from {output.local_from_iso(found['obtained_at'])}"),
            ("It ends", output.local_from_iso(found["expires_at"])),
        ]
    if found["scopes"] is not None:
        missing = found["scopes_missing"]
        rows.append(
            (
                "Scopes",
                f"{len(found['scopes'])} granted, "
                + (f"missing: {', '.join(missing)}" if missing else "all that the streams need"),
            )
        )
    if found["businesses"] is not None:
        names = [f"{b['name']} ({b['id']})" for b in found["businesses"] if b["chosen"]]
        rows.append(("Businesses", ", ".join(names) or "none of those in business_ids"))
    if found["businesses_error"]:
        rows.append(("Businesses", f"not listed: {found['businesses_error']}"))
    if found["budget"] is not None:
        limit = found["budget"]["limit"]
        refused = found["budget"]["answers_429"]
        rows.append(
            (
                "Budget",
                f"{limit} requests a second found, {refused} refused so far"
                if limit
                else f"no limit met yet; now {found['budget']['rate']} requests a second",
            )
        )
    output.print_fields(rows)
    if found["newest"]:
        click.echo()
        output.print_table(
            ["Stream", "Business", "Newest"], [_progress_row(entry) for entry in found["newest"]]
        )


def _progress_row(entry: dict[str, Any]) -> list[str]:
    if entry["direction"] == "read":
        words = f"read up to {entry['up_to']}"
    else:
        counts = ", ".join(f"{number} {name}" for name, number in entry["counts"].items())
        words = f"written {output.short_time(entry['started'])}: {counts}"
    return [entry["stream"], str(entry["business"] or ""), words]
