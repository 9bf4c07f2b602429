"""Which token stores this user has: places and applications, never tokens or passwords."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import filelock
import msgspec

from clearbooks.settings import state_dir

if TYPE_CHECKING:
    from collections.abc import Callable


class Known(msgspec.Struct, frozen=True):
    """A store and an application in it. A database is named without user and password."""

    token_store: str
    client_id: str


def known_path() -> Path:
    """The file that remembers them."""
    return state_dir() / "connections.json"


def known_stores() -> list[Known]:
    """What is remembered; nothing where the file is missing or damaged."""
    try:
        return msgspec.json.decode(known_path().read_bytes(), type=list[Known])
    except (OSError, msgspec.MsgspecError):
        return []


def remember(token_store: str, client_id: str) -> None:
    """Add a store; it is a convenience, so a directory that cannot be written is no error."""
    new = Known(token_store, client_id)
    _change(lambda known: [*(k for k in known if k != new), new])


def forget(token_store: str, client_id: str) -> None:
    """Take a store out."""
    _change(lambda known: [k for k in known if k != Known(token_store, client_id)])


def _change(change: Callable[[list[Known]], list[Known]]) -> None:
    path = known_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with filelock.FileLock(f"{path}.lock", timeout=5):
            data = msgspec.json.format(msgspec.json.encode(change(known_stores())), indent=2)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix="connections.")
            with os.fdopen(handle, "wb") as file:
                file.write(data + b"\n")
            Path(name).replace(path)
    except (OSError, filelock.Timeout):
        return
