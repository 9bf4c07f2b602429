"""Connections that a person has been sent away to allow, until the browser comes back."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from clearbooks.auth import Name, begin_consent, open_store
from clearbooks_app.config import for_interactive_use
from clearbooks_app.consent_server import StateError, authorisation_code
from clearbooks_app.operations.consent import finish, prepare_store, scopes_to_ask

if TYPE_CHECKING:
    from clearbooks.auth import Consent
    from clearbooks.settings import Connection
    from clearbooks_app.config import Settings
    from clearbooks_app.operations.consent import NewConnection

# Seconds that a person has to decide.
PATIENCE = 900
_MOST = 100


@dataclass(frozen=True, slots=True)
class Pending:
    """One visit to the consent page.

    Attributes:
        connection: What is to be connected.
        consent: The visit.
        scopes: What was asked for.
        ends: Until when an answer counts, in seconds since 1970.
    """

    connection: Connection
    consent: Consent
    scopes: list[str]
    ends: float


class Consents:
    """The visits that nobody has decided yet; they end with the server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: dict[str, Pending] = {}

    def begin(
        self,
        settings: Settings,
        redirect_uri: str,
        *,
        write: bool = False,
        streams: str | None = None,
    ) -> Pending:
        """Make the address to send a person to.

        Args:
            settings: Of the connection that is to be made.
            redirect_uri: Where the browser comes back to.
            write: Whether writing is asked for, too.
            streams: The streams that reading is asked for; None for all.

        Raises:
            SettingError: the application's credentials are missing, or a stream is unknown.
            TokenStoreError: the store cannot be written.
        """
        connection = for_interactive_use(settings.connection())
        scopes = scopes_to_ask(connection, write=write, streams=streams)
        prepare_store(open_store(connection.token_store), Name.of(connection))
        consent = begin_consent(connection, redirect_uri, scopes)
        found = Pending(connection, consent, scopes, time.time() + PATIENCE)
        with self._lock:
            now = time.time()
            kept = [(k, p) for k, p in self._pending.items() if p.ends > now][1 - _MOST :]
            self._pending = {**dict(kept), consent.state: found}
        return found

    def finish(self, query: str, name: str | None = None) -> NewConnection:
        """Make the connection with what the browser brought back; each visit counts once.

        Args:
            query: Of the address that the browser was sent to.
            name: The connection that is meant, where that is known.

        Raises:
            StateError: it belongs to no visit, or to one that took too long.
            DeniedError: the person refused.
            NotAuthorisedError: the code was refused.
        """
        state = parse_qs(query).get("state", [""])[0]
        with self._lock:
            found = self._pending.get(state)
            known = found is not None and name in (None, found.connection.connection)
            if found is None or not known or found.ends < time.time():
                raise StateError(
                    "the answer belongs to no connection that was begun here, or came too late: "
                    "begin again"
                )
            del self._pending[state]
        code = authorisation_code(query, found.consent.state)
        store = open_store(found.connection.token_store)
        return finish(found.connection, found.consent, code, store, found.scopes)
