"""`clearbooks tokens move`: tokens from one token store to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from clearbooks.auth import move_chains, open_store, saved_connections
from clearbooks_app import output
from clearbooks_app.config import examples, settings_options

if TYPE_CHECKING:
    from clearbooks_app.config import Settings


@click.group(
    short_help="Move tokens between stores.",
    epilog=examples("clearbooks tokens move postgresql://books@db.example/pipelines"),
)
def tokens() -> None:
    """Move tokens from one store to another."""


@tokens.command(
    short_help="Move tokens to another store.",
    epilog=examples(
        "clearbooks tokens move postgresql://books@db.example/pipelines",
        "clearbooks tokens move keyring://clearbooks --client-id my-app",
        "clearbooks tokens move /srv/clearbooks/tokens.json --token-store keyring://clearbooks",
    ),
)
@settings_options
@click.option("--replace", is_flag=True, help="Replace what the other store holds already.")
@click.argument("target", metavar="TO")
def move(*, settings: Settings, as_json: bool, replace: bool, target: str) -> None:
    """Move the tokens of an application, of one of its connections, or all, to the store TO.

    TO is a file path, a postgresql:// URL, or keyring://NAME. The chain goes on there, so nobody
    has to authorise again; every program must then get TO as its `token_store`.
    """
    connection = settings.connection()
    source, goal = open_store(connection.token_store), open_store(target)
    name = connection.connection if "connection" in settings.values else None
    moved = move_chains(source, goal, connection.client_id, name, replace=replace)
    left = {chain.client_id for chain in source.chains()}
    for chain in moved:
        if chain.client_id not in left:
            saved_connections.forget(source.place(), chain.client_id)
        saved_connections.remember(goal.place(), chain.client_id)
    if as_json:
        output.print_json(
            {
                "from": source.location,
                "to": goal.location,
                "moved": [chain.client_id for chain in moved],
                "connections": [chain.connection for chain in moved],
            }
        )
        return
    if not moved:
        output.say(f"{source.location} holds no tokens to move.")
        return
    for chain in moved:
        output.say(f"Moved {chain.name}: {source.location} -> {goal.location}")
    output.say(f"Now set token_store to {goal.location} for every program that uses them.")
