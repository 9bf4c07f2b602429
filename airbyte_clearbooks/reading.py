"""`discover` and `read`: the tap, with Airbyte's messages instead of Singer's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib import RecordMessage
from typing_extensions import override

from airbyte_clearbooks import catalog as catalogs
from airbyte_clearbooks.command import Failed
from airbyte_clearbooks.faults import describe, trace_error
from airbyte_clearbooks.protocol import Stopped
from airbyte_clearbooks.state import UNFINISHED, out, read_state
from airbyte_clearbooks.statuses import Statuses
from clearbooks.errors import OutputError, SettingError
from tap_clearbooks.observed import ObservedClient
from tap_clearbooks.stream import ClearBooksStream
from tap_clearbooks.streams import STREAMS
from tap_clearbooks.tap import TapClearbooks
from tap_clearbooks.writer import PageWriter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from singer_sdk.singerlib.encoding.simple import Message

    from airbyte_clearbooks.catalog import Chosen
    from airbyte_clearbooks.config import Config
    from airbyte_clearbooks.protocol import Output
    from clearbooks.client import Client
    from tap_clearbooks.sources import Batch


class _Writer(PageWriter):
    """Takes the tap's records; schemas and states are told by the streams themselves."""

    def __init__(self, statuses: Statuses) -> None:
        super().__init__()
        self._statuses = statuses

    @override
    def write_message(self, message: Message) -> None:
        if isinstance(message, RecordMessage):
            self._statuses.records(message.stream, [message.record])

    @override
    def write_records(
        self, stream: str, records: Sequence[Any], version: int | None = None
    ) -> None:
        self._statuses.records(stream, records)


class AirbyteStream(ClearBooksStream):
    """A stream that tells its status and keeps a state of its own."""

    _tap: SourceTap
    deleted_at = "_ab_cdc_deleted_at"
    unfinished = False

    @property
    @override
    def keeps_state(self) -> bool:
        return self.incremental

    @override
    def announce(self) -> None:
        super().announce()
        self._tap.statuses.started(self.name)

    @override
    def emit(self, batch: Batch, business: int | None) -> int:
        # A signal does not come between records and their bookmark.
        with self._tap.statuses.output.whole():
            return super().emit(batch, business)

    @override
    def _flush_state(self) -> None:
        super()._flush_state()
        bookmarks = self._tap.state.get("bookmarks", {}).get(self.name, {})
        state = out(bookmarks) if self.keeps_state else {}
        if self.unfinished and state:
            state[UNFINISHED] = True
        self._tap.statuses.state(self.name, state)

    @override
    def finish(self) -> None:
        self.unfinished = self.unfinished and not self.complete
        super().finish()
        leader = self._tap.plan.leader(self).name
        for failure in self._tap.plan.failures:
            if failure.stream == leader:
                business = failure.business
                where = "the authorisation" if business is None else f"business {business}"
                message = f"{self.name} of {where} was not read: {describe(failure.error)}"
                trace_error(self._tap.statuses.output, failure.error, self.name, message)
        self._tap.statuses.ended(self.name, complete=self.complete)

    def interrupted(self) -> None:
        """Say how far the stream came, where the run ends before it does."""
        self._flush_state()
        self._tap.statuses.ended(self.name, complete=False)


class SourceTap(TapClearbooks):
    """The tap of one command."""

    stream_class = AirbyteStream

    def __init__(
        self, config: Config, output: Output, state: Mapping[str, Any] | None = None
    ) -> None:
        self.statuses = Statuses(output)
        self._airbyte_config = config
        super().__init__(
            config=dict(config.settings),
            state={"bookmarks": dict(state or {})},
            message_writer=_Writer(self.statuses),
        )

    @override
    def connect(self) -> Client:
        tokens = self._airbyte_config.tokens(self.connection, self.statuses.output)
        client = ObservedClient(self.connection, self.count, tokens)
        client.pacer.waiting = self.statuses.limited
        return client

    @override
    def expect(self, name: str, business: int | None, records: int) -> None:
        self.statuses.total(name, business, records)

    @override
    def checkpoint(self, stream: ClearBooksStream) -> None:
        # Each has a state of its own.
        for name in self.statuses.open:
            self.stream(name).checkpoint()

    def stream(self, name: str) -> AirbyteStream:
        """A stream by its name."""
        found = self.streams[name]
        assert isinstance(found, AirbyteStream)  # noqa: S101 - for the type checker
        return found

    def allows(self, name: str) -> bool:
        """Whether the settings allow a stream: attachments cost one request for each document."""
        return STREAMS[name].selected or self.settings.attachments

    def choose(self, chosen: Sequence[Chosen]) -> None:
        """Select streams, modes and fields.

        Raises:
            SettingError: a stream that the settings do not allow. Nothing could be told of it: a
                stream that ends without records empties its table, and another one the sync.
        """
        wanted = {item.name: item for item in chosen}
        for name in wanted:
            if not self.allows(name):
                raise SettingError(
                    f"{name}: it costs one request for each document; set attachments to true to "
                    "read it, or leave the stream out"
                )
        for name in self.streams:
            stream, item = self.stream(name), wanted.get(name)
            if item is None:
                stream.selected = False
                continue
            if item.fields:
                for crumb, entry in stream.metadata.items():
                    if len(crumb) == 2 and crumb[1] not in item.fields:  # noqa: PLR2004 - a field
                        entry.selected = False
            stream.selected = True
            full = item.sync_mode == catalogs.FULL
            stream.unfinished = full and stream.spec.resumable
            whole = stream.spec.cursor is None or (full and not stream.spec.resumable)
            stream.forced_replication_method = "FULL_TABLE" if whole else "INCREMENTAL"


def discover(config: Config, output: Output) -> None:
    """CATALOG: what can be read."""
    tap = SourceTap(config, output)
    streams = []
    for name in config.streams or STREAMS:
        if not tap.allows(name):
            continue
        stream = tap.stream(name)
        cursor = stream.spec.cursor
        streams.append(
            catalogs.stream(
                name, stream.schema, stream.resource.key, cursor, resumable=stream.spec.resumable
            )
        )
    output.message("CATALOG", catalog={"streams": streams})


def read(config: Config, output: Output, catalog: Any, state: Any) -> None:
    """RECORD and STATE of the streams of a configured catalog."""
    chosen = catalogs.read_configured(catalog, STREAMS)
    states = read_state(state)
    for item in chosen:
        known = states.get(item.name, {})
        going_on = known.pop(UNFINISHED, False)
        if item.sync_mode == catalogs.FULL and not (going_on and STREAMS[item.name].resumable):
            states.pop(item.name, None)
    tap = SourceTap(config, output, {i.name: states[i.name] for i in chosen if i.name in states})
    tap.choose(chosen)
    output.stop_on_signals()
    try:
        tap.sync_all()
    except (Stopped, OutputError):
        raise
    except Exception as error:
        names = tap.statuses.open
        for name in names:
            trace_error(output, error, name)
        if not names:
            raise
        raise Failed(error) from error
    finally:
        _close(tap)
    if tap.statuses.failed:
        raise Failed


def _close(tap: SourceTap) -> None:
    for name in tap.statuses.open:
        tap.stream(name).interrupted()
    tap.close()
