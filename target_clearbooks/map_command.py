"""The commands with which a person says which record of the ledger a source record is."""

from __future__ import annotations

import shlex
from typing import Any

from clearbooks.program import store_command


def map_set(business: int, stream: str, source_key: str, remote_id: Any = "ID") -> str:
    """The command that names the record; `ID` is left to fill in where nobody knows it."""
    return _command("set", business, stream, source_key, str(remote_id))


def map_unset(business: int, stream: str, source_key: str) -> str:
    """The command that says that it stands for none."""
    return _command("unset", business, stream, source_key)


def _command(action: str, business: int, *words: str) -> str:
    named = " ".join([*map(shlex.quote, words), "--business", str(business)])
    return f"`{store_command(f'clearbooks map {action} {named}')}`"
