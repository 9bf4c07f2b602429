"""The connections of a user: which there are, the businesses of one, and forgetting one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from clearbooks.auth import Name, describe, open_store, saved_connections
from clearbooks.businesses import list_businesses
from clearbooks.client import Client
from clearbooks.errors import ClearBooksError
from clearbooks.settings import Connection, is_postgres, state_dir
from clearbooks_app.config import find_account
from clearbooks_app.operations.fleet import last_successes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clearbooks_app.config import Settings


@dataclass(frozen=True, slots=True)
class StoredConnection:
    """One consent, as a token store holds it. Times are seconds since 1970, 0 where unknown.

    Attributes:
        token_store: Where it is stored.
        client_id: The application.
        connection: Its name.
        connected: When consent was given.
        renewed: When the access token was obtained.
        expires: When that ends.
        last_success: When a run of tap or target last succeeded.
        businesses: IDs that it covers; None where they were never listed.
        scopes: What was granted; None where the server did not say.
        error: Why the store cannot be read; the rest is empty then.
    """

    token_store: str
    client_id: str = ""
    connection: str = ""
    connected: float = 0.0
    renewed: float = 0.0
    expires: float = 0.0
    last_success: float = 0.0
    businesses: list[int] | None = None
    scopes: list[str] | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Disconnected:
    """What forgetting a connection came to.

    Attributes:
        name: The connection.
        token_store: Where it was.
        forgotten: Whether there were tokens.
        others: Names of the other connections of the application there.
        still_set: Settings that hold a token, from which programs would start again.
    """

    name: Name
    token_store: str
    forgotten: bool
    others: str
    still_set: tuple[str, ...]


def businesses_of(connection: Connection) -> list[dict[str, Any]]:
    """The businesses that the authorisation covers, as the API sends them.

    Raises:
        ClearBooksError: they cannot be listed.
    """
    with Client(connection) as client:
        return list_businesses(client)


def stored_connections(settings: Settings) -> list[StoredConnection]:
    """The connections in every token store that this user is known to have.

    A database is opened only where the settings hold its URL, since passwords are not remembered.
    """
    return list(_stored(settings))


def _stored(settings: Settings) -> Iterator[StoredConnection]:
    remembered = saved_connections.known_stores()
    current = settings.connection().token_store
    default = str(state_dir() / "tokens.json")
    places = dict.fromkeys([current, default, *(k.token_store for k in remembered)])
    seen: set[str] = set()
    for place in places:
        clients = {k.client_id for k in remembered if k.token_store == place}
        try:
            if is_postgres(place) and place != current:
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
                yield StoredConnection(place, client, error=str(error))
            continue
        for chain in chains:
            yield StoredConnection(
                token_store=store.location,
                client_id=chain.client_id,
                connection=chain.connection,
                connected=chain.connected_at,
                renewed=chain.obtained_at,
                expires=chain.expires_at,
                last_success=successes.get(chain.name, 0.0),
                businesses=chain.businesses,
                scopes=describe(chain)["scopes"],
            )


def disconnect(settings: Settings) -> Disconnected:
    """Forget the tokens of the connection that the settings name.

    Raises:
        TokenStoreError: the store cannot be read or written.
    """
    account = find_account(settings, to_use=False)
    name = Name.of(account.connection)
    gone = account.store.forget(name)
    others = account.store.others(name)
    if not others:
        saved_connections.forget(account.store.place(), name.client_id)
    still = tuple(n for n in ("refresh_token", "access_token") if getattr(account.connection, n))
    return Disconnected(name, account.store.location, bool(gone), others, still)
