"""Tokens in a JSON file."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import filelock
import msgspec

from clearbooks.auth.chain import Chain, decode_chains, encode_chains
from clearbooks.auth.token_store import LOCK_TIMEOUT, TokenStore
from clearbooks.errors import TokenStoreError
from clearbooks.private_files import tighten

if TYPE_CHECKING:
    from collections.abc import Iterator

# Bytes that are kept free for a file with new tokens, which may be longer than the old ones.
_ROOM = 8 * 1024


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
        """See `TokenStore.chains`; no file is an empty store. Others lose their rights on it."""
        try:
            with self.path.open("rb") as file:
                tighten(file.fileno())
                data = file.read()
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
