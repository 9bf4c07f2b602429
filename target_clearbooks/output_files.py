"""What the files that a run writes have in common: plan, results, rejects and page."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from clearbooks.errors import SettingError
from clearbooks.private_files import open_private

if TYPE_CHECKING:
    from pathlib import Path


def open_output(setting: str, path: Path, flags: int) -> int:
    """`open_private`, of a file that a setting names.

    Raises:
        SettingError: it cannot be written.
    """
    try:
        return open_private(path, flags)
    except OSError as error:
        raise SettingError(f"{setting}: {path}: {error.strerror}") from None


def utc_now() -> str:
    """This moment, as such a file has it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
