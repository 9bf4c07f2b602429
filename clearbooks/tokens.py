"""Where tokens live between runs.

Clear Books hands out single-use refresh tokens, and a user's application holds one access token
at a time. So every program of an application shares one store, and whoever finds the access
token expired refreshes it under the store's lock while the others wait for the result.
"""

from __future__ import annotations

import logging
import os
import time
from abc import ABC, abstractmethod
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import filelock
import msgspec

from clearbooks.errors import SettingError, TokenStoreError
from clearbooks.tokens_chain import (
    MOST_SEEDS,
    Chain,
    decode_chains,
    encode_chains,
    fingerprint,
    join_seeds,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

# With what the stores keep, so that whoever opens one need not know where that is written down.
__all__ = [
    "LOCK_TIMEOUT",
    "MOST_SEEDS",
    "SAVE_SECONDS",
    "Chain",
    "FileTokenStore",
    "SupersededError",
    "TokenStore",
    "decode_chains",
    "encode_chains",
    "fingerprint",
    "join_seeds",
    "move_chains",
    "open_store",
]

logger = logging.getLogger(__name__)

LOCK_TIMEOUT = 120.0
# How long new tokens are kept trying to get into the store.
SAVE_SECONDS = 60.0
# Bytes that are kept free for a file with new tokens, which may be longer than the old ones.
_ROOM = 8 * 1024


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


class FileTokenStore(TokenStore):
    """Tokens in a JSON file: mode 0600 in a directory of mode 0700, replaced atomically."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser()
        self.location = str(self.path)
        self._lock_path = self.path.with_name(self.path.name + ".lock")
        # One name for all, under the lock: what a killed program leaves is the next one's.
        self._new_path = self.path.with_name(self.path.name + ".new")
        self._reserved = False

    def place(self) -> str:
        """See `TokenStore.place`."""
        return str(self.path.resolve())

    @contextmanager
    def lock(self) -> Iterator[None]:
        """See `TokenStore.lock`; the lock is a file beside the store."""
        self._make_directory()
        # A lock object for each use: two threads that share one would both hold it.
        lock = filelock.FileLock(self._lock_path, timeout=LOCK_TIMEOUT)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise TokenStoreError(
                f"token_store: {self.path} has been locked by another program for "
                f"{LOCK_TIMEOUT:.0f} s; if none is running, delete {self._lock_path}"
            ) from None
        except OSError as error:
            raise TokenStoreError(
                f"token_store: {self._lock_path} cannot be locked: {error.strerror}"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def chains(self) -> list[Chain]:
        """See `TokenStore.chains`; no file is an empty store."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise TokenStoreError(
                f"token_store: {self.path} cannot be read: {error.strerror}"
            ) from None
        return decode_chains(data, self.location)

    def replace(self, chains: list[Chain]) -> None:
        """See `TokenStore.replace`."""
        with self._writing():
            if not self._reserved:
                self._make_new()
            # In place: a file that is emptied first gives its room away.
            self._fill(_text(chains))
            self._new_path.replace(self.path)
            self._reserved = False
            _sync_directory(self.path.parent)

    @contextmanager
    def reserve(self) -> Iterator[None]:
        """See `TokenStore.reserve`; room that was not used is given back."""
        with super().reserve():
            try:
                yield
            finally:
                self._release()

    def _prepare(self, chains: list[Chain]) -> None:
        if self.path.exists():
            # Not every file may be replaced: one that is mounted by itself may not.
            self.replace(chains)
        with self._writing():
            self._make_new()
            # Bytes that no file system can compress.
            self._fill(os.urandom(max(_ROOM, _ROOM // 2 + 2 * len(_text(chains)))))
            _sync_directory(self.path.parent)
            self._reserved = True

    def _release(self) -> None:
        if self._reserved:
            self._reserved = False
            with suppress(OSError):
                self._new_path.unlink()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Leave nothing behind where the block fails."""
        self._make_directory()
        done = False
        try:
            yield
            done = True
        except OSError as error:
            raise TokenStoreError(
                f"token_store: {self.path} cannot be written: {error.strerror}"
            ) from None
        finally:
            if not done:
                self._reserved = True
                self._release()

    def _make_new(self) -> None:
        self._new_path.unlink(missing_ok=True)
        self._new_path.touch(mode=0o600, exist_ok=False)

    def _fill(self, data: bytes) -> None:
        with self._new_path.open("r+b") as file:
            file.write(data)
            file.truncate()
            os.fsync(file.fileno())

    def _make_directory(self) -> None:
        parent = self.path.parent
        if parent.is_dir():
            return
        try:
            parent.mkdir(parents=True, mode=0o700)
        except OSError as error:
            raise TokenStoreError(
                f"token_store: the directory {parent} cannot be made: {error.strerror}"
            ) from None


def _text(chains: list[Chain]) -> bytes:
    return msgspec.json.format(encode_chains(chains), indent=2) + b"\n"


def _sync_directory(path: Path) -> None:
    """Make the rename itself durable, where the system can."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# Scheme -> (module, class), imported only when used: each needs an extra.
_STORES = {
    "postgresql": ("clearbooks.tokens_postgres", "PostgresTokenStore"),
    "postgres": ("clearbooks.tokens_postgres", "PostgresTokenStore"),
    "keyring": ("clearbooks.tokens_keyring", "KeyringTokenStore"),
}


def open_store(location: str) -> TokenStore:
    """The store that the setting `token_store` names: a path, `postgresql://` or `keyring://`.

    Raises:
        SettingError: the kind of store is not known, or its extra is not installed.
    """
    scheme, separator, _ = location.partition("://")
    if not separator:
        return FileTokenStore(location)
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
