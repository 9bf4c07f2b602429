"""Where tokens live between runs.

Clear Books hands out single-use refresh tokens, and a user's application holds one access token
at a time. So every program of an application shares one store, and whoever finds the access
token expired refreshes it under the store's lock while the others wait for the result.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import tempfile
import time
from abc import ABC, abstractmethod
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import filelock
import msgspec

from clearbooks.errors import SettingError, TokenStoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

STORE_VERSION = 1
# An access token this close to its end may expire on the way to the server.
EXPIRY_MARGIN = 30.0
LOCK_TIMEOUT = 120.0
MOST_SEEDS = 200


def fingerprint(token: str) -> str:
    """A short hash that recognises a token without holding it."""
    return hashlib.sha256(token.encode()).hexdigest()[:32]


def join_seeds(*known: list[str]) -> list[str]:
    """Fingerprints in the order in which they came: the first and the newest of them.

    A platform that keeps each new refresh token hands over another one a run.
    """
    seeds = list(dict.fromkeys(itertools.chain.from_iterable(known)))
    return seeds if len(seeds) <= MOST_SEEDS else [seeds[0], *seeds[1 - MOST_SEEDS :]]


class Chain(msgspec.Struct, kw_only=True):
    """The living end of a chain of tokens.

    Attributes:
        seeds: Fingerprints of the refresh tokens from settings that this chain took over from.
        expires_at: Seconds since the epoch; 0 where the server did not say.
    """

    client_id: str
    token_url: str
    access_token: str
    refresh_token: str | None = None
    expires_at: float = 0.0
    obtained_at: float = 0.0
    connected_at: float = 0.0
    scope: str | None = None
    seeds: list[str] = []

    def fresh(self) -> bool:
        """Whether the access token may still be used, as far as its expiry tells."""
        return not self.expires_at or time.time() < self.expires_at - EXPIRY_MARGIN

    def __repr__(self) -> str:
        return f"Chain(client_id={self.client_id!r}, expires_at={self.expires_at})"


class _Document(msgspec.Struct, kw_only=True):
    version: int = STORE_VERSION
    chains: list[Chain] = []


def encode_chains(chains: list[Chain]) -> bytes:
    """What every kind of store keeps: a JSON object with its version."""
    return msgspec.json.encode(_Document(chains=chains))


def decode_chains(data: bytes | str, location: str) -> list[Chain]:
    """The chains of what `encode_chains` made.

    Raises:
        TokenStoreError: it is damaged, or of another version.
    """
    try:
        document = msgspec.json.decode(data, type=_Document)
    except msgspec.MsgspecError:
        raise TokenStoreError(
            f"token_store: {location} is not a token store, or is damaged; it was left as it "
            "is. Restore it, or move it away and authorise again"
        ) from None
    if document.version != STORE_VERSION:
        raise TokenStoreError(
            f"token_store: {location} has version {document.version}; this program reads "
            f"version {STORE_VERSION}. Upgrade clearbooks-connectors"
        )
    return document.chains


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

    def save(self, chain: Chain) -> None:
        """Put a chain in the place of the one it continues. Call it inside `lock()`."""
        others = [
            other
            for other in self.chains()
            if other.client_id != chain.client_id or not set(other.seeds) & set(chain.seeds)
        ]
        self.replace([*others, chain])

    def connect(self, chain: Chain) -> None:
        """Start anew: authorising again revoked every earlier token of the application."""
        with self.lock():
            chains = self.chains()
            # Never empty: by its seeds a chain is known when it goes on.
            own = chain.seeds or [fingerprint(chain.refresh_token or chain.access_token)]
            before = [other.seeds for other in chains if other.client_id == chain.client_id]
            chain.seeds = join_seeds(*before, own)
            self.replace([*(o for o in chains if o.client_id != chain.client_id), chain])

    def forget(self, client_id: str) -> int:
        """Drop the tokens of an application; returns how many chains went."""
        with self.lock():
            chains = self.chains()
            kept = [chain for chain in chains if chain.client_id != client_id]
            self.replace(kept)
            return len(chains) - len(kept)


class FileTokenStore(TokenStore):
    """Tokens in a JSON file: mode 0600 in a directory of mode 0700, replaced atomically."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser()
        self.location = str(self.path)
        self._lock_path = self.path.with_name(self.path.name + ".lock")

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
        self._make_directory()
        data = msgspec.json.format(encode_chains(chains), indent=2)
        try:
            # mkstemp makes the file with mode 0600.
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.name + ".")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data + b"\n")
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(self.path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            _sync_directory(self.path.parent)
        except OSError as error:
            raise TokenStoreError(
                f"token_store: {self.path} cannot be written: {error.strerror}"
            ) from None

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
