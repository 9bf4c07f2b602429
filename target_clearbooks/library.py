"""Writing as a library call."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from clearbooks.settings import Connection
from target_clearbooks.messages import MessageWriter, Result, StoppedError
from target_clearbooks.settings import TargetSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def write(config: Mapping[str, Any], messages: Iterable[Mapping[str, Any]]) -> Result:
    """Write what Singer messages bring into a ledger; see docs/library.md.

    Installs no signal handler, prints nothing and ends no process. Several calls may be under way
    at once, in threads or forked workers, as long as no two write into one business.

    Args:
        config: The settings of the target; stream maps are for the program alone.
        messages: SCHEMA, RECORD and STATE messages, in order; taken as they are needed. A record
            needs no SCHEMA where it has an `externalId`.

    Returns:
        What the run came to. Refused records are in it as counts, and in `rejects_path`.

    Raises:
        SettingError: a setting that cannot work, or a stream that cannot be written.
        InputError: something that is no Singer message.
        NotAuthorisedError: there is no valid token.
        BusyError: another program writes into the business.
        ClearBooksError: anything else that ends the run. What was settled is in the state store,
            and what is in doubt is settled by the next call.
    """
    connection = Connection.from_config(config, program="target-clearbooks")
    newest: list[Any] = [None]

    def settled(states: list[Any]) -> None:
        newest[0] = states[-1]

    writer = MessageWriter(connection, TargetSettings.from_config(config), settled)
    try:
        try:
            for message in messages:
                writer.message(message)
            writer.drain()
        except StoppedError:
            pass  # the first reject ends it, where `on_reject` says so
        result = writer.end()
    except BaseException as error:
        writer.end(error)
        raise
    assert result is not None  # noqa: S101 - draining has begun the run
    return replace(result, state=newest[0])
