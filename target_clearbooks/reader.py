"""Lines of the input: read in a thread, so that writing goes on while the source is slow."""

from __future__ import annotations

import queue
import sys
import threading
from collections import Counter
from typing import IO, TYPE_CHECKING, Any

from singer_sdk.contrib.msgspec import MsgSpecReader
from typing_extensions import override

from target_clearbooks.line_faults import (
    ADVICE,
    LINE,
    LONGEST,
    InputError,
    LineError,
    check_message,
    decode,
    too_long,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Bytes that are read at once, and read ahead; a longer line is held alone.
_CHUNK = 64 * 1024
_AHEAD = 4 * 1024 * 1024
_BEAT = 0.01
THREAD = "input"

_Line = bytes | LineError


class _Ahead(queue.Queue["list[_Line] | BaseException | None"]):
    """Lists of lines; its size is that of the lines."""

    @override
    def _init(self, maxsize: int) -> None:
        super()._init(maxsize)
        self._held = 0

    @override
    def _qsize(self) -> int:
        return self._held

    @override
    def _put(self, item: Any) -> None:
        super()._put(item)
        self._held += _size(item)

    @override
    def _get(self) -> Any:
        item = super()._get()
        self._held -= _size(item)
        return item


def _size(item: Any) -> int:
    lines = item if isinstance(item, list) else ()
    return 1 + sum(len(line) for line in lines if isinstance(line, bytes))


class Lines:
    """Lines of a file, read in a thread of their own, so that nobody waits for a slow source.

    Args:
        file: Where they come from.
        idle: Called while none is there; what it raises ends the reading.
    """

    def __init__(self, file: IO[str] | IO[bytes], idle: Callable[[], None]) -> None:
        # Bytes, where there are some: which encoding they have is seen line by line.
        self._file = getattr(file, "buffer", file)
        self._idle = idle
        self._queue = _Ahead(_AHEAD)
        threading.Thread(target=self._read, name=THREAD, daemon=True).start()

    def _read(self) -> None:
        try:
            self._split()
            self._queue.put(None)
        except BaseException as error:  # noqa: BLE001 - whatever it is, nobody must wait for ever
            self._queue.put(error)

    def _split(self) -> None:
        # What is there, at once; `read` would wait for the whole of it.
        read = getattr(self._file, "read1", self._file.read)
        begun: list[bytes] = []
        length = 0
        while chunk := read(_CHUNK):
            data = chunk.encode(errors="surrogatepass") if isinstance(chunk, str) else chunk
            first, *more = data.split(b"\n")
            length += len(first)
            if length <= LONGEST:
                begun.append(first)
            else:
                begun.clear()
            if more:
                whole: _Line = b"".join(begun) if length <= LONGEST else too_long()
                self._queue.put([whole, *more[:-1]])
                begun, length = more[-1:], len(more[-1])
        if length:
            self._queue.put([b"".join(begun) if length <= LONGEST else too_long()])

    def __iter__(self) -> Iterator[_Line]:
        while (lines := self._next()) is not None:
            yield from lines

    def _next(self) -> list[_Line] | None:
        while True:
            try:
                found = self._queue.get_nowait()
            except queue.Empty:
                self._idle()
                try:
                    found = self._queue.get(timeout=_BEAT)
                except queue.Empty:
                    continue
            if isinstance(found, BaseException):
                raise InputError(f"the input cannot be read: {found}") from None
            return found


class Reader(MsgSpecReader):
    """The SDK's msgspec reader over `Lines`; a line that nobody can use is handed to `refused`.

    Attributes:
        idle: Called while no line is there; what it raises ends the reading.
        failed: Called with whatever ends the reading before the input does.
        refused: Called with the number, the line and the fault of one that cannot be used.
        line: The number of the newest line.
        advice: What to do where the first line is no message.
    """

    advice = ADVICE

    def __init__(self) -> None:
        super().__init__()
        self.idle: Callable[[], None] = lambda: None
        self.failed: Callable[[BaseException], None] = lambda _: None
        self.refused: Callable[[int, bytes, LineError], None] = _raise
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
        kinds: Counter[str] = Counter()
        self.line = 0
        for line in Lines(source, self.idle):
            self.line += 1
            try:
                if isinstance(line, LineError):
                    raise line
                message = self.message(line)
                if message is None:
                    continue
                kind = message.get("type")
                callback = callbacks.get(kind) if isinstance(kind, str) else None
                if callback is None:
                    self._process_unknown_message(message)
                else:
                    callback(message)
                kinds[kind or ""] += 1
            except LineError as fault:
                if not fault.is_message and not kinds:
                    raise InputError(f"line {self.line}: {fault}. {self.advice}") from None
                self.refused(self.line, b"" if isinstance(line, LineError) else line, fault)
                kinds["REFUSED"] += 1
        return kinds

    def message(self, line: bytes) -> dict[str, Any] | None:
        """The message of a line; None for a blank one.

        Raises:
            LineError: it is none.
        """
        found = decode(line)
        if found is not None and found.get("type") == LINE and isinstance(found.get("text"), str):
            # A line that was refused before, out of a reject file.
            return decode(found["text"].encode(errors="surrogatepass"))
        return found

    @override
    def _process_unknown_message(self, message_dict: dict[str, Any]) -> None:
        check_message(message_dict)


def _raise(_number: int, _line: bytes, fault: LineError) -> None:
    raise fault
