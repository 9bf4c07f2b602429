"""The target: settings, messages in, STATE out, and the exit code."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections import deque
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any, ClassVar

import msgspec
from singer_sdk import Target
from singer_sdk.contrib.msgspec import MsgSpecReader
from singer_sdk.helpers.capabilities import PluginCapabilities
from singer_sdk.plugin_base import BaseSingerReader
from typing_extensions import override

from clearbooks import DISTRIBUTION
from clearbooks.errors import ClearBooksError, SettingError
from clearbooks.plugin import ConfiguredPlugin, config_schema
from clearbooks.program import SIGNALLED, run
from target_clearbooks.intent import WRITABLE, Rejected
from target_clearbooks.session import EXIT_REJECTED, Session, exit_code_of
from target_clearbooks.settings import TargetSettings
from target_clearbooks.source_key import source_key

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator
    from types import FrameType

    from singer_sdk.helpers.capabilities import CapabilitiesEnum

_AHEAD = 1000
_BEAT = 0.1
_INPUT = "input"
_MOST_LISTED = 20


class StoppedError(Exception):
    """A signal asked the run to end."""


class InputError(ClearBooksError):
    """The input is not what the Singer specification asks for."""

    exit_code = 2


class Lines:
    """Lines of a file, read in a thread of their own, so that nobody waits for a slow source.

    Args:
        file: Where they come from.
        idle: Called while none is there; what it raises ends the reading.
    """

    def __init__(self, file: IO[str], idle: Callable[[], None]) -> None:
        self._file = file
        self._idle = idle
        self._queue: queue.Queue[str | BaseException | None] = queue.Queue(_AHEAD)
        threading.Thread(target=self._read, name=_INPUT, daemon=True).start()

    def _read(self) -> None:
        try:
            for line in self._file:
                self._queue.put(line)
            self._queue.put(None)
        except (OSError, ValueError) as error:
            self._queue.put(error)

    def __iter__(self) -> Iterator[str]:
        while (line := self._next()) is not None:
            yield line

    def _next(self) -> str | None:
        while True:
            try:
                line = self._queue.get_nowait()
            except queue.Empty:
                self._idle()
                try:
                    line = self._queue.get(timeout=_BEAT / 10)
                except queue.Empty:
                    continue
            if isinstance(line, BaseException):
                raise InputError(f"the input cannot be read: {line}") from None
            return line


class Reader(MsgSpecReader):
    """The SDK's msgspec reader over `Lines`; a line that is no JSON is told without its content."""

    def __init__(self) -> None:
        super().__init__()
        self.idle: Callable[[], None] = lambda: None

    @override
    def process_lines(
        self, file_input: IO[str] | None, callbacks: dict[str, Callable[[dict[str, Any]], None]]
    ) -> Counter[str]:
        lines: Any = Lines(file_input or sys.stdin, self.idle)
        return super().process_lines(lines, callbacks)

    @override
    def deserialize_json(self, line: str) -> dict[str, Any]:
        try:
            found = _decoder.decode(line)
        except msgspec.DecodeError as error:
            raise InputError(f"a line of the input is no JSON: {error}") from None
        if not isinstance(found, dict):
            raise InputError("a line of the input is no Singer message")
        return found


_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)


class TargetClearbooks(ConfiguredPlugin[TargetSettings], Target):
    """Singer target for Clear Books, the UK accounting software."""

    name = "target-clearbooks"
    package_name = DISTRIBUTION
    message_reader_class = Reader
    settings_class = TargetSettings
    config_jsonschema: ClassVar[dict[str, Any]] = config_schema(TargetSettings)
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    @override
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.signal: int | None = None
        self._session: Session | None = None
        self._seq = 0
        self._states: deque[tuple[int, Any]] = deque()
        self._emitted: Any = None
        self._keys: dict[str, tuple[str, ...]] = {}
        self._ignored: set[str] = set()
        reader: Any = self.message_reader
        reader.idle = self._idle

    @classmethod
    @override
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        # The settings that the SDK adds for loaders of tables mean nothing here.
        super(BaseSingerReader, cls).append_builtin_config(config_jsonschema)

    @property
    def session(self) -> Session:
        """The run, begun when it is first needed."""
        if self._session is None:
            self._session = self.begin()
            self._session.recover()
        return self._session

    def begin(self) -> Session:
        """Make the run; a target over another protocol may bring a client of its own."""
        return Session(self.connection, self.settings, stopped=lambda: self.signal is not None)

    # Messages

    @override
    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        self._required(message_dict, "stream", "schema")
        stream = str(message_dict["stream"])
        schema = message_dict["schema"]
        if not isinstance(schema, dict):
            raise InputError(f"the SCHEMA of {stream} is no object")
        schema.setdefault("properties", {})
        self._register(stream, schema, message_dict.get("key_properties") or ())

    def _register(self, stream: str, schema: dict[str, Any], keys: Any) -> None:
        self.mapper.register_raw_stream_schema(stream, schema, list(keys))
        for stream_map in self.mapper.stream_maps[stream]:
            name = stream_map.stream_alias
            self._keys[name] = tuple(stream_map.transformed_key_properties or ())
            if name not in WRITABLE and not _dropped(stream_map):
                self._unknown(name)

    def _unknown(self, name: str) -> None:
        if self.settings.unknown_streams == "ignore":
            if name not in self._ignored:
                self.logger.warning("stream %s cannot be written and is ignored", name)
            self._ignored.add(name)
            return
        raise SettingError(
            f"stream {name!r} cannot be written; there are: {', '.join(WRITABLE)}. Rename it by a "
            "stream map, or set unknown_streams to ignore"
        )

    @override
    def _process_record_message(self, message_dict: dict[str, Any]) -> None:
        self._required(message_dict, "stream", "record")
        stream = str(message_dict["stream"])
        if not isinstance(message_dict["record"], dict):
            raise InputError(f"a RECORD of {stream} holds no object")
        if stream not in self.mapper.stream_maps:
            # A reject file that is piped back holds records alone.
            if stream not in WRITABLE:
                self._unknown(stream)
                return
            self._register(stream, {"properties": {}}, message_dict.get("key_properties") or ())
        for stream_map in self.mapper.stream_maps[stream]:
            record = stream_map.transform(dict(message_dict["record"]))
            if record is not None and stream_map.stream_alias not in self._ignored:
                self._submit(stream_map.stream_alias, dict(record))
        self._go_on()

    def _submit(self, stream: str, record: dict[str, Any]) -> None:
        self._seq += 1
        session = self.session
        keys = self._keys.get(stream, ())
        business = session.businesses[0]
        number = record.get("businessId")
        fault = None
        if number is not None:
            found = int(number) if str(number).isdigit() else None
            if found is not None and (found in session.engines or found in session.businesses):
                business = found
            else:
                fault = f"businessId: {number!r} is none of {_listed(session)}"
        elif len(session.businesses) > 1:
            fault = f"businessId: is needed, since there are several: {_listed(session)}"
        key = source_key(record, keys)
        if key is None:
            fault = fault or "externalId: is needed, since the stream has no key properties"
        engine = session.engine(business)
        if fault is not None:
            engine.reject(stream, record, key or f"line {self._seq}", Rejected((fault,)), keys)
            return
        engine.submit(stream, record, str(key), seq=self._seq, key_properties=keys)

    @override
    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        self._required(message_dict, "value")
        self._states.append((self._seq, message_dict["value"]))
        self._emit()

    @override
    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        self.logger.debug("ACTIVATE_VERSION is ignored: nothing is ever deleted by absence")

    @override
    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:
        raise InputError("BATCH messages are not supported; send RECORD messages")

    @staticmethod
    def _required(message: dict[str, Any], *names: str) -> None:
        missing = [name for name in names if name not in message]
        if missing:
            kind = message.get("type")
            raise InputError(f"a {kind} message lacks {', '.join(missing)}")

    # While it runs

    def _idle(self) -> None:
        if self._session is not None:
            self._session.pump()
            self._emit()
        self._stop_if_asked()

    def _go_on(self) -> None:
        """Take in no more than what may be under way; memory stays flat."""
        session = self.session
        session.pump()
        while session.live >= session.window:
            session.pump(_BEAT)
            self._stop_if_asked()
        self._stop_if_asked()
        if self.settings.on_reject == "fail" and session.rejected > 0:
            raise StoppedError
        self._emit()

    def _stop_if_asked(self) -> None:
        if self.signal is not None:
            raise StoppedError

    def _emit(self) -> None:
        """Print the newest STATE behind which everything is settled."""
        oldest = self._session.oldest if self._session else None
        newest: Any = None
        while self._states and (oldest is None or self._states[0][0] < oldest):
            newest = self._states.popleft()[1]
        if newest is not None and newest != self._emitted and not self.settings.dry_run:
            self._emitted = newest
            sys.stdout.write(json.dumps(newest, default=_number) + "\n")
            sys.stdout.flush()

    @override
    def process_endofpipe(self) -> None:
        self.session.drain()
        self._stop_if_asked()

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Ask the run to end; asked a second time, end at once."""
        if self.signal is not None:
            raise SystemExit(SIGNALLED + signum)
        self.signal = signum

    def run(self, file_input: IO[str] | None) -> int:
        """Read the input to its end; the exit code.

        Raises:
            ClearBooksError: something that ends the run; what is settled is put down first.
        """
        failed: BaseException | None = None
        code = 0
        try:
            self.listen(file_input)
        except StoppedError:
            pass
        except BaseException as error:
            failed = error
            raise
        finally:
            if self._session is not None:
                code = self._end(failed)
        return code

    def _end(self, failed: BaseException | None) -> int:
        session = self.session
        try:
            session.finish_flights()
            self._emit()
            code = exit_code_of(failed) if failed else session.exit_code()
            if self.settings.on_reject == "fail" and session.rejected:
                code = code or EXIT_REJECTED
            if self.signal is not None:
                code = SIGNALLED + self.signal
            session.end(code, failed)
        finally:
            session.close()
        return code

    @classmethod
    @override
    def invoke(  # type: ignore[override]
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: Any = None,
        file_input: IO[str] | None = None,
    ) -> None:
        if about:
            super().invoke(about=about, about_format=about_format)
        target = cls(
            config=config.config if config else {},
            parse_env_config=config.parse_env if config else False,
            validate_config=True,
        )
        code = target.run(file_input)
        if code:
            raise SystemExit(code)


def _dropped(stream_map: Any) -> bool:
    return type(stream_map).__name__ == "RemoveRecordTransform"


def _listed(session: Session) -> str:
    shown = ", ".join(map(str, session.businesses[:_MOST_LISTED]))
    left = len(session.businesses) - _MOST_LISTED
    return f"{shown} and {left} more" if left > 0 else shown


def _number(value: Any) -> Any:
    """A decimal of a STATE message as JSON writes numbers."""
    return int(value) if value == int(value) else float(value)


def main() -> None:
    """Run `target-clearbooks`: a user's mistake ends in one line, a signal in a non-zero code."""
    try:
        run(TargetClearbooks.cli, TargetClearbooks.logger)
    except SystemExit as stop:
        if isinstance(stop.code, int) and any(t.name == _INPUT for t in threading.enumerate()):
            # The source still has its end of the pipe open. Python would wait for the thread that
            # reads there, or fall over it.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(stop.code)
        raise
