"""A Singer stream over a source: schema, selection, state, and the way records go out."""

from __future__ import annotations

import datetime as dt
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from msgspec import UNSET
from singer_sdk.mapper import RemoveRecordTransform, SameRecordTransform
from singer_sdk.singerlib import ActivateVersionMessage
from singer_sdk.streams import Stream
from typing_extensions import override

from tap_clearbooks.keys import copy_keys, key_fields
from tap_clearbooks.records import Shape, to_dict
from tap_clearbooks.schema import stream_schema
from tap_clearbooks.sources import Batch
from tap_clearbooks.streams import CARRIED_BY, STREAMS, resource

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Generator, Iterable, Mapping

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context

    from clearbooks.paging import Record
    from tap_clearbooks.keys import CopyKeys, Key
    from tap_clearbooks.run import Run
    from tap_clearbooks.sources import Bookmark, Source

    MakeSource = Callable[["ClearBooksStream", int | None], Source]

# STATE goes out after so many records or seconds, and when a stream ends.
STATE_RECORDS = 10_000
STATE_SECONDS = 30.0
# A STATE for each business that it tells of costs about as many bytes as so many records.
STATE_SHARE = 10


class ClearBooksStream(Stream):
    """One stream of the table in `streams.py`, for every business of the run.

    Args:
        source: Makes what reads it of a business, from its bookmark on.

    Attributes:
        deleted_at: The field that says when a record was found to have left the ledger.
    """

    deleted_at = "_sdc_deleted_at"

    def __init__(self, tap: Tap, run: Run, source: MakeSource, name: str) -> None:
        self.run = run
        self._source = source
        self.spec = STREAMS[name]
        self.resource = resource(name)
        # The SDK reads this as a plain attribute.
        self.selected_by_default = self.spec.selected
        super().__init__(tap, schema=stream_schema(name, self.deleted_at), name=name)
        self.logger.addFilter(_tells)
        self.primary_keys = self.resource.key
        self.replication_key = self.spec.cursor
        self.complete = True
        self._shape: Shape | None = None
        self.announced = False
        self._while_read = ExitStack()
        self._passed: dict[int | None, int | None] = {}
        # As they were before this run changed the state.
        self._bookmarks: dict[int | None, Bookmark | None] = {}
        self._copies: dict[int | None, CopyKeys] = {}
        self._records_since_state = 0
        self._state_written = time.monotonic()

    # State: one partition for each business

    @property
    @override
    def partitions(self) -> list[dict[str, Any]] | None:
        if not self.per_business:
            return None
        return [{"businessId": business} for business in self.run.businesses]

    @property
    def per_business(self) -> bool:
        """Whether it is read of each business; the list of businesses is not."""
        return self.name != "businesses"

    @property
    @override
    def selected(self) -> bool:
        """Whether it is to be read: streams that cost many requests need a setting besides."""
        chosen = self.mask.get((), True)
        return chosen and (self.spec.selected or self.run.attachments)

    @selected.setter
    def selected(self, value: bool | None) -> None:
        vars(Stream)["selected"].fset(self, value)

    @property
    def keeps_state(self) -> bool:
        """Whether the next run gets the state that this one leaves."""
        return True

    @property
    def incremental(self) -> bool:
        """Whether this run reads from the bookmark on."""
        return self.spec.cursor is not None and self.replication_method == "INCREMENTAL"

    @property
    def _remembers(self) -> bool:
        """Whether this run may send less than the whole stream."""
        waits = self.spec.waits and not self.emit_activate_version_messages
        return self.incremental or waits

    def bookmark(self, business: int | None) -> Bookmark | None:
        """What the last run kept for a business; None where everything is to be read."""
        if business not in self._bookmarks:
            self._bookmarks[business] = self._kept_bookmark(business)
        return self._bookmarks[business]

    def _kept_bookmark(self, business: int | None) -> Bookmark | None:
        state = self.get_context_state(self._partition(business))
        if not self._remembers or not {"replication_key_value", "read"} & state.keys():
            return None
        if self.spec.cursor and state.get("window", [None, None]) != self.run.window.text():
            self.logger.info(
                "%s: start_date or end_date is another than at the last run; reading it all",
                self.name,
            )
            return None
        found = dict(state)
        if self.spec.resumable and not self.run.window.read_within(found, self.run.window.reread):
            # All of it once more: no sign tells of a transaction that was rewritten in place.
            for name in ("replication_key_value", "position"):
                found.pop(name, None)
        return found

    def last_run(self, business: int) -> str:
        """ID of the newest run that came to this business; empty where none did."""
        return str(self.get_context_state(self._partition(business)).get("last_run") or "")

    def _partition(self, business: int | None) -> dict[str, int] | None:
        return None if business is None else {"businessId": business}

    def _keep(self, values: Mapping[str, Any], business: int | None) -> None:
        self.get_context_state(self._partition(business)).update(values)
        self._state_changed()

    def _state_changed(self) -> None:
        """Let the SDK write a STATE message at the next opportunity."""
        if hasattr(self, "state_manager"):
            self.state_manager.is_flushed = False
        else:
            # Before 0.54 the SDK kept this in the stream itself.
            self._is_state_flushed = False

    # Records

    @property
    def fast(self) -> bool:
        """Whether records go out as they are: no stream map, no flattening, no batch files."""
        return (
            hasattr(self._tap.message_writer, "write_records")
            and len(self.stream_maps) == 1
            and type(self.stream_maps[0]) is SameRecordTransform
            and not self.stream_maps[0].flattening_enabled
            and not (self.name in CARRIED_BY.values() and not all(self.mask.values()))
            and self.ABORT_AT_RECORD_COUNT is None
        )

    @property
    def shape(self) -> Shape:
        """Decodes records: on the fast path with the selected fields only.

        A stream whose pages carry another one is decoded whole, so that it can.
        """
        if self._shape is None:
            needed = {self.spec.cursor, *self.resource.key}
            whole = not self.fast or self.name in CARRIED_BY.values()
            mask = {} if whole else self.mask

            def selected(crumb: tuple[str, ...]) -> bool:
                return crumb[1] in needed or bool(mask.get(crumb, True))

            self._shape = Shape(self.name, self.schema, selected)
        return self._shape

    @override
    def get_records(self, context: Context | None) -> Iterable[dict[str, Any]]:
        """Records as dicts, for the SDK's own loop: `--test` and BATCH."""
        business = context["businessId"] if context else None
        for batch in self._source(self, business).batches():
            for record in self._of(batch, None):
                yield to_dict(record)

    @override
    def _sync_records(
        self, context: Context | None = None, *, write_messages: bool = True
    ) -> Generator[dict[str, Any], Any, Any]:
        # `--test` asks for every stream.
        if self.selected:
            yield from super()._sync_records(context, write_messages=write_messages)

    def emit(self, batch: Batch, business: int | None) -> int:
        """Write a batch and keep its bookmark; returns how many records went out."""
        if business not in self._passed:
            bookmark = self.bookmark(business) or {}
            # Pages that two streams share are read from the older of their bookmarks on.
            shared = self.name in CARRIED_BY or self.name in CARRIED_BY.values()
            self._passed[business] = bookmark.get("replication_key_value") if shared else None
        passed = self._passed[business]
        records, keys = self._of(batch, passed), self._keys(business)
        late: list[Record] = []
        if passed is not None:
            # They went out before, and are still there; or they came late.
            before = self._of(Batch([r for r in batch.records if r.id <= passed]), None)
            late = keys.unknown(before)
            # First the records: no later run would send them again.
            self._write(late)
            keys.add(before)
        if records:
            if keys.add(records):
                # Before the records: after a kill no row may be there that the state knows not of.
                self._keep({"keys": keys.kept}, business)
                if self.owes_state(len(records)):
                    self._flush_state()
            self._write(records)
        gone: list[Key] = []
        if batch.covers is not None:
            gone = keys.leave(batch.covers)
            # A message ACTIVATE_VERSION says it of all at once.
            if self._stream_version is None and self.deleted_at in self.shape.fields:
                self._write([self._tombstone(key, business) for key in gone])
            self.run.gone[self.name] += len(gone)
            self._keep({"keys": keys.kept}, business)
        if batch.bookmark is not None and self._remembers:
            # What it has passed did not go out again: the last whole reading is the one before.
            same = set() if passed is None else {"read"}
            kept = {name: value for name, value in batch.bookmark.items() if name not in same}
            self._keep(kept | {"replication_key": self.spec.cursor}, business)
        self._counter.increment(len(late) + len(records))
        self._records_since_state += len(late) + len(records) + len(gone)
        due = time.monotonic() - self._state_written > STATE_SECONDS
        if self._records_since_state >= STATE_RECORDS or (due and self._records_since_state):
            self._flush_state()
        return len(late) + len(records)

    def owes_state(self, coming: int = 0) -> bool:
        """Whether more records went out, or are about to, than may be lost to the state.

        One business is told of before each batch; a STATE of many is worth more records, since it
        grows with the businesses.
        """
        return self._records_since_state + coming > STATE_SHARE * (len(self.run.businesses) - 1)

    def _write(self, records: list[Record]) -> None:
        if not records:
            return
        if self.fast:
            writer: Any = self._tap.message_writer
            writer.write_records(self.name, records, self._stream_version)
        else:
            for record in records:
                self._write_record_message(to_dict(record))
        self._state_changed()

    def _keys(self, business: int | None) -> CopyKeys:
        """The keys of what the loaded table holds of a business."""
        if business not in self._copies:
            state = self.get_context_state(self._partition(business))
            # What lies outside of narrower dates is still in the ledger, and stays in the table.
            known = not state.get("window") or self.run.window.within(state["window"])
            self._copies[business] = copy_keys(self.name, state.get("keys", []) if known else [])
        return self._copies[business]

    def holds(self, business: int | None, key: Key) -> bool:
        """Whether the loaded table holds a record of a business."""
        return key in self._keys(business)

    def _tombstone(self, key: Key, business: int | None) -> Record:
        """A record that says that one has left the ledger: its key, and nulls besides."""
        values = dict.fromkeys(self.shape.fields)
        values |= zip(key_fields(self.name), key if isinstance(key, tuple) else (key,), strict=True)
        # A business is its own.
        values["businessId"] = key if business is None else business
        now = dt.datetime.now(dt.UTC).isoformat()
        return self.shape.type(**values | {self.deleted_at: now})

    def _of(self, batch: Batch, after: int | None) -> list[Record]:
        """The records of this stream in a batch, without those it has passed before."""
        records = batch.records
        if after is not None:
            records = [record for record in records if record.id > after]
        if self.name not in CARRIED_BY:
            return records
        return [line for record in records for line in _lines(record, self.shape.type)]

    def _flush_state(self) -> None:
        self._write_state_message()
        self._records_since_state = 0
        self._state_written = time.monotonic()

    # Messages around the records

    def announce(self) -> None:
        """Write the SCHEMA message: once, before the first business."""
        self._write_schema_message()
        self._counter = self._while_read.enter_context(self.get_record_counter())
        if self.replication_method == "FULL_TABLE" and self.emit_activate_version_messages:
            self._stream_version = self._tap.initialized_at

    def came_to(self, business: int | None) -> None:
        """Note that this run has read a business, or tried to; its keys are in the state."""
        self._copies.pop(business, None)
        self._keep({"last_run": self.run.id}, business)

    def checkpoint(self) -> None:
        """STATE, between two readings."""
        self._flush_state()

    def finish(self) -> None:
        """After the last business: ACTIVATE_VERSION, where everything was read, and STATE."""
        self.close()
        if self._stream_version is not None:
            if self.complete:
                self._activate_version(self._stream_version)
            else:
                self.logger.warning(
                    "%s was not read whole: no ACTIVATE_VERSION, nothing is deleted", self.name
                )
        self._flush_state()

    def close(self) -> None:
        """Tell how many records there were."""
        self._while_read.close()

    @override
    def _write_schema_message(self) -> None:
        if not self.announced:
            self.announced = True
            super()._write_schema_message()

    def _activate_version(self, version: int) -> None:
        # By our own writer, in order with the records: the SDK before 0.54.7 goes past it.
        for stream_map in self.stream_maps:
            if not isinstance(stream_map, RemoveRecordTransform):
                self._tap.write_message(ActivateVersionMessage(stream_map.stream_alias, version))

    @override
    def _write_activate_version_message(self, full_table_version: int) -> None:
        """Not yet: the SDK calls this before the records, `finish` does it after them."""
        self._stream_version = self._tap.initialized_at


def _tells(record: logging.LogRecord) -> bool:
    """Whether a log line says what happened; of an error, the program itself does."""
    return not record.getMessage().startswith("An unhandled error occurred while syncing")


def _lines(transaction: Record, line_type: Any) -> Iterable[Record]:
    """The lines of a transaction, numbered from 1 in the order in which they came."""
    lines = transaction.lines
    if lines is UNSET or lines is None:
        return
    fields = line_type.__struct_fields__
    for number, line in enumerate(lines, 1):
        record = line_type(
            businessId=transaction.businessId, transactionId=transaction.id, lineNumber=number
        )
        if "accountingDate" in fields:
            record.accountingDate = transaction.accountingDate
        if "accountCodeId" in fields:
            record.accountCodeId = line.accountCodeId
        if "amount" in fields:
            record.amount = line.amount
        yield record
