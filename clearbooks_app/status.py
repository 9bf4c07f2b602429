"""`clearbooks status`: the connection, its scopes and businesses, the budget, the newest syncs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearbooks.errors import ClearBooksError, NotAuthorisedError, SettingError
from clearbooks.pacing import open_pacer
from clearbooks.scopes import needed_scopes, readable_streams
from clearbooks_app import fleet, output
from clearbooks_app.account import businesses_of
from clearbooks_app.config import examples, find_account, settings_options
from clearbooks_app.last_written import last_read, last_written, selected_streams

if TYPE_CHECKING:
    from clearbooks_app.config import Account, Settings

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(
    short_help="Show what is connected.",
    epilog=examples(
        "clearbooks status --config clearbooks.json",
        "clearbooks status --catalog catalog.json --state state.json",
        "clearbooks status --offline --json",
        "clearbooks status --all --behind 6",
        "",
        "Exit codes: 0 connected, 5 not connected or not authorised any more, 1 anything else.",
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
    account = find_account(settings)
    if streams and catalog:
        raise SettingError("choose one of --streams and --catalog")
    wanted = _streams_that_count(account, streams, catalog)
    businesses, trouble = (
        _list_businesses(account) if account.connected and not offline else (None, None)
    )
    if businesses is not None:
        # The token may have been renewed on the way.
        account = find_account(settings)
    found = {
        **_describe_tokens(account, wanted),
        "businesses": businesses,
        "businesses_error": str(trouble) if trouble else None,
        "budget": _describe_budget(account) if account.connected else None,
        "newest": [
            *(last_read(state) if state else ()),
            *last_written(state_store or settings.values.get("state_store")),
        ],
    }
    if as_json:
        output.print_json(found)
    else:
        _print_status(found)
    if not account.connected:
        raise click.exceptions.Exit(NotAuthorisedError.exit_code)
    if trouble is not None:
        raise click.exceptions.Exit(trouble.exit_code)


def _streams_that_count(account: Account, streams: str | None, catalog: Path | None) -> list[str]:
    if streams:
        return streams.replace(",", " ").split()
    return selected_streams(catalog) if catalog else readable_streams(account.connection.contract)


def _list_businesses(
    account: Account,
) -> tuple[list[dict[str, Any]] | None, ClearBooksError | None]:
    try:
        found = businesses_of(account.connection)
    except ClearBooksError as error:
        return None, error
    chosen = account.connection.business_ids
    return [
        {"id": b["id"], "name": b.get("name", ""), "chosen": not chosen or b["id"] in chosen}
        for b in found
    ], None


def _describe_tokens(account: Account, wanted: list[str]) -> dict[str, Any]:
    chain = account.chain
    granted = chain.scope.split() if chain is not None and chain.scope else None
    needed = needed_scopes(account.connection.contract, wanted)
    ordered = [scope for scope in account.connection.contract.scopes if scope in needed]
    way: str | None
    if account.connection.access_token:
        way = "access_token"
    elif chain is not None:
        way = "token_store"
    else:
        way = "refresh_token" if account.connection.refresh_token else None
    return {
        "connected": account.connected,
        "by": way,
        "client_id": account.connection.client_id,
        "token_store": account.store.location,
        "connected_at": output.iso_time(chain.connected_at) if chain else None,
        "obtained_at": output.iso_time(chain.obtained_at) if chain else None,
        "expires_at": output.iso_time(chain.expires_at) if chain else None,
        "scopes": granted,
        "scopes_needed": ordered,
        "scopes_missing": None if granted is None else [s for s in ordered if s not in granted],
    }


def _describe_budget(account: Account) -> dict[str, Any]:
    pacer = open_pacer(account.connection)
    found = pacer.found()
    pacer.close()
    return {
        "limit": round(found.limit, 2) or None,
        "rate": round(found.rate, 2),
        "answers_429": found.limited,
    }


def _print_status(found: dict[str, Any]) -> None:
    ways = {
        "access_token": "yes, by an access token that is never renewed",
        "token_store": "yes",
        "refresh_token": "not yet: the first run starts from the refresh token",
    }
    rows = [
        ("Connected", ways.get(found["by"] or "", "no: run `clearbooks connect`")),
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
        words = f"written {output.local_time(entry['started'])}: {counts}"
    return [entry["stream"], str(entry["business"] or ""), words]
