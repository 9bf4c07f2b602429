"""Singer messages to standard output, a page at a time."""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib import StateMessage
from typing_extensions import override

from clearbooks.errors import OutputError
from clearbooks.program import output_lost

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk.singerlib.encoding.simple import Message

    from clearbooks.paging import Record


class _RecordMessage(msgspec.Struct, gc=False, omit_defaults=True):
    type: str
    stream: str
    record: Any
    time_extracted: str
    version: int | None = None


class PageWriter(MsgSpecWriter):
    """The SDK's msgspec writer, and a way to write many records of a stream at once.

    A line is written whole or, when the process is stopped, not finished by anything else: after
    an interrupted write nothing more goes out.
    """

    def __init__(self) -> None:
        super().__init__()
        self._encoder = msgspec.json.Encoder(decimal_format="number")
        self._broken = False

    @override
    def write_message(self, message: Message) -> None:
        if isinstance(message, StateMessage):
            # The SDK copies all keys of the state before it encodes them.
            plain = {"type": "STATE", "value": message.value}
            self._out(self._encoder.encode(plain) + b"\n")
        else:
            self._out(bytes(self.format_message(message)))

    def write_records(
        self, stream: str, records: Sequence[Record], version: int | None = None
    ) -> None:
        """RECORD messages for all records, in one write."""
        now = dt.datetime.now(dt.UTC).isoformat()
        self._out(
            self._encoder.encode_lines(
                [_RecordMessage("RECORD", stream, record, now, version) for record in records]
            )
        )

    def _out(self, data: bytes) -> None:
        if self._broken:
            return
        self._broken = True
        if sys.stdout is None:
            raise OutputError("standard output is closed")
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except (OSError, ValueError) as error:
            # What is still in the buffer cannot be written when the interpreter ends, either.
            output_lost()
            if isinstance(error, BrokenPipeError):
                raise OutputError("the program that reads the output went away") from None
            raise OutputError(f"standard output cannot be written: {error}") from None
        self._broken = False
