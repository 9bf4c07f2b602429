"""Airbyte's messages, and the one place from which they leave the process."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import msgspec

from clearbooks.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

# Seconds that a stopped program may take to say how far it came.
LAST_WORDS = 8.0


class _Record(msgspec.Struct, gc=False):
    stream: str
    data: Any
    emitted_at: int


class _RecordMessage(msgspec.Struct, gc=False, tag_field="type", tag="RECORD"):
    record: _Record


class Stopped(BaseException):
    """SIGTERM or SIGINT came. Raised in the main thread, never in the middle of a line."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


def now() -> int:
    """Milliseconds since the epoch, as the protocol counts time."""
    return time.time_ns() // 1_000_000


class Output:
    """Writes messages, one JSON object a line; safe for threads.

    A line is written whole, also where a signal comes in the middle of it.

    Args:
        descriptor: File descriptor to write to.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._encoder = msgspec.json.Encoder(decimal_format="number")
        self._depth = 0
        self._pending: int | None = None

    @classmethod
    def claim(cls) -> Output:
        """Take standard output for messages alone; whatever else is printed goes to stderr.

        Raises:
            OutputError: it is closed.
        """
        try:
            descriptor = os.dup(1)
        except OSError:
            raise OutputError("standard output is closed") from None
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        return cls(descriptor)

    def message(self, kind: str, **parts: Any) -> None:
        """One message, such as `message("STATE", state={...})`."""
        self._write(self._encoder.encode({"type": kind, **parts}) + b"\n")

    def raw(self, message: Any) -> None:
        """One message that is complete already."""
        self._write(self._encoder.encode(message) + b"\n")

    def records(self, stream: str, records: Sequence[Any]) -> None:
        """RECORD messages for records that msgspec can encode."""
        at = now()
        self._write(
            self._encoder.encode_lines(
                [_RecordMessage(_Record(stream, record, at)) for record in records]
            )
        )

    def trace(self, kind: str, **parts: Any) -> None:
        """A TRACE message, such as `trace("ERROR", error={...})`."""
        self.message("TRACE", trace={"type": kind, "emitted_at": now(), **parts})

    def _write(self, data: bytes) -> None:
        with self.whole(), self._lock:
            view = memoryview(data)
            try:
                while view:
                    view = view[os.write(self._descriptor, view) :]
            except BrokenPipeError:
                raise OutputError("the program that reads the output went away") from None
            except OSError as error:
                raise OutputError(f"standard output cannot be written: {error.strerror}") from None

    @contextlib.contextmanager
    def whole(self) -> Iterator[None]:
        """Let signals wait until the block ends, in the main thread; others get none."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
        if not self._depth and self._pending is not None:
            signum, self._pending = self._pending, None
            raise Stopped(signum)

    def close(self) -> None:
        """Let a line that another thread is writing come to its end, and write no more."""
        self._lock.acquire(timeout=LAST_WORDS)

    # Signals

    def stop_on_signals(self) -> None:
        """Let SIGTERM and SIGINT raise `Stopped`; a second one ends the process at once."""
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._stop)

    def _stop(self, signum: int, frame: FrameType | None) -> None:
        del frame
        for other in (signal.SIGTERM, signal.SIGINT):
            signal.signal(other, signal.SIG_DFL)
        # Nobody may read any more, and then a write would wait for ever.
        signal.signal(signal.SIGALRM, lambda *_: end_by(signum))
        signal.setitimer(signal.ITIMER_REAL, LAST_WORDS)
        if self._depth:
            self._pending = signum
        else:
            raise Stopped(signum)


def end_by(signum: int) -> None:
    """End this process as the signal does: callers tell by that that it was stopped."""
    sys.stderr.flush()
    signal.signal(signum, signal.SIG_DFL)
    os.kill(os.getpid(), signum)
