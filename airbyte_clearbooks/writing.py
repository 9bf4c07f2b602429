"""`check` and `write` of the destination: the target, with Airbyte's messages for Singer's."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from airbyte_clearbooks.catalog import read_configured, stream_name
from airbyte_clearbooks.command import Failed
from airbyte_clearbooks.faults import CONFIG, SYSTEM
from airbyte_clearbooks.operations import control_fields_of
from airbyte_clearbooks.places import Places
from airbyte_clearbooks.protocol import Stopped
from airbyte_clearbooks.repair import Repair
from airbyte_clearbooks.scopes import try_scopes
from airbyte_clearbooks.spec import MODES
from clearbooks.businesses import chosen_businesses
from clearbooks.client import Client
from clearbooks.contract import load_contract
from clearbooks.errors import SettingError
from clearbooks.scopes import granted_scopes, needed_scopes
from target_clearbooks.deliver.reject_report import MOST_LOGGED
from target_clearbooks.line_faults import LineError
from target_clearbooks.messages import MessageWriter
from target_clearbooks.prepare.record_schema import record_schema
from target_clearbooks.reader import Reader
from target_clearbooks.session import EXIT_REJECTED, EXIT_UNSETTLED
from target_clearbooks.store import open_store
from target_clearbooks.target import TargetClearbooks
from target_clearbooks.writable import WRITABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airbyte_clearbooks.catalog import Chosen, StreamName
    from airbyte_clearbooks.config import Config
    from airbyte_clearbooks.protocol import Output
    from clearbooks.contract import JsonSchema
    from target_clearbooks.deliver.task import Task

logger = logging.getLogger(__name__)


class _Reader(Reader):
    """Reads Airbyte's messages and hands them on as Singer's."""

    advice = "The destination takes Airbyte's messages, one JSON object a line"

    def __init__(self, chosen: Iterable[Chosen], ignored: frozenset[StreamName]) -> None:
        super().__init__()
        self._streams = {
            item.stream: (
                item.name,
                Repair(item.schema, _known(item.name)),
                control_fields_of(item),
            )
            for item in chosen
        }
        self._ignored = ignored
        # The source's stream of the newest record.
        self.stream: StreamName = ("", None)

    @override
    def message(self, line: bytes) -> dict[str, Any] | None:
        message = super().message(line)
        if message is None:
            return None
        kind = message.get("type")
        body = message.get(str(kind).lower()) if kind in {"RECORD", "STATE"} else None
        if not isinstance(body, dict):
            return {"type": "OTHER"}
        if kind == "STATE":
            return {"type": kind, "value": body}
        stream, data = stream_name(body, "stream"), body.get("data")
        if stream in self._ignored:
            return {"type": "OTHER"}
        if stream not in self._streams or not isinstance(data, dict):
            raise LineError(
                "a RECORD of a stream that the catalog does not have, or without data",
                is_message=False,
            )
        name, repair, control = self._streams[stream]
        self.stream = stream
        return {"type": kind, "stream": name, "record": {**repair(data), **control}}

    @override
    def _process_unknown_message(self, message_dict: dict[str, Any]) -> None:
        """Nothing: the protocol may grow."""


def _known(stream: str) -> JsonSchema:
    """What records of a stream may hold, written or as they were read."""
    read = load_contract().resources[stream].schema.get("properties", {})
    return {"properties": {**read, **record_schema(stream)["properties"]}}


class DestinationTarget(TargetClearbooks):
    """The target of one command."""

    def __init__(
        self,
        config: Config,
        output: Output,
        chosen: Sequence[Chosen] = (),
        ignored: frozenset[StreamName] = frozenset(),
    ) -> None:
        self._airbyte_config = config
        self.output = output
        self._counted: Counter[StreamName] = Counter()
        self._places = Places()
        self._refused: dict[int, StreamName] = {}
        self.reasons: list[str] = []
        self._airbyte_reader = _Reader(chosen, ignored)
        reader: Any = self._airbyte_reader
        super().__init__(config=dict(config.settings), message_reader=reader)
        for item in chosen:
            self._process_schema_message(
                {
                    "type": "SCHEMA",
                    "stream": item.name,
                    "schema": {"type": "object", **item.schema},
                    "key_properties": [path[0] for path in item.key if len(path) == 1],
                }
            )

    def connect(self) -> Client:
        """A client that hands rotated tokens back to the platform."""
        tokens = self._airbyte_config.tokens(self.connection, self.output)
        return Client(self.connection, tokens=tokens)

    @override
    def begin(self) -> MessageWriter:
        return MessageWriter(
            self.connection,
            self.settings,
            self._settled,
            stopped=lambda: self.signal is not None,
            client=self.connect,
            refused=self._told,
        )

    def _told(self, words: str, task: Task | None) -> None:
        if len(self.reasons) < MOST_LOGGED:
            self.reasons.append(words)
        else:
            # The target logs the first ones alone.
            logger.warning("not written: %s", words)
        if task is not None and not task.recovered:
            # A record that could not even be taken in has no place yet: it is the newest.
            place = self.writer.place if task.seq is None else task.seq
            first, stream = self._places.record_of(place)
            self._refused[first] = stream

    @override
    def _process_record_message(self, message_dict: dict[str, Any]) -> None:
        stream = self._airbyte_reader.stream
        self._counted[stream] += 1
        self._places.begin(self.writer.place + 1, stream)
        super()._process_record_message(message_dict)

    @override
    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        value = message_dict["value"]
        part = value.get("stream")
        descriptor = part.get("stream_descriptor") if isinstance(part, dict) else None
        stream = stream_name(descriptor) if isinstance(descriptor, dict) else None
        counted = sum(self._counted.values()) if stream is None else self._counted[stream]
        if stream is None:
            self._counted.clear()
        else:
            self._counted[stream] = 0
        self.writer.state((self.writer.place, value, stream, counted))

    @override
    def _settled(self, states: list[Any]) -> None:
        """Echo every STATE behind which all is settled, in order."""
        for place, value, stream, counted in states:
            mine = [
                first
                for first, refused in self._refused.items()
                if first <= place and stream in {None, refused}
            ]
            for first in mine:
                del self._refused[first]
            self._places.forget(place)
            stats = {
                "recordCount": float(counted - len(mine)),
                "rejectedRecordCount": float(len(mine)),
            }
            self.output.message("STATE", state={**value, "destinationStats": stats})


def write(config: Config, output: Output, catalog: Any) -> None:
    """Write the records on standard input, and echo the states behind which all is settled.

    Raises:
        Failed: records were refused or left open; everything else was written.
        Stopped: a signal came; what was under way is settled.
    """
    ignoring = config.settings.get("unknown_streams") == "ignore"
    chosen = read_configured(catalog, None if ignoring else WRITABLE, MODES)
    strange = [item for item in chosen if item.name not in WRITABLE]
    if strange:
        names = ", ".join(sorted(item.name for item in strange))
        logger.warning("streams that cannot be written are ignored: %s", names)
    chosen = [item for item in chosen if item.name in WRITABLE]
    _check_keys(chosen)
    ignored = frozenset(item.stream for item in strange)
    target = DestinationTarget(config, output, chosen, ignored)
    # What the run came to is worth a line.
    target.logger.setLevel(logging.INFO)
    code = target.run(None)
    if target.signal is not None:
        raise Stopped(target.signal)
    if code:
        _tell(target, output, code)
        raise Failed(code=code)


def _check_keys(chosen: Iterable[Chosen]) -> None:
    """Make sure that what is written into one object is identified in one way.

    Raises:
        SettingError: two streams of one object have different keys.
    """
    keys: dict[str, Chosen] = {}
    for item in chosen:
        other = keys.setdefault(item.name, item)
        if other.key != item.key:
            raise SettingError(
                f"{item.name}: the streams {other.stream[0]!r} and {item.stream[0]!r} are written "
                "into it with different keys; choose the same matching key for both"
            )


def _tell(target: DestinationTarget, output: Output, code: int) -> None:
    """Say at the end what was not written, and what to do."""
    result = target.result
    assert result is not None  # noqa: S101 - it came to a code
    parts = []
    if result.rejected:
        parts.append(f"{result.rejected} records were rejected")
    if result.left:
        parts.append(", ".join(f"{number} {state}" for state, number in result.left.items()))
    remedies = {
        EXIT_REJECTED: "Mend them at the source; those that were written are not written again",
        EXIT_UNSETTLED: f"Look at them with `clearbooks syncs show {result.run}`; the next sync "
        "settles what it can",
    }
    told = "; ".join(target.reasons)
    more = result.rejected - len(target.reasons)
    message = f"{' and '.join(parts)}, everything else was written. {told}"
    if more > 0:
        message += f"; and {more} more (see rejects_path)"
    output.trace(
        "ERROR",
        error={
            "message": f"{message}. {remedies.get(code, 'See the log')}.",
            "internal_message": f"exit code {code} of the target",
            "failure_type": CONFIG if code == EXIT_REJECTED else SYSTEM,
        },
    )


def check(config: Config, output: Output) -> None:
    """Try what a sync is going to need, without writing anything.

    Raises:
        SettingError: something is missing; the text names it.
        ClearBooksError: something else is wrong.
    """
    target = DestinationTarget(config, output)
    output.stop_on_signals()
    open_store(target.settings.state_store).close()
    contract = target.connection.contract
    with target.connect() as client:
        businesses = chosen_businesses(client)
        if not businesses:
            raise SettingError("business_ids: the authorisation covers no business")
        names = config.streams or ("customers",)
        needed = needed_scopes(contract, (n for n in names if contract.resources[n].readable))
        problems = try_scopes(client, needed, businesses)
        allowed = granted_scopes(client)
    for name in config.streams:
        operations = contract.resources[name].operations
        wanted = {op.scope for verb, op in operations.items() if verb in {"create", "update"}}
        missing = sorted(wanted - allowed) if allowed is not None else []
        problems += [f"the authorisation lacks the scope {scope} (for {name})" for scope in missing]
    if problems:
        raise SettingError("; ".join(problems))
