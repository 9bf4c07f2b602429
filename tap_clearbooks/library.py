"""Reading as a library call."""

from __future__ import annotations

import copy
import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from typing_extensions import override

from clearbooks.errors import SettingError
from tap_clearbooks.inputs import check_state
from tap_clearbooks.records import to_dict
from tap_clearbooks.streams import STREAMS
from tap_clearbooks.tap import TapClearbooks
from tap_clearbooks.writer import PageWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from singer_sdk.singerlib.encoding.simple import Message

    from clearbooks.paging import Record
    from tap_clearbooks.failures import Failure

    Emit = Callable[[dict[str, Any]], object]

# The SDK adds its own settings to the schema of the class when the first tap is made. Done here,
# while the module is imported, it cannot happen in one thread while another one reads the schema.
TapClearbooks.append_builtin_config(TapClearbooks.config_jsonschema)


@dataclass(frozen=True, slots=True)
class Result:
    """What a read came to.

    Attributes:
        state: For the next call: the newest STATE that was emitted, or what was given.
        records: How many records of each stream that was read were emitted.
        requests: How many requests were made.
        failures: Streams of a business that could not be read, while the others were; each as
            text is one line that says why. The program ends with exit code 1 where there are any.
    """

    state: Mapping[str, Any]
    records: Mapping[str, int]
    requests: int
    failures: Sequence[Failure]


class _Emitter(PageWriter):
    """Hands messages to a function, as dicts."""

    def __init__(self, emit: Emit, state: Mapping[str, Any]) -> None:
        super().__init__()
        self._emit = emit
        self.state = state
        self.records: dict[str, int] = {}

    @override
    def write_message(self, message: Message) -> None:
        # A copy: the state goes on changing. The SDK's own copying costs more than all the rest.
        plain = msgspec.to_builtins(message, builtin_types=(Decimal,))
        told = {name: value for name, value in plain.items() if value is not None}
        self._emit(told)
        if told["type"] == "STATE":
            self.state = told["value"]
        elif told["type"] in {"SCHEMA", "RECORD"}:
            stream = told["stream"]
            self.records[stream] = self.records.get(stream, 0) + (told["type"] == "RECORD")

    @override
    def write_records(
        self, stream: str, records: Sequence[Record], version: int | None = None
    ) -> None:
        fixed: dict[str, Any] = {"time_extracted": dt.datetime.now(dt.UTC).isoformat()}
        if version is not None:
            fixed["version"] = version
        for record in records:
            self._emit({"type": "RECORD", "stream": stream, "record": to_dict(record), **fixed})
        self.records[stream] += len(records)


def read(
    config: Mapping[str, Any],
    *,
    state: Mapping[str, Any] | None = None,
    streams: Iterable[str] | None = None,
    emit: Emit,
) -> Result:
    """Read a ledger as Singer messages; see docs/library.md.

    Installs no signal handler, prints nothing and ends no process. Several calls may be under way
    at once, in threads or forked workers.

    Args:
        config: The settings of the tap.
        state: What an earlier call answered as `Result.state`; None to read everything.
        streams: Names of the streams to read; None for all that are selected by default.
        emit: Called with each message, a dict, in the order in which the program writes them and
            in the thread of the caller: SCHEMA, RECORD, STATE, and ACTIVATE_VERSION where the
            settings ask for it. Amounts are `Decimal`, dates are text such as `2026-04-06`. An
            exception that it raises ends the call.

    Returns:
        What the read came to.

    Raises:
        SettingError: a setting or a state that cannot work, or a stream that there is not.
        NotAuthorisedError: there is no valid token.
        UnavailableError: the API cannot be reached or keeps failing.
        WaitLimitError: `max_wait` seconds went by without one good answer.
        ClearBooksError: anything else that ends the read. What was emitted stays good: a call
            with the newest STATE among it goes on from there.
    """
    chosen = None if streams is None else _known(streams)
    check_state({} if state is None else state)
    state = copy.deepcopy(dict(state or {}))
    writer = _Emitter(emit, state)
    # Copies, since the SDK writes into both.
    tap = TapClearbooks(
        config=copy.deepcopy(dict(config)),
        state=copy.deepcopy(state),
        message_writer=writer,
        setup_mapper=False,
    )
    try:
        if chosen is None:
            tap.select_asked()
        else:
            for name, stream in tap.streams.items():
                stream.selected = name in chosen
        # Only now: a stream map knows the fields that are selected.
        tap.setup_mapper()
        tap.sync_all()
        return Result(
            state=writer.state,
            records=writer.records,
            requests=tap.run.client.requests,
            failures=tuple(tap.plan.failures),
        )
    finally:
        tap.close()


def _known(streams: Iterable[str]) -> set[str]:
    chosen = set(streams)
    for name in sorted(chosen - set(STREAMS)):
        raise SettingError(f"streams: there is no stream {name!r}; there are {', '.join(STREAMS)}")
    return chosen
