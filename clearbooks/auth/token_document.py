"""Token stores that keep all chains in one document."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING

import filelock
from typing_extensions import override

from clearbooks.auth.token_store import LOCK_TIMEOUT, TokenStore
from clearbooks.errors import TokenStoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from clearbooks.auth.chain import Chain, Name


class DocumentTokenStore(TokenStore):
    """See `TokenStore`. The document has a lock of its own, held only while it is changed.

    A name's lock is held for as long as the token endpoint takes, and holds off nobody else.
    """

    @abstractmethod
    def _lock_path(self, what: str) -> Path:
        """The file that locks the document, `""`, or a name."""

    @abstractmethod
    def _replace(self, chains: list[Chain], name: Name) -> None:
        """Save the whole document, on behalf of a name."""

    @override
    @contextmanager
    def lock(self, name: Name) -> Iterator[None]:
        with self._locked(str(name)):
            yield

    @override
    def read(self, name: Name) -> list[Chain]:
        return [chain for chain in self.chains() if chain.name == name]

    @override
    def write(self, name: Name, chains: Sequence[Chain]) -> None:
        with self._locked(""):
            others = [chain for chain in self.chains() if chain.name != name]
            self._replace([*others, *chains], name)

    @contextmanager
    def _locked(self, what: str) -> Iterator[None]:
        path = self._lock_path(what)
        # A lock object for each use: two threads that share one would both hold it.
        lock = filelock.FileLock(path, timeout=LOCK_TIMEOUT)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise TokenStoreError(
                f"token_store: {self.location} has been locked by another program for "
                f"{LOCK_TIMEOUT:.0f} s; if none is running, delete {path}"
            ) from None
        except OSError as error:
            raise TokenStoreError(
                f"token_store: {path} cannot be locked: {error.strerror}"
            ) from None
        try:
            yield
        finally:
            lock.release()
