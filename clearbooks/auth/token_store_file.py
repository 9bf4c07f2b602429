"""Tokens in a JSON file."""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from typing_extensions import override

from clearbooks.auth.chain import Chain, decode_chains, encode_chains
from clearbooks.auth.token_document import DocumentTokenStore
from clearbooks.errors import TokenStoreError
from clearbooks.private_files import tighten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clearbooks.auth.chain import Name

# Bytes that are kept free for a file with new tokens, which may be longer than the old ones.
_ROOM = 8 * 1024


class FileTokenStore(DocumentTokenStore):
    """Tokens in a JSON file: mode 0600 in a directory of mode 0700, replaced atomically."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser()
        self.location = str(self.path)
        self._reserved: set[Name] = set()

    @override
    def place(self) -> str:
        return str(self.path.resolve())

    @override
    def _lock_path(self, what: str) -> Path:
        self._make_directory()
        return self._beside(what, "lock")

    def _new_path(self, name: Name) -> Path:
        """The file that takes the place of the store; of a killed program, the next one's."""
        return self._beside(str(name), "new")

    def _beside(self, what: str, ending: str) -> Path:
        mark = f".{hashlib.sha256(what.encode()).hexdigest()[:12]}" if what else ""
        return self.path.with_name(f"{self.path.name}{mark}.{ending}")

    @override
    def chains(self) -> list[Chain]:
        # No file is an empty store; others lose their rights on one.
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

    @override
    def _replace(self, chains: list[Chain], name: Name) -> None:
        with self._writing(name) as new:
            if name not in self._reserved:
                _make(new)
            # In place: a file that is emptied first gives its room away.
            _fill(new, _text(chains))
            new.replace(self.path)
            self._reserved.discard(name)
            _sync_directory(self.path.parent)

    @override
    @contextmanager
    def reserve(self, name: Name) -> Iterator[None]:
        # Room that was not used is given back.
        with super().reserve(name):
            try:
                yield
            finally:
                self._release(name)

    @override
    def _prepare(self, name: Name) -> None:
        if self.path.exists():
            # Not every file may be replaced: one that is mounted by itself may not.
            super()._prepare(name)
        room = len(_text(self.chains()))
        with self._writing(name) as new:
            _make(new)
            # Bytes that no file system can compress.
            _fill(new, os.urandom(max(_ROOM, _ROOM // 2 + 2 * room)))
            _sync_directory(self.path.parent)
            self._reserved.add(name)

    def _release(self, name: Name) -> None:
        if name in self._reserved:
            self._reserved.discard(name)
            with suppress(OSError):
                self._new_path(name).unlink()

    @contextmanager
    def _writing(self, name: Name) -> Iterator[Path]:
        """The path of a new file; nothing of it is left behind where the block fails."""
        self._make_directory()
        done = False
        try:
            yield self._new_path(name)
            done = True
        except OSError as error:
            raise TokenStoreError(
                f"token_store: {self.path} cannot be written: {error.strerror}"
            ) from None
        finally:
            if not done:
                self._reserved.add(name)
                self._release(name)

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


def _make(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)


def _fill(path: Path, data: bytes) -> None:
    with path.open("r+b") as file:
        file.write(data)
        file.truncate()
        os.fsync(file.fileno())


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
