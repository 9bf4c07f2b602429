"""The access token of a connection: when its single-use refresh token is used, and by whom."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from clearbooks.auth.chain import Chain, Name
from clearbooks.auth.renewal import Failed, Renewal, Renewed, refresh_token, renew_detached, send
from clearbooks.auth.token_endpoint import authorise_again
from clearbooks.auth.token_store import SupersededError, open_store
from clearbooks.errors import ClearBooksError, SettingError, TokenStoreError
from clearbooks.program import connect_command

if TYPE_CHECKING:
    from collections.abc import Callable

    from clearbooks.auth.token_store import TokenStore
    from clearbooks.settings import Connection

logger = logging.getLogger(__name__)

# Between two tries to save tokens that could not be saved when they came.
_SAVE_AGAIN = 30.0


class _Held(NamedTuple):
    """A chain in use; `until` is by the monotonic clock, which nobody can set."""

    chain: Chain
    until: float


class _Unsaved(NamedTuple):
    """A chain that the store does not hold; `spent` is the refresh token that it holds instead."""

    chain: Chain
    spent: str | None
    again: float


class TokenSource:
    """Hands out the access token, and gets a new one when the old one ends. Safe for threads.

    Args:
        on_saved: Called with each new chain once it is saved, before its token is used: for a
            caller that keeps the tokens in one more place. That place may hand its refresh
            token in as the setting later on, so the chain answers to it too.
    """

    def __init__(
        self,
        connection: Connection,
        on_saved: Callable[[Chain], None] | None = None,
    ) -> None:
        self._connection = connection
        self._name = Name.of(connection)
        self._on_saved = on_saved
        self._store: TokenStore | None = None
        self._held: _Held | None = None
        self._unsaved: _Unsaved | None = None
        self._failed: tuple[str, ClearBooksError] | None = None
        self._mutex = threading.Lock()
        if not connection.access_token and not connection.client_id:
            connect = connect_command()
            raise SettingError(
                f"no credentials: run `{connect}` and use the settings "
                "that it saves, or set client_id, client_secret and refresh_token, or access_token"
            )

    @property
    def store(self) -> TokenStore:
        """The token store; opened when first asked for."""
        if self._store is None:
            self._store = open_store(self._connection.token_store)
        return self._store

    def access_token(self) -> str:
        """A token that is good as far as is known.

        Raises:
            NotAuthorisedError: there is none, and a person has to authorise.
            TokenStoreError: the store cannot be read or written.
        """
        if self._connection.access_token:
            return self._connection.access_token
        unsaved = self._unsaved
        if unsaved is not None and unsaved.again < time.monotonic():
            with self._mutex:
                self._save_again()
        chain = self._usable(None)
        return (chain or self._renew(None)).access_token

    def refused(self, token: str) -> str | None:
        """A newer token after a 401 for `token`; None where no other can be had."""
        if self._connection.access_token:
            return None
        renewed = self._renew(token).access_token
        return renewed if renewed != token else None

    def settle(self, seconds: float = 4.0) -> None:
        """Let a renewal that is under way be saved: its refresh token is used up already."""
        if not self._mutex.acquire(timeout=seconds):
            return
        try:
            if not self._save_again():
                logger.error(
                    "the newest tokens could not be saved in %s and end with this run: %s",
                    self.store.location,
                    authorise_again(),
                )
        finally:
            self._mutex.release()

    def _usable(self, bad: str | None) -> Chain | None:
        held = self._held
        if held is None or held.until <= time.monotonic() or held.chain.access_token == bad:
            return None
        return held.chain

    def _renew(self, bad: str | None) -> Chain:
        if threading.current_thread() is not threading.main_thread():
            return self._renewed(bad)
        # A signal raises its exception in the main thread, and would cut off a renewal there
        # between the answer and its saving. So that goes on elsewhere, and `settle` awaits it.
        pool = ThreadPoolExecutor(1, thread_name_prefix="token")
        try:
            return pool.submit(self._renewed, bad).result()
        finally:
            pool.shutdown(wait=False)

    def _renewed(self, bad: str | None) -> Chain:
        with self._mutex:
            # Another thread may have been here while this one waited.
            chain = self._usable(bad)
            if chain is not None:
                return chain
            if self._unsaved is not None and not self._save_again():
                return self._renew_unsaved(self._unsaved)
            with self.store.lock(self._name):
                # Another process may have been here, too.
                old = self.store.find(self._name, self._connection.refresh_token)
            if old is not None:
                # Of tokens that it holds already a process knows their age best itself.
                if self._held is None or self._held.chain.access_token != old.access_token:
                    self._held = _Held(old, time.monotonic() + old.good_for())
                chain = self._usable(bad)
                if chain is not None:
                    return chain
            self._check(refresh_token(self._connection, old, self.store))
            done = self._good(renew_detached(self._wanted(bad), self.store))
            if done.unsaved is not None:
                logger.error(
                    "%s. This run goes on with the new tokens and keeps trying to save them; if "
                    "it ends before, %s",
                    done.unsaved,
                    authorise_again(),
                )
                self._unsaved = _Unsaved(done.chain, done.spent, time.monotonic() + _SAVE_AGAIN)
            return self._use(done)

    def _renew_unsaved(self, unsaved: _Unsaved) -> Chain:
        """Go on with a chain that lives here alone: nothing is lost by it without the store."""
        token = refresh_token(self._connection, unsaved.chain, self.store)
        self._check(token)
        done = self._good(send(self._wanted(None), unsaved.chain, token, self.store))
        self._unsaved = unsaved._replace(chain=done.chain)
        self._save_again()
        return self._use(done)

    def _wanted(self, bad: str | None) -> Renewal:
        held = [self._held.chain.access_token] if self._held is not None else []
        ended = (*held, bad) if bad is not None else (*held,)
        return Renewal(self._connection, ended, kept_elsewhere=self._on_saved is not None)

    def _check(self, token: str) -> None:
        """Let nobody send a refresh token again that was refused, or may be used up.

        Other threads and streams ask again where one has failed; they get the same answer.
        """
        if self._failed is not None and self._failed[0] == token:
            raise self._failed[1]

    def _good(self, done: Renewed | Failed) -> Renewed:
        if isinstance(done, Failed):
            if done.spent is not None:
                self._failed = (done.spent, done.fault)
            raise done.fault
        return done

    def _use(self, done: Renewed) -> Chain:
        self._held = _Held(done.chain, time.monotonic() + done.chain.good_for())
        if done.spent is not None:
            if self._on_saved is not None:
                self._on_saved(done.chain)
            logger.info("access token renewed")
        return done.chain

    def _save_again(self) -> bool:
        """Whether nothing is left unsaved, after one more try. Call it with the mutex held."""
        unsaved = self._unsaved
        if unsaved is None:
            return True
        try:
            with self.store.lock(self._name):
                self.store.save(unsaved.chain, unsaved.spent, patience=0.0)
        except SupersededError:
            # Somebody authorised again meanwhile; what is in the store counts.
            pass
        except TokenStoreError:
            self._unsaved = unsaved._replace(again=time.monotonic() + _SAVE_AGAIN)
            return False
        else:
            logger.warning("the new tokens are saved now")
        self._unsaved = None
        return True


def describe(chain: Chain) -> dict[str, Any]:
    """What may be shown of a chain: no token, no part of one."""
    return {
        "client_id": chain.client_id,
        "connection": chain.connection,
        "connected_at": chain.connected_at,
        "obtained_at": chain.obtained_at,
        "expires_at": chain.expires_at or None,
        "scopes": chain.scope.split() if chain.scope else None,
    }
