"""`clearbooks businesses`, `connections` and `disconnect`."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from clearbooks.auth import Name, describe, open_store, saved_connections
from clearbooks.businesses import list_businesses
from clearbooks.client import Client
from clearbooks.errors import ClearBooksError
from clearbooks.settings import Connection, state_dir
from clearbooks_app import output
from clearbooks_app.config import examples, find_account, require_connected, settings_options
from clearbooks_app.fleet import last_successes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clearbooks_app.config import Account, Settings


_MOST_SHOWN = 5


def businesses_of(connection: Connection) -> list[dict[str, Any]]:
    """The businesses that the authorisation covers, as the API sends them.

    Raises:
        ClearBooksError: they cannot be listed.
    """
    with Client(connection) as client:
        return list_businesses(client)


@click.command(
    short_help="List the businesses.",
    epilog=examples(
        "clearbooks businesses --config clearbooks.json",
        "clearbooks businesses --json",
    ),
)
@settings_options
def businesses(*, settings: Settings, as_json: bool) -> None:
    """List the businesses that the authorisation covers; `business_ids` takes these IDs."""
    account = find_account(settings)
    require_connected(account)
    found = businesses_of(account.connection)
    if as_json:
        output.print_json(found)
        return
    chosen = account.connection.business_ids
    output.print_table(
        ["ID", "Name", "Type", "Chosen"],
        [
            [
                str(business["id"]),
                str(business.get("name", "")),
                str(business.get("type") or ""),
                "yes" if not chosen or business["id"] in chosen else "no",
            ]
            for business in found
        ],
    )


@click.command(
    short_help="List the token stores.",
    epilog=examples("clearbooks connections", "clearbooks connections --json"),
)
@settings_options
def connections(*, settings: Settings, as_json: bool) -> None:
    """List the connections in the token stores of this user: one for each consent.

    Looks into the store of the settings, the default one, and those used by `clearbooks connect`
    and `clearbooks tokens move`. A database is opened only where the settings hold its URL, since
    passwords are not remembered.
    """
    rows = list(_stored_connections(settings))
    if as_json:
        output.print_json(rows)
        return
    if not rows:
        click.echo("No tokens are stored here. `clearbooks connect` makes a connection.")
        return
    for place, group in groupby(rows, lambda row: row["token_store"]):
        click.echo(f"{place}:")
        found = list(group)
        if found[0]["error"]:
            click.echo(f"  {found[0]['error']}")
            continue
        output.print_table(
            ["Application", "Name", "Connected", "Succeeded", "Businesses", "Scopes"],
            [
                [
                    row["client_id"],
                    row["connection"],
                    output.local_time(row["connected"]),
                    output.local_time(row["last_success"]) if row["last_success"] else "none",
                    _numbers(row["businesses"]),
                    str(len(row["scopes"] or [])),
                ]
                for row in found
            ],
        )


def _numbers(businesses: list[int] | None) -> str:
    """IDs of businesses, the first of them where there are many."""
    shown = ", ".join(map(str, (businesses or [])[:_MOST_SHOWN]))
    more = len(businesses or []) - _MOST_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _stored_connections(settings: Settings) -> Iterator[dict[str, Any]]:
    remembered = saved_connections.known_stores()
    current = settings.connection().token_store
    default = str(state_dir() / "tokens.json")
    places = dict.fromkeys([current, default, *(k.token_store for k in remembered)])
    seen: set[str] = set()
    for place in places:
        row: dict[str, Any] = {
            "token_store": place, "client_id": "", "connection": "", "connected": 0.0,
            "renewed": 0.0, "expires": 0.0, "last_success": None, "businesses": None,
            "scopes": None, "error": None,
        }  # fmt: skip
        clients = {k.client_id for k in remembered if k.token_store == place}
        try:
            if place.startswith("postgres") and place != current:
                if place in seen:
                    continue
                raise ClearBooksError("not opened: give its URL with --token-store")  # noqa: TRY301
            store = open_store(place)
            if store.place() in seen:
                continue
            seen |= {store.place(), store.location}
            chains = store.chains()
            successes = last_successes(replace(settings.connection(), token_store=place))
        except ClearBooksError as error:
            for client in sorted(clients) or [""]:
                yield {**row, "client_id": client, "error": str(error)}
            continue
        for chain in chains:
            yield {
                **row,
                "token_store": store.location,
                "client_id": chain.client_id,
                "connection": chain.connection,
                "connected": chain.connected_at,
                "renewed": chain.obtained_at,
                "last_success": successes.get(chain.name),
                "businesses": chain.businesses,
                "expires": chain.expires_at,
                "scopes": describe(chain)["scopes"],
            }


@click.command(
    short_help="Forget the tokens.",
    epilog=examples("clearbooks disconnect", "clearbooks disconnect --client-id my-app --yes"),
)
@settings_options
@click.option("--yes", is_flag=True, help="Do not ask.")
def disconnect(*, settings: Settings, as_json: bool, yes: bool) -> None:
    """Forget the tokens of a connection.

    What was read stays in your warehouse, and what was written stays in Clear Books. The
    authorisation itself ends in Clear Books, under the settings of your user.
    """
    account = find_account(settings, to_use=False)
    name = Name.of(account.connection)
    place = account.store.location
    if not yes and sys.stdin.isatty():
        click.confirm(f"Forget the tokens of {name} in {place}?", abort=True, err=True)
    gone = account.store.forget(name)
    if not account.store.others(name):
        saved_connections.forget(account.store.place(), name.client_id)
    if as_json:
        output.print_json({**name._asdict(), "token_store": place, "forgotten": gone})
    elif gone:
        click.echo(
            f"The tokens of {name} are gone from {place}. Data that was read or written "
            "stays where it is. To end the authorisation itself, remove the application in Clear "
            "Books."
        )
    else:
        others = account.store.others(name)
        click.echo(
            f"{place} held no tokens of {name if name.client_id else 'any application'}."
            + (f" It holds {others}: choose with --name." if others else "")
        )
    _warn_of_tokens_in_settings(account)


def _warn_of_tokens_in_settings(account: Account) -> None:
    for name in ("refresh_token", "access_token"):
        if getattr(account.connection, name):
            output.warn(f"{name} is still set: programs start from it again; take it out, too")
