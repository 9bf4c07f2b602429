"""Making a connection: what to ask for, the store checked beforehand, the tokens in it afterwards.

Between `begin` and `finish` a person decides on the consent page.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from clearbooks.auth import Name, finish_consent, saved_connections
from clearbooks.businesses import list_businesses
from clearbooks.client import Client
from clearbooks.errors import ClearBooksError, SettingError
from clearbooks.program import account_command
from clearbooks.scopes import needed_scopes, read_scopes, stream_scopes

if TYPE_CHECKING:
    from clearbooks.auth import Chain, Consent, TokenStore
    from clearbooks.settings import Connection


@dataclass(frozen=True, slots=True)
class NewConnection:
    """A connection that was made.

    Attributes:
        chain: Its tokens.
        scopes: What was granted.
        refused: What was asked for and not granted.
        businesses: `id` and `name` of those that it covers.
        trouble: Why they were not listed; None where they were.
    """

    chain: Chain
    scopes: list[str]
    refused: list[str]
    businesses: list[dict[str, Any]]
    trouble: str | None


def scopes_to_ask(
    connection: Connection,
    *,
    write: bool = False,
    streams: str | None = None,
    scopes: str | None = None,
) -> list[str]:
    """The scopes of a consent: for reading, for writing too, or as they are named.

    Args:
        connection: Knows the scopes there are.
        write: Everything.
        streams: What reading these needs, separated by commas or spaces.
        scopes: Just these, separated the same way.

    Raises:
        SettingError: an unknown name, or more than one of the three.
    """
    if sum(map(bool, (write, streams, scopes))) > 1:
        raise SettingError("choose one of --write, --streams and --scopes")
    contract = connection.contract
    if scopes:
        wanted = scopes.replace(",", " ").split()
        unknown = [scope for scope in wanted if scope not in contract.scopes]
        if unknown:
            raise SettingError(
                f"--scopes: {', '.join(unknown)} is not known; there are: "
                f"{', '.join(contract.scopes)}"
            )
        return wanted
    if streams:
        return stream_scopes(contract, streams.replace(",", " ").split())
    return list(contract.scopes) if write else read_scopes(contract)


def prepare_store(store: TokenStore, name: Name) -> list[Chain]:
    """Check that the store can be written, before a person is sent to the consent page.

    Returns:
        What it holds of this connection: it would be replaced.

    Raises:
        TokenStoreError: the store cannot be read or written.
    """
    with store.lock(name), store.reserve(name):
        return store.read(name)


def finish(
    connection: Connection, consent: Consent, code: str, store: TokenStore, asked: list[str]
) -> NewConnection:
    """Exchange the code for tokens, store them, and list the businesses that they are good for.

    Raises:
        TokenStoreError: the store cannot be written.
        NotAuthorisedError: the code was refused.
    """
    chain = finish_consent(connection, consent, code, store)
    saved_connections.remember(store.place(), chain.client_id)
    granted = chain.scope.split() if chain.scope else asked
    businesses, trouble = _covered(connection, chain)
    found = None if trouble else [business["id"] for business in businesses]
    store.annotate(chain.name, businesses=found, asked=" ".join(asked))
    refused = [scope for scope in asked if scope not in granted]
    return NewConnection(chain, granted, refused, businesses, trouble)


def _covered(connection: Connection, chain: Chain) -> tuple[list[dict[str, Any]], str | None]:
    fresh = replace(connection, access_token=None, refresh_token=None)
    if needed_scopes(fresh.contract, ["businesses"]).keys() - (chain.scope or "").split():
        return [], "the scope businesses:read was not granted; set business_ids"
    try:
        with Client(fresh) as client:
            found = list_businesses(client)
    except ClearBooksError as error:
        return [], f"{error}; `{account_command('clearbooks doctor')}` looks closer"
    return [{"id": b["id"], "name": b.get("name", "")} for b in found], None
