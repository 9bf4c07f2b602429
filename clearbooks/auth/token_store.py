"""Where tokens live between runs.

Clear Books hands out single-use refresh tokens, and an application holds one access token at a
time of each user. So every program of an application shares one store, in which each user's
consent has a name, an entry and a lock of its own. Whoever finds its access token expired
refreshes it under that lock while the others wait for the result.
"""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec

from clearbooks.auth.chain import Chain, Name, fingerprint, join_seeds
from clearbooks.errors import SettingError, TokenStoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

logger = logging.getLogger(__name__)

LOCK_TIMEOUT = 120.0
# How long new tokens are kept trying to get into the store.
SAVE_SECONDS = 60.0
_MOST_NAMED = 10


class SupersededError(TokenStoreError):
    """The store holds newer tokens of the same connection, which another program wrote."""


class TokenStore(ABC):
    """Chains of one or more applications, under a name and a lock for each connection.

    Under a name there is one chain, or one for each refresh token that settings started it from.
    """

    location: str
    # Whether a program that opens `location` finds the same tokens, whoever started it.
    open_to_others = True

    def place(self) -> str:
        """The same for two stores that are one."""
        return self.location

    @abstractmethod
    def lock(self, name: Name) -> AbstractContextManager[None]:
        """Hold off everybody else from a name, threads and processes, until the block ends."""

    @abstractmethod
    def chains(self) -> list[Chain]:
        """Every chain in the store.

        Raises:
            TokenStoreError: the store cannot be read; it is left as it is.
        """

    @abstractmethod
    def read(self, name: Name) -> list[Chain]:
        """The chains under a name.

        Raises:
            TokenStoreError: the store cannot be read; it is left as it is.
        """

    @abstractmethod
    def write(self, name: Name, chains: Sequence[Chain]) -> None:
        """Save what stands under a name, durably, before returning. Call it inside `lock()`."""

    def find(self, name: Name, seed: str | None) -> Chain | None:
        """The chain that `seed` started, or without a seed the one under the name.

        Raises:
            SettingError: the seed started another connection, or several chains stand under the
                name and there is no seed.
        """
        mine = self.read(name)
        if seed is not None:
            started = [chain for chain in mine if fingerprint(seed) in chain.seeds]
            if not started:
                self._refuse_foreign(name, seed)
            return max(started, key=lambda chain: chain.obtained_at, default=None)
        if len(mine) > 1:
            raise SettingError(
                f"connection: {self.location} holds {len(mine)} authorisations under "
                f"{name.connection!r}, started from different refresh tokens. Give each user a "
                "name: `clearbooks connect --name NAME` and the setting connection; or set the "
                "refresh_token that started the one you mean"
            )
        return mine[0] if mine else None

    def _refuse_foreign(self, name: Name, seed: str) -> None:
        for chain in self.chains():
            if chain.client_id == name.client_id and fingerprint(seed) in chain.seeds:
                raise SettingError(
                    f"refresh_token: it is that of the connection {chain.connection!r}, and the "
                    f"setting connection names {name.connection!r}; correct one of the two"
                )

    def others(self, name: Name) -> str:
        """The connections of an application besides one, for a message; empty where there are none.

        Raises:
            TokenStoreError: the store cannot be read.
        """
        names = {chain.connection for chain in self.chains() if chain.client_id == name.client_id}
        found = sorted(names - {name.connection})
        more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
        return ", ".join(found[:_MOST_NAMED]) + more

    def connection_of(self, client_id: str, business: int) -> str | None:
        """The connection of an application that covered a business when it was made.

        Raises:
            TokenStoreError: the store cannot be read.
        """
        for chain in self.chains():
            if chain.client_id == client_id and business in (chain.businesses or ()):
                return chain.connection
        return None

    @contextmanager
    def reserve(self, name: Name) -> Iterator[None]:
        """Prove that new tokens can be saved, and keep room for them until the block ends.

        A refresh token and a code are good for one use, so whoever sends one does it in here.
        Call it inside `lock()`.

        Raises:
            TokenStoreError: on entering, where the store cannot be read or written.
        """
        try:
            self._prepare(name)
        except TokenStoreError as error:
            raise TokenStoreError(
                f"{error}. So nothing was sent, and no token was used up: run again once the "
                "store can be written"
            ) from None
        yield

    def _prepare(self, name: Name) -> None:
        """Write to the store without changing what it holds."""
        self.write(name, self.read(name))

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
            chains = self.read(chain.name)
            before = [other for other in chains if set(other.seeds) & set(chain.seeds)]
            known = {spent, chain.refresh_token}
            if spent and before and not any(other.refresh_token in known for other in before):
                raise SupersededError(
                    f"token_store: {self.location} holds newer tokens, which another program "
                    "wrote and which were kept. Run again"
                )
            self.write(chain.name, [*(other for other in chains if other not in before), chain])

        _insist(write, SAVE_SECONDS if patience is None else patience)

    def connect(self, chain: Chain) -> None:
        """Start anew with a chain that came from elsewhere; see `take_over`."""
        with self.lock(chain.name), self.reserve(chain.name):
            self.take_over(chain)

    def take_over(self, chain: Chain) -> None:
        """Start anew: authorising again revoked every earlier token of this user.

        What other connections hold stays. Call it inside `lock()`.

        Raises:
            TokenStoreError: the store cannot be read, or could not be written for a minute.
        """
        # Never empty: by its seeds a chain is known when it goes on.
        own = chain.seeds or [fingerprint(chain.refresh_token or chain.access_token)]

        def write() -> None:
            chain.seeds = join_seeds(*(other.seeds for other in self.read(chain.name)), own)
            self.write(chain.name, [chain])

        _insist(write, SAVE_SECONDS)

    def annotate(self, name: Name, **facts: Any) -> None:
        """Note facts of a chain beside its tokens, such as the `businesses` they are good for.

        Raises:
            TokenStoreError: the store cannot be read or written.
        """
        with self.lock(name):
            for kept in self.read(name):
                self.save(msgspec.structs.replace(kept, **facts))

    def forget(self, name: Name) -> int:
        """Drop the tokens of a connection; returns how many chains went."""
        with self.lock(name):
            gone = len(self.read(name))
            if gone:
                self.write(name, [])
            return gone


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
    source: TokenStore,
    target: TokenStore,
    client_id: str | None = None,
    connection: str | None = None,
    *,
    replace: bool = False,
) -> list[Chain]:
    """Move the chains of an application or of one connection, or all; returns what was moved.

    They are saved in the target before they leave the source, so that none is ever lost.

    Raises:
        TokenStoreError: the target holds tokens of the same connection and `replace` is off, or a
            store cannot be read or written.
    """
    if source.place() == target.place():
        raise TokenStoreError(f"token_store: {source.location} is both where from and where to")
    names = sorted(
        {
            chain.name
            for chain in source.chains()
            if client_id in {None, chain.client_id} and connection in {None, chain.connection}
        }
    )
    with ExitStack() as locks:
        # In one order, so that two moves do not wait for each other.
        for name in names:
            locks.enter_context(source.lock(name))
            locks.enter_context(target.lock(name))
        taken = [str(name) for name in names if target.read(name)]
        if taken and not replace:
            raise TokenStoreError(
                f"token_store: {target.location} holds tokens of {', '.join(taken)} already; "
                "nothing was moved. Disconnect there first, or replace them"
            )
        moved = []
        for name in names:
            moving = source.read(name)
            target.write(name, moving)
            source.write(name, [])
            moved += moving
        return moved
