"""Connections over the API: listed, begun, finished, looked at and forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearbooks.settings import DEFAULT_CONNECTION
from clearbooks_app import output
from clearbooks_app.config import find_account
from clearbooks_app.consent_server import pasted_query
from clearbooks_app.operations.connections import StoredConnection, disconnect, stored_connections
from clearbooks_app.operations.status import Status, connection_status
from clearbooks_app.ui.api import shapes
from clearbooks_app.ui.api.endpoint import Endpoint
from clearbooks_app.ui.guard import CALLBACK
from clearbooks_app.ui.site import MissingError

if TYPE_CHECKING:
    from pathlib import Path

    from clearbooks_app.ui.site import Site


def known_connections(site: Site) -> list[StoredConnection]:
    """The connections of the application of the page, in its own token store.

    A token in the settings makes one, too, although nothing is stored.
    """
    settings = site.settings()
    account = find_account(settings, to_use=False)
    place, client = account.store.location, account.connection.client_id
    found = [
        row
        for row in stored_connections(settings)
        if row.token_store == place and client in (None, row.client_id)
    ]
    name = account.connection.connection
    if account.connected and name not in [row.connection for row in found]:
        found.append(StoredConnection(place, client or "", name))
    return found


def require_known(site: Site, name: str) -> None:
    """Check that there is a connection.

    Raises:
        MissingError: there is none of that name.
    """
    names = [row.connection for row in known_connections(site)]
    if name not in names:
        raise MissingError(
            f"there is no connection {name!r}; there are: {', '.join(names) or 'none'}"
        )


def _list(site: Site, params: shapes.Paged, _: None) -> shapes.Connections:
    rows = [shapes.ConnectionItem.of(row) for row in known_connections(site)]
    start = params.cursor
    page = rows[start : start + params.limit]
    more = start + params.limit < len(rows)
    return shapes.Connections(page, str(start + params.limit) if more else None)


def _begin(site: Site, _: object, body: shapes.Begin) -> shapes.Begun:
    pending = site.consents.begin(
        site.settings(body.name),
        body.redirect_uri or site.access.doors.url + CALLBACK,
        write=body.write,
        streams=",".join(body.streams) or None,
    )
    return shapes.Begun(
        connection=body.name,
        authorization_url=pending.consent.url,
        redirect_uri=pending.consent.redirect_uri,
        scopes=pending.scopes,
        expires_at=output.iso_time(pending.ends),
    )


def _finish(site: Site, params: shapes.OfConnection, body: shapes.Finish) -> shapes.Finished:
    made = site.consents.finish(pasted_query(body.redirected_url), params.connection)
    return shapes.Finished(
        connection=made.chain.connection,
        scopes=made.scopes,
        scopes_refused=made.refused,
        businesses=made.businesses,
        businesses_error=made.trouble,
    )


def _status(site: Site, params: shapes.OfConnection, _: None) -> Status:
    require_known(site, params.connection)
    return connection_status(
        site.settings(params.connection), state=_state(site, params.connection)
    )


def _state(site: Site, connection: str) -> Path | None:
    path = site.state_of(connection)
    return path if path.exists() else None


def _disconnect(site: Site, params: shapes.OfConnection, _: None) -> shapes.Gone:
    require_known(site, params.connection)
    done = disconnect(site.settings(params.connection))
    return shapes.Gone(params.connection or DEFAULT_CONNECTION, done.forgotten)


_TAG = "connections"
ENDPOINTS = (
    Endpoint(
        id="listConnections",
        method="GET",
        path="/api/connections",
        summary="List the connections",
        tag=_TAG,
        params=shapes.Paged,
        result=shapes.Connections,
        call=_list,
    ),
    Endpoint(
        id="beginConnection",
        method="POST",
        path="/api/connections",
        summary="Begin a connection",
        description="Send the person to `authorization_url`. The browser comes back to "
        "`redirect_uri`: to this page, which finishes by itself, or to one of yours, which calls "
        "`finishConnection`.",
        tag=_TAG,
        body=shapes.Begin,
        result=shapes.Begun,
        status=201,
        call=_begin,
    ),
    Endpoint(
        id="finishConnection",
        method="POST",
        path="/api/connections/{connection}/finish",
        summary="Finish a connection",
        description="Exchanges the code that the browser brought back for tokens.",
        tag=_TAG,
        params=shapes.OfConnection,
        body=shapes.Finish,
        result=shapes.Finished,
        call=_finish,
    ),
    Endpoint(
        id="getConnection",
        method="GET",
        path="/api/connections/{connection}",
        summary="Get the status of a connection",
        description="One request lists the businesses; it renews the token where that has ended.",
        tag=_TAG,
        params=shapes.OfConnection,
        result=Status,
        call=_status,
    ),
    Endpoint(
        id="disconnect",
        method="DELETE",
        path="/api/connections/{connection}",
        summary="Forget the tokens of a connection",
        description="What was read or written stays where it is.",
        tag=_TAG,
        params=shapes.OfConnection,
        result=shapes.Gone,
        call=_disconnect,
    ),
)
