"""`clearbooks businesses`, `connections` and `disconnect`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING

import click

from clearbooks.auth import Name
from clearbooks.program import connect_command
from clearbooks_app import output
from clearbooks_app.config import examples, find_account, require_connected, settings_options
from clearbooks_app.operations.connections import businesses_of, stored_connections
from clearbooks_app.operations.connections import disconnect as forget

if TYPE_CHECKING:
    from clearbooks_app.config import Settings


_MOST_SHOWN = 5


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
    rows = stored_connections(settings)
    if as_json:
        output.print_json([asdict(row) for row in rows])
        return
    if not rows:
        output.say(f"No tokens are stored here. `{connect_command()}` connects.")
        return
    for place, group in groupby(rows, lambda row: row.token_store):
        click.echo(f"{place}:")
        found = list(group)
        if found[0].error:
            output.say(f"  {found[0].error}", indent=2)
            continue
        output.print_table(
            ["Application", "Name", "Connected", "Succeeded", "Businesses", "Scopes"],
            [
                [
                    row.client_id,
                    row.connection,
                    output.short_time(row.connected),
                    output.short_time(row.last_success) if row.last_success else "none",
                    _numbers(row.businesses),
                    str(len(row.scopes or [])),
                ]
                for row in found
            ],
        )


def _numbers(businesses: list[int] | None) -> str:
    """IDs of businesses, the first of them where there are many."""
    shown = ", ".join(map(str, (businesses or [])[:_MOST_SHOWN]))
    more = len(businesses or []) - _MOST_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


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
    if not yes and sys.stdin.isatty():
        account = find_account(settings, to_use=False)
        words = f"Forget the tokens of {Name.of(account.connection)} in {account.store.location}?"
        output.confirm(words, abort=True)
    done = forget(settings)
    if as_json:
        output.print_json(
            {**done.name._asdict(), "token_store": done.token_store, "forgotten": done.forgotten}
        )
    elif done.forgotten:
        output.say(
            f"The tokens of {done.name} are gone from {done.token_store}. Data that was read or "
            "written stays where it is. To end the authorisation itself, remove the application "
            "in Clear Books."
        )
    else:
        whose = done.name if done.name.client_id else "any application"
        output.say(
            f"{done.token_store} held no tokens of {whose}."
            + (f" It holds {done.others}: choose with --name." if done.others else "")
        )
    for name in done.still_set:
        output.warn(f"{name} is still set: programs start from it again; take it out, too")
