"""Lines of the input: read in a thread, so that writing goes on while the source is slow."""

from __future__ import annotations

import queue
import sys
import threading
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any

import msgspec
from singer_sdk.contrib.msgspec import MsgSpecReader
from typing_extensions import override

from clearbooks.errors import ClearBooksError

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator

_AHEAD = 1000
_BEAT = 0.01
THREAD = "input"


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
        threading.Thread(target=self._read, name=THREAD, daemon=True).start()

    def _read(self) -> None:
        try:
            for line in self._file:
                self._queue.put(line)
            self._queue.put(None)
        except BaseException as error:  # noqa: BLE001 - whatever it is, nobody must wait for ever
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
                    line = self._queue.get(timeout=_BEAT)
                except queue.Empty:
                    continue
            if isinstance(line, BaseException):
                raise InputError(f"the input cannot be read: {line}") from None
            return line


class Reader(MsgSpecReader):
    """The SDK's msgspec reader over `Lines`; a line that is no JSON is told without its content.

    Attributes:
        idle: Called while no line is there; what it raises ends the reading.
        failed: Called with whatever ends the reading before the input does.
        line: The number of the newest line.
    """

    def __init__(self) -> None:
        super().__init__()
        self.idle: Callable[[], None] = lambda: None
        self.failed: Callable[[BaseException], None] = lambda _: None
        self.line = 0

    @override
    def process_lines(
        self, file_input: IO[str] | None, callbacks: dict[str, Callable[[dict[str, Any]], None]]
    ) -> Counter[str]:
        try:
            return self._process(file_input or sys.stdin, callbacks)
        except BaseException as error:
            self.failed(error)
            raise

    def _process(
        self, source: IO[str] | None, callbacks: dict[str, Callable[[dict[str, Any]], None]]
    ) -> Counter[str]:
        # Python has no standard input where it was started with a closed one.
        if source is None:
            raise InputError(
                "there is no input: standard input is closed; pipe Singer messages in, or name a "
                "file with --input"
            )
        lines: Any = Lines(source, self.idle)
        return super().process_lines(lines, callbacks)

    @override
    def deserialize_json(self, line: str) -> dict[str, Any]:
        self.line += 1
        try:
            found = _decoder.decode(line)
        except msgspec.DecodeError as error:
            raise InputError(f"a line of the input is no JSON: {error}") from None
        if not isinstance(found, dict):
            raise InputError("a line of the input is no Singer message")
        return found


_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)
