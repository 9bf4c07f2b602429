"""Files that hold somebody's books: for their owner's eyes only, and never behind a link."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_OTHERS = 0o077


def open_private(path: Path, flags: int) -> int:
    """Open a file that only its owner can read; rights of others are taken away.

    Args:
        path: Where; the file is made where there is none, and its directory.
        flags: Those of `os.open`.

    Returns:
        A file descriptor.

    Raises:
        OSError: it cannot be opened, is a symbolic link, or others can read it and it is theirs.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.is_symlink():
        raise OSError(errno.ELOOP, "is a symbolic link, which is not followed")
    # Nor is one that is put there meanwhile.
    descriptor = os.open(path, flags | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    try:
        tighten(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def tighten(descriptor: int) -> None:
    """Take the rights of others on an open file away; pipes and devices are left as they are.

    Raises:
        OSError: they cannot be taken away.
    """
    mode = os.fstat(descriptor).st_mode
    if os.name == "posix" and stat.S_ISREG(mode) and mode & _OTHERS:
        try:
            os.fchmod(descriptor, stat.S_IMODE(mode) & ~_OTHERS)
        except OSError as error:
            words = f"others can read it, and that cannot be changed ({error.strerror})"
            raise OSError(error.errno, words) from None
