"""Where tokens live between runs.

Clear Books hands out single-use refresh tokens, and a user's application holds one access token
at a time. So every program of an application shares one store, and whoever finds the access
token expired refreshes it under the store's lock while the others wait for the result.
"""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from clearbooks.auth.chain import (
    Chain,
    fingerprint,
    join_seeds,
)
from clearbooks.errors import SettingError, TokenStoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

logger = logging.getLogger(__name__)

LOCK_TIMEOUT = 120.0
# How long new tokens are kept trying to get into the store.
SAVE_SECONDS = 60.0


class SupersededError(TokenStoreError):
    """The store holds newer tokens of the same connection, which another program wrote."""


class TokenStore(ABC):
    """One locked, atomic place for the chains of one or more applications."""

    location: str

    def place(self) -> str:
        """The same for two stores that are one."""
        return self.location

    @abstractmethod
    def lock(self) -> AbstractContextManager[None]:
        """Hold off everybody else, threads and processes, until the block ends."""

    @abstractmethod
    def chains(self) -> list[Chain]:
        """Every chain in the store.

        Raises:
            TokenStoreError: the store cannot be read; it is left as it is.
        """

    @abstractmethod
    def replace(self, chains: list[Chain]) -> None:
        """Save all chains, durably, before returning. Call it inside `lock()`."""

    def find(self, client_id: str, seed: str | None) -> Chain | None:
        """The chain that `seed` started, or without a seed the newest of the application."""
        mine = [chain for chain in self.chains() if chain.client_id == client_id]
        if seed is not None:
            mine = [chain for chain in mine if fingerprint(seed) in chain.seeds]
        return max(mine, key=lambda chain: chain.obtained_at, default=None)

    @contextmanager
    def reserve(self) -> Iterator[None]:
        """Prove that new tokens can be saved, and keep room for them until the block ends.

        A refresh token and a code are good for one use, so whoever sends one does it in here.
        Call it inside `lock()`.

        Raises:
            TokenStoreError: on entering, where the store cannot be read or written.
        """
        chains = self.chains()
        try:
            self._prepare(chains)
        except TokenStoreError as error:
            raise TokenStoreError(
                f"{error}. So nothing was sent, and no token was used up: run again once the "
                "store can be written"
            ) from None
        yield

    @abstractmethod
    def _prepare(self, chains: list[Chain]) -> None:
        """Write to the store without changing what it holds, which is `chains`."""

    def save(
        self, chain: Chain, spent: str | None = None, *, patience: float | None = None
    ) -> None:
        """Put a chain in the place of the one it continues. Call it inside `lock()`.

        Args:
            chain: The new one.
            spent: The refresh token that was used up for it.
            patience: Seconds for which it is tried again where the store cannot be written;
                a minute by default.

        Raises:
            SupersededError: the store holds tokens that do not come from `spent`: the lock was
                lost. They were kept.
            TokenStoreError: the store cannot be written.
        """

        def write() -> None:
            chains = self.chains()
            before = [
                other
                for other in chains
                if other.client_id == chain.client_id and set(other.seeds) & set(chain.seeds)
            ]
            known = {spent, chain.refresh_token}
            if spent and before and not any(other.refresh_token in known for other in before):
                raise SupersededError(
                    f"token_store: {self.location} holds newer tokens, which another program "
                    "wrote and which were kept. Run again"
                )
            self.replace([*(other for other in chains if other not in before), chain])

        _insist(write, SAVE_SECONDS if patience is None else patience)

    def connect(self, chain: Chain) -> None:
        """Start anew with a chain that came from elsewhere; see `take_over`."""
        with self.lock(), self.reserve():
            self.take_over(chain)

    def take_over(self, chain: Chain) -> None:
        """Start anew: authorising again revoked every earlier token of the application.

        Call it inside `lock()`.

        Raises:
            TokenStoreError: the store cannot be read, or could not be written for a minute.
        """
        # Never empty: by its seeds a chain is known when it goes on.
        own = chain.seeds or [fingerprint(chain.refresh_token or chain.access_token)]

        def write() -> None:
            chains = self.chains()
            before = [other.seeds for other in chains if other.client_id == chain.client_id]
            chain.seeds = join_seeds(*before, own)
            self.replace([*(o for o in chains if o.client_id != chain.client_id), chain])

        _insist(write, SAVE_SECONDS)

    def forget(self, client_id: str) -> int:
        """Drop the tokens of an application; returns how many chains went."""
        with self.lock():
            chains = self.chains()
            kept = [chain for chain in chains if chain.client_id != client_id]
            self.replace(kept)
            return len(chains) - len(kept)


def _insist(write: Callable[[], None], patience: float) -> None:
    """Carry out what saves tokens that exist nowhere else, again and again where it fails."""
    until, pause = time.monotonic() + patience, 0.2
    while True:
        try:
            return write()
        except SupersededError:
            raise
        except TokenStoreError as error:
            if time.monotonic() + pause > until:
                raise
            logger.warning("%s; trying again", error)
        time.sleep(pause)
        pause = min(pause * 2.0, 5.0)


# Scheme -> (module, class), imported only when used: each needs an extra.
_STORES = {
    "": ("clearbooks.auth.token_store_file", "FileTokenStore"),
    "postgresql": ("clearbooks.auth.token_store_postgres", "PostgresTokenStore"),
    "postgres": ("clearbooks.auth.token_store_postgres", "PostgresTokenStore"),
    "keyring": ("clearbooks.auth.token_store_keyring", "KeyringTokenStore"),
}


def open_store(location: str) -> TokenStore:
    """The store that the setting `token_store` names: a path, `postgresql://` or `keyring://`.

    Raises:
        SettingError: the kind of store is not known, or its extra is not installed.
    """
    scheme, separator, _ = location.partition("://")
    scheme = scheme if separator else ""
    if scheme not in _STORES:
        raise SettingError(
            f"token_store: {scheme}:// is not known; give a file path, a postgresql:// URL, or "
            "keyring://NAME"
        )
    module, name = _STORES[scheme]
    store: TokenStore = getattr(import_module(module), name)(location)
    return store


def move_chains(
    source: TokenStore, target: TokenStore, client_id: str | None = None, *, replace: bool = False
) -> list[Chain]:
    """Move the chains of an application, or all of them; returns what was moved.

    They are saved in the target before they leave the source, so that none is ever lost.

    Raises:
        TokenStoreError: the target holds a chain of the same application and `replace` is off,
            or a store cannot be read or written.
    """
    if source.place() == target.place():
        raise TokenStoreError(f"token_store: {source.location} is both where from and where to")
    with source.lock(), target.lock():
        here, there = source.chains(), target.chains()
        moving = [chain for chain in here if client_id in {None, chain.client_id}]
        clients = {chain.client_id for chain in moving}
        taken = sorted({chain.client_id for chain in there} & clients)
        if taken and not replace:
            raise TokenStoreError(
                f"token_store: {target.location} holds tokens of {', '.join(taken)} already; "
                "nothing was moved. Disconnect there first, or replace them"
            )
        if moving:
            target.replace([*(c for c in there if c.client_id not in clients), *moving])
            source.replace([chain for chain in here if chain not in moving])
        return moving
