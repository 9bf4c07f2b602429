"""The target: settings, messages in, STATE out, and the exit code."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import IO, TYPE_CHECKING, Any, ClassVar

from singer_sdk import Target
from singer_sdk.helpers.capabilities import PluginCapabilities
from singer_sdk.plugin_base import BaseSingerReader
from typing_extensions import override

from clearbooks.errors import OutputError
from clearbooks.exact_json import dumps
from clearbooks.plugin import ConfiguredPlugin, config_schema, stream_map_faults
from clearbooks.program import SIGNALLED, end_soon, keep_options, output_lost, run
from target_clearbooks.line_faults import LineError, check_message
from target_clearbooks.messages import MessageWriter, Result, StoppedError
from target_clearbooks.reader import THREAD, Reader
from target_clearbooks.settings import TargetSettings

if TYPE_CHECKING:
    from types import FrameType

    from singer_sdk.helpers.capabilities import CapabilitiesEnum


class TargetClearbooks(ConfiguredPlugin[TargetSettings], Target):
    """Singer target for Clear Books, the UK accounting software."""

    name = "target-clearbooks"
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
        self.result: Result | None = None
        self.writer = self.begin()
        self._emitted: Any = None
        self._output_lost = False
        reader: Any = self.message_reader
        reader.idle = self.writer.idle
        reader.failed = self._end
        reader.refused = self.writer.unusable

    @classmethod
    @override
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        # The settings that the SDK adds for loaders of tables mean nothing here.
        super(BaseSingerReader, cls).append_builtin_config(config_jsonschema)

    def begin(self) -> MessageWriter:
        """What takes in the messages; a target over another protocol makes its own."""
        return MessageWriter(
            self.connection, self.settings, self._settled, stopped=lambda: self.signal is not None
        )

    # Messages

    @override
    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        check_message(message_dict)
        schema = message_dict["schema"]
        schema.setdefault("properties", {})
        self._register(
            str(message_dict["stream"]), schema, message_dict.get("key_properties") or ()
        )

    def _register(
        self, stream: str, schema: dict[str, Any], keys: Any, *, announced: bool = True
    ) -> None:
        with stream_map_faults():
            self.mapper.register_raw_stream_schema(stream, schema, list(keys))
        for stream_map in self.mapper.stream_maps[stream]:
            if type(stream_map).__name__ != "RemoveRecordTransform":
                self.writer.schema(
                    stream_map.stream_alias,
                    stream_map.transformed_key_properties or (),
                    announced=announced,
                )

    @override
    def _process_record_message(self, message_dict: dict[str, Any]) -> None:
        check_message(message_dict)
        stream = str(message_dict["stream"])
        if stream not in self.mapper.stream_maps:
            # A reject file that is piped back holds records alone.
            keys = message_dict.get("key_properties") or ()
            self._register(stream, {"properties": {}}, keys, announced=False)
        reader: Any = self.message_reader
        self.writer.line = reader.line
        for stream_map in self.mapper.stream_maps[stream]:
            try:
                record = stream_map.transform(dict(message_dict["record"]))
            except Exception as error:  # noqa: BLE001 - an expression of a map may raise anything
                raise LineError(
                    f"stream_maps cannot map this record of {stream}: {type(error).__name__}"
                ) from None
            if record is not None:
                self.writer.record(stream_map.stream_alias, dict(record))
        self.writer.go_on()

    @override
    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        check_message(message_dict)
        self.writer.state(message_dict["value"])

    @override
    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        self.logger.debug("ACTIVATE_VERSION is ignored: nothing is ever deleted by absence")

    @override
    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:
        check_message(message_dict)

    def _settled(self, states: list[Any]) -> None:
        """Print the newest STATE behind which everything is settled."""
        if self._output_lost or states[-1] == self._emitted:
            return
        self._emitted = states[-1]
        try:
            sys.stdout.write(dumps(self._emitted) + "\n")
            sys.stdout.flush()
        except (OSError, ValueError, AttributeError) as error:
            self._output_lost = True
            output_lost()
            raise OutputError(
                f"STATE cannot be written to standard output ({error}); what was settled is in "
                "the state store, and is not sent again by the next run"
            ) from None

    # Its end

    @override
    def process_endofpipe(self) -> None:
        try:
            self.writer.drain()
        except BaseException as error:
            self._end(error)
            raise
        self._end(None)

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Ask the run to end; asked a second time, end at once."""
        if self.signal is not None:
            raise SystemExit(SIGNALLED + signum)
        self.signal = signum
        end_soon(signum)

    @property
    def exit_code(self) -> int:
        """What a program ends with that came to this."""
        return self.result.exit_code if self.result else 0

    def run(self, file_input: IO[str] | None) -> int:
        """Read the input to its end; the exit code.

        Raises:
            ClearBooksError: something that ends the run; what is settled is put down first.
        """
        with contextlib.suppress(StoppedError):
            self.listen(file_input)
        return self.exit_code

    def _end(self, failed: BaseException | None) -> None:
        signalled = SIGNALLED + self.signal if self.signal is not None else 0
        self.result = self.writer.end(failed, signalled) or self.result

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


def main() -> None:
    """Run `target-clearbooks`: a user's mistake ends in one line, a signal in a non-zero code."""
    keep_options(writes=True)
    try:
        run(TargetClearbooks.cli, TargetClearbooks.logger)
    except SystemExit as stop:
        if isinstance(stop.code, int) and any(t.name == THREAD for t in threading.enumerate()):
            # The source still has its end of the pipe open. Python would wait for the thread that
            # reads there, or fall over it.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(stop.code)
        raise
