"""The access token of a connection: when its single-use refresh token is used, and by whom."""

from __future__ import annotations

import logging
import shlex
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from clearbooks.auth.chain import Chain, Name, fingerprint, join_seeds
from clearbooks.auth.token_endpoint import authorise_again, request_tokens
from clearbooks.auth.token_store import SupersededError, open_store
from clearbooks.errors import (
    ClearBooksError,
    NotAuthorisedError,
    SettingError,
    TokenStoreError,
    UnavailableError,
)
from clearbooks.program import connect_command

if TYPE_CHECKING:
    from collections.abc import Callable

    from clearbooks.auth.token_store import TokenStore
    from clearbooks.settings import Connection

logger = logging.getLogger(__name__)

# Between two tries to save tokens that could not be saved when they came.
_SAVE_AGAIN = 30.0
_MOST_NAMED = 5


class _Held(NamedTuple):
    """A chain in use; `until` is by the monotonic clock, which nobody can set."""

    chain: Chain
    until: float


class _Unsaved(NamedTuple):
    """A chain that the store does not hold; `spent` is the refresh token that it holds instead."""

    chain: Chain
    spent: str
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
        store: TokenStore | None = None,
        on_saved: Callable[[Chain], None] | None = None,
    ) -> None:
        self._connection = connection
        self._name = Name.of(connection)
        self._on_saved = on_saved
        self._store = store
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
                # This chain lives here alone: nothing is lost by going on without the store.
                new = self._refresh(self._unsaved.chain)
                self._unsaved = self._unsaved._replace(chain=new.chain)
                self._save_again()
                return self._use(new)
            with self.store.lock(self._name):
                # Another process may have been here, too.
                old = self._find()
                if old is not None:
                    # Of tokens that it holds already a process knows their age best itself.
                    if self._held is None or self._held.chain.access_token != old.access_token:
                        self._held = _Held(old, time.monotonic() + old.good_for())
                    chain = self._usable(bad)
                    if chain is not None:
                        return chain
                with self.store.reserve(self._name):
                    new = self._refresh(old)
                    self._save(new.chain, self._refresh_token(old))
                return self._use(new)

    def _use(self, new: _Held) -> Chain:
        self._held = new
        if self._on_saved is not None:
            self._on_saved(new.chain)
        logger.info("access token renewed")
        return new.chain

    def _find(self) -> Chain | None:
        return self.store.find(self._name, self._connection.refresh_token)

    def _refresh_token(self, old: Chain | None) -> str:
        token = old.refresh_token if old is not None else self._connection.refresh_token
        if token is None:
            raise NotAuthorisedError(not_connected(self.store, self._name))
        return token

    def _refresh(self, old: Chain | None) -> _Held:
        """Use the refresh token up. What comes is to be saved before anybody uses it."""
        seed = self._connection.refresh_token
        token = self._refresh_token(old)
        new = self._spend(token)
        until = time.monotonic() + new.good_for()
        seeds = join_seeds(old.seeds if old else [], [fingerprint(seed)] if seed else [])
        seeds = seeds or [fingerprint(token)]
        new.connected_at = old.connected_at if old is not None else new.connected_at
        if new.refresh_token is None:
            # Some servers let the old one live on and say nothing of it.
            new.refresh_token = token
        if self._on_saved is not None:
            seeds = join_seeds(seeds, [fingerprint(new.refresh_token)])
        new.seeds = seeds
        if old is not None:
            new.scope = old.scope if new.scope is None else new.scope
            new.businesses, new.asked = old.businesses, old.asked
        return _Held(new, until)

    def _spend(self, token: str) -> Chain:
        """Send a refresh token, which is good for one use, and for one try where that is unclear.

        Other threads and streams ask again where one has failed; they get the same answer.
        """
        if self._failed is not None and self._failed[0] == token:
            raise self._failed[1]
        try:
            return request_tokens(
                self._connection,
                "refreshToken",
                {"grant_type": "refresh_token", "refresh_token": token},
            )
        except UnavailableError:
            # It was not carried out.
            raise
        except NotAuthorisedError as error:
            refused = NotAuthorisedError(f"{error}{self._later()}")
            self._failed = (token, refused)
            raise refused from None
        except ClearBooksError as error:
            self._failed = (token, error)
            raise

    def _later(self) -> str:
        """What a consent to the same application may have to do with a refusal."""
        try:
            chains = [c for c in self.store.chains() if c.client_id == self._name.client_id]
        except TokenStoreError:
            return ""  # the refusal is what has to be told
        since = max((c.connected_at for c in chains if c.name == self._name), default=0.0)
        later = [c.connection for c in chains if c.connected_at > since > 0.0]
        if not later:
            return ""
        return (
            f". Since then the connection {', '.join(sorted(later)[:_MOST_NAMED])} was made: "
            f"where it is the same user's, its consent ended {self._name.connection!r}, and one "
            "of the two is enough"
        )

    def _save(self, new: Chain, spent: str) -> None:
        """Save what came before anybody uses it."""
        try:
            self.store.save(new, spent)
        except SupersededError:
            raise
        except TokenStoreError as error:
            # The old refresh token is used up: without this chain the authorisation is gone.
            logger.error(  # noqa: TRY400 - for people
                "%s. This run goes on with the new tokens and keeps trying to save them; if it "
                "ends before, %s",
                error,
                authorise_again(),
            )
            self._unsaved = _Unsaved(new, spent, time.monotonic() + _SAVE_AGAIN)

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


def not_connected(store: TokenStore, name: Name) -> str:
    """What to do where a store has no tokens under a name, and no refresh token is set."""
    if others := store.others(name):
        connect = connect_command("--name", shlex.quote(name.connection))
        return (
            f"not connected: {store.location} holds no connection {name.connection!r} of this "
            f"client_id; it holds {others}. Set connection to the one you mean, or run "
            f"`{connect}`"
        )
    connect = connect_command()
    return (
        f"not connected: no refresh_token is set and the token store {store.location} holds none "
        f"for this client_id; authorise the application (`{connect}`)"
    )


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
