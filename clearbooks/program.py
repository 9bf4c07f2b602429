"""What every plugin's `main` does: one line for a user's mistake, honest exit codes."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shlex
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from clearbooks.errors import ClearBooksError, OutputError, SettingError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

# Shells report a process that a signal stopped as 128 + the signal's number.
SIGNALLED = 128
# How a write fails to an output that is full or gone.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EPIPE, errno.EBADF)
# Files of `--config` that this process was started with, and options that stand for settings.
_configs: list[str] = []
_options: list[tuple[str, str]] = []
# What `clearbooks connect` has to be given for what this process does: `--write`, or nothing.
_to_connect: list[str] = []
# Of those, the ones that `clearbooks connect`, `status` and the like take.
_OF_CONNECTION = ("--client-id", "--name", "--token-store")
# Seconds that a program has to come to its end after a signal.
GRACE = 10.0


def run(program: Callable[[], Any], logger: logging.Logger) -> None:
    """Run a program's command line and end the process as it deserves.

    Raises:
        SystemExit: always; code 0 for success, 128 + n when stopped by signal n, else the code
            of the error.
    """
    code: int | str | None = 0
    try:
        program()
    except SystemExit as stop:
        code = stop.code
    except ClearBooksError as error:
        # For people: the message says it all, a traceback would bury it.
        logger.error("%s", error)  # noqa: TRY400
        code = error.exit_code
    except OSError as error:
        if error.errno not in _NO_ROOM or error.filename is not None:
            raise
        # What the SDK prints, such as a catalog.
        output_lost()
        logger.error("standard output cannot be written: %s", error.strerror)  # noqa: TRY400
        code = OutputError.exit_code
    if isinstance(code, int) and code > SIGNALLED:
        # Threads may be waiting for answers that nobody needs any more.
        sys.stderr.flush()
        os._exit(code)
    raise SystemExit(code)


def stop_on_signal(signum: int, _frame: object) -> None:
    """Signal handler for plugins: the SDK's own ends with 0, as if the run were complete."""
    end_soon(signum)
    raise SystemExit(SIGNALLED + signum)


def end_soon(signum: int) -> None:
    """End this process a few seconds after a signal, however it goes on until then.

    It may sit in a request whose answer takes minutes, in the pause that a 429 asked for, or in a
    write to a pipe that nobody reads. Ending it there is as safe as a power cut: what was settled
    is on disk, and the next run settles the rest.
    """
    timer = threading.Timer(GRACE, os._exit, [SIGNALLED + signum])
    timer.daemon = True
    timer.start()


def output_lost() -> None:
    """Let nothing be written to a standard output that failed, so that ending does not fail too."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def check_config_files(paths: tuple[str, ...]) -> None:
    """Name the file of `--config` that is missing or no JSON object, before the SDK trips on it.

    Raises:
        SettingError: the file, and what is wrong with it.
    """
    _configs[:] = paths
    for path in (path for path in paths if path != "ENV"):
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise SettingError(f"--config {path}: {error.strerror}") from None
        except ValueError as error:
            raise SettingError(f"--config {path}: not JSON: {error}") from None
        if not isinstance(content, dict):
            raise SettingError(f"--config {path}: should hold one JSON object of settings")


def keep_options(*, writes: bool = False, **given: str | None) -> None:
    """Note what this process was started with, for the commands that it names.

    Args:
        writes: Whether it writes into a ledger.
        given: Options that stand for settings, by their names. An address with a password is not
            repeated: what is said goes into logs.
    """
    _to_connect[:] = ["--write"] if writes else []
    named = {f"--{name.replace('_', '-')}": text for name, text in given.items() if text}
    _options[:] = without_passwords(named).items()


def without_passwords(values: dict[str, str]) -> dict[str, str]:
    """The values that are no address with a password, and may be said."""
    return {name: text for name, text in values.items() if not urlsplit(text).password}


def use_configs(*paths: str) -> None:
    """Let commands that come next be given these files instead of those this process was given."""
    _configs[:] = paths


def started_with() -> tuple[list[str], list[tuple[str, str]], list[str]]:
    """What commands that are named here repeat, for `start_like` in another process."""
    return _configs, _options, _to_connect


def start_like(started: tuple[list[str], list[tuple[str, str]], list[str]]) -> None:
    """Name the commands that another process names."""
    _configs[:], _options[:], _to_connect[:] = started


def command(words: str, *takes: str) -> str:
    """A command with what this process was started with, ready to be typed.

    That is `--config`. Files that Meltano makes for a run are left out: they go with it, and `.env`
    holds the settings.

    Args:
        words: The command and what follows it.
        takes: The options besides `--config` that it takes as well.
    """
    kept = [("--config", path) for path in _configs if ".meltano" not in Path(path).parts]
    kept += [(name, text) for name, text in _options if name in takes]
    return " ".join([words, *(f"{name} {shlex.quote(text)}" for name, text in kept)])


def account_command(words: str) -> str:
    """`command` for one about the connection, such as `clearbooks connect`."""
    return command(words, *(name for name in _OF_CONNECTION if name not in words.split()))


def connect_command(*more: str) -> str:
    """`clearbooks connect`, for what this process does."""
    return account_command(" ".join(["clearbooks connect", *_to_connect, *more]))


def store_command(words: str) -> str:
    """`command` for one about what the target wrote, such as `clearbooks syncs`."""
    return command(words, "--state-store")
