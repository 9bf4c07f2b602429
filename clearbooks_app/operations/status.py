"""What there is to know of one connection: tokens, scopes, businesses, budget, newest syncs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clearbooks.errors import ClearBooksError, NotAuthorisedError
from clearbooks.pacing import open_pacer
from clearbooks.scopes import asked_streams, needed_scopes
from clearbooks_app import output
from clearbooks_app.config import find_account
from clearbooks_app.operations.connections import businesses_of
from clearbooks_app.operations.progress import last_read, last_written

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from clearbooks_app.config import Account, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A connection as it is. Times are ISO 8601 in UTC.

    Attributes:
        connected: Whether a token is stored or set.
        by: `access_token`, `token_store` or `refresh_token`: where the tokens come from.
        client_id: The application.
        connection: Its name.
        token_store: Where its tokens live.
        connected_at: When consent was given.
        obtained_at: When the access token was obtained.
        expires_at: When it ends.
        scopes: What was granted; None where the server did not say.
        scopes_needed: What reading the streams needs.
        scopes_missing: What of that was not granted.
        businesses: `id`, `name` and `chosen` of those covered; None where nobody asked.
        businesses_error: Why they could not be listed.
        budget: Requests a second that were found to be allowed; None where not connected.
        newest: How far each stream was read and written.
        exit_code: What a command ends with that shows this.
    """

    connected: bool
    by: str | None
    client_id: str | None
    connection: str
    token_store: str
    connected_at: str | None
    obtained_at: str | None
    expires_at: str | None
    scopes: list[str] | None
    scopes_needed: list[str]
    scopes_missing: list[str] | None
    businesses: list[dict[str, Any]] | None = None
    businesses_error: str | None = None
    budget: dict[str, Any] | None = None
    newest: list[dict[str, Any]] = field(default_factory=list)
    exit_code: int = 0


def connection_status(
    settings: Settings,
    *,
    streams: Sequence[str] | None = None,
    state: Path | None = None,
    offline: bool = False,
) -> Status:
    """The connection of the settings.

    Args:
        settings: Name it; `state_store` among them leads to the runs of the target.
        streams: Those whose scopes count; None for all.
        state: A Singer state, for how far the tap has read.
        offline: Ask the API nothing. Otherwise one request lists the businesses.

    Raises:
        SettingError: a stream that cannot be read, or a file that is no state.
        TokenStoreError: the store cannot be read.
    """
    account = find_account(settings)
    businesses, trouble = (
        _businesses(account) if account.connected and not offline else (None, None)
    )
    if businesses is not None:
        # The token may have been renewed on the way.
        account = find_account(settings)
    code = trouble.exit_code if trouble else 0
    return Status(
        **_tokens(account, streams),
        businesses=businesses,
        businesses_error=str(trouble) if trouble else None,
        budget=_budget(account) if account.connected else None,
        newest=[
            *(last_read(state) if state else ()),
            *last_written(settings.values.get("state_store")),
        ],
        exit_code=code if account.connected else NotAuthorisedError.exit_code,
    )


def _businesses(
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


def _tokens(account: Account, streams: Sequence[str] | None) -> dict[str, Any]:
    chain, connection = account.chain, account.connection
    wanted = asked_streams(connection.contract, chain) if streams is None else streams
    granted = chain.scope.split() if chain is not None and chain.scope else None
    needed = needed_scopes(connection.contract, wanted)
    ordered = [scope for scope in connection.contract.scopes if scope in needed]
    way: str | None
    if connection.access_token:
        way = "access_token"
    elif chain is not None:
        way = "token_store"
    else:
        way = "refresh_token" if connection.refresh_token else None
    return {
        "connected": account.connected,
        "by": way,
        "client_id": connection.client_id,
        "connection": connection.connection,
        "token_store": account.store.location,
        "connected_at": output.iso_time(chain.connected_at) if chain else None,
        "obtained_at": output.iso_time(chain.obtained_at) if chain else None,
        "expires_at": output.iso_time(chain.expires_at) if chain else None,
        "scopes": granted,
        "scopes_needed": ordered,
        "scopes_missing": None if granted is None else [s for s in ordered if s not in granted],
    }


def _budget(account: Account) -> dict[str, Any]:
    pacer = open_pacer(account.connection)
    found = pacer.found()
    pacer.close()
    return {
        "limit": round(found.limit, 2) or None,
        "rate": round(found.rate, 2),
        "answers_429": found.limited,
    }
