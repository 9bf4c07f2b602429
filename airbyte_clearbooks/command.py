"""The command line that Airbyte's sources and destinations share, and how a run ends."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from airbyte_clearbooks.faults import describe, trace_error
from airbyte_clearbooks.logs import log_messages
from airbyte_clearbooks.protocol import Output, Stopped, end_by
from clearbooks import __version__
from clearbooks.errors import ClearBooksError, OutputError, SettingError
from clearbooks.exact_json import loads

if TYPE_CHECKING:
    from collections.abc import Sequence


class Failed(Exception):  # noqa: N818 - an outcome, told already
    """The run failed, and its messages said so; `cause` or `code` is the exit code."""

    def __init__(self, cause: BaseException | None = None, code: int = 1) -> None:
        super().__init__()
        self.exit_code = cause.exit_code if isinstance(cause, ClearBooksError) else code


class Connector(Protocol):
    """What a program of this package does; each method gets the paths' content."""

    name: str
    commands: dict[str, tuple[str, ...]]

    def run(self, command: str, output: Output, files: dict[str, Any]) -> None:
        """Carry out a command.

        Args:
            command: A key of `commands`.
            output: Where messages go.
            files: Option -> content of its file; None where the option is absent.

        Raises:
            Failed: messages told of it.
            ClearBooksError: a person can do something about it.
        """


def main(connector: Connector, arguments: Sequence[str] | None = None) -> None:
    """Run a connector's command line; ends the process."""
    options = _parse(connector, arguments)
    try:
        output = Output.claim()
    except OutputError as error:
        sys.exit(f"{connector.name}: {error}")
    log_messages(output, debug=options.debug)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    code = 0
    try:
        _run(connector, options, output)
    except Stopped as stopped:
        output.close()
        end_by(stopped.signum)
    except OutputError as error:
        sys.stderr.write(f"{connector.name}: {error}\n")
        code = error.exit_code
    except Failed as failed:
        code = failed.exit_code
    except Exception as error:  # noqa: BLE001 - whatever it is, the platform is told
        code = error.exit_code if isinstance(error, ClearBooksError) else 1
        with contextlib.suppress(OutputError):
            trace_error(output, error)
    sys.stderr.flush()
    if code:
        output.close()
        # Threads may be waiting for answers that nobody needs any more.
        os._exit(code)


def _run(connector: Connector, options: argparse.Namespace, output: Output) -> None:
    checking = options.command == "check"
    try:
        files = {
            name: _read(name, getattr(options, name, None))
            for name in connector.commands[options.command]
        }
        connector.run(options.command, output, files)
    except (Stopped, OutputError, Failed):
        raise
    except Exception as error:
        if not checking or not isinstance(error, ClearBooksError):
            raise
        connection_status(output, describe(error))
    else:
        if checking:
            connection_status(output, None)


def connection_status(output: Output, problem: str | None) -> None:
    """The answer of `check`. A connection that does not work is a good answer: exit code 0."""
    status: dict[str, Any] = {"status": "FAILED" if problem else "SUCCEEDED"}
    if problem:
        status["message"] = problem
    output.message("CONNECTION_STATUS", connectionStatus=status)


def _parse(connector: Connector, arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=connector.name)
    parser.add_argument("--version", action="version", version=f"{connector.name} {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command, files in connector.commands.items():
        sub = commands.add_parser(command)
        sub.add_argument("--debug", action="store_true", help="log more")
        for name in files:
            sub.add_argument(
                f"--{name}",
                type=Path,
                required=name != "state",
                metavar="FILE",
                help=f"{name} as JSON",
            )
    return parser.parse_args(arguments)


def _read(name: str, path: Path | None) -> Any:
    if path is None:
        return None
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SettingError(f"--{name}: {path} cannot be read: {error.strerror}") from None
    if name == "state" and not data.strip():
        return None
    try:
        return loads(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ArithmeticError):
        raise SettingError(f"--{name}: {path} is no JSON") from None
