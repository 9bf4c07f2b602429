"""How far each stream is: statuses, states and estimates, in the order the protocol wants."""

from __future__ import annotations

import copy
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airbyte_clearbooks.state import NOTHING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airbyte_clearbooks.protocol import Output

STARTED, RUNNING, COMPLETE, INCOMPLETE = "STARTED", "RUNNING", "COMPLETE", "INCOMPLETE"
# Seconds between two messages that the rate is limited.
QUIET = 5.0


@dataclass(slots=True)
class _Stream:
    status: str = ""
    counted: int = 0
    state: dict[str, Any] | None = None
    totals: dict[int | None, int] = field(default_factory=dict)
    estimate: int | None = None


class Statuses:
    """Tells of the streams of one run. Records and states come from one thread, totals from any."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self._streams: dict[str, _Stream] = {}
        self._lock = threading.Lock()
        self._quiet_until = 0.0
        self.failed = False

    def _stream(self, name: str) -> _Stream:
        return self._streams.setdefault(name, _Stream())

    def _status(self, name: str, status: str, **more: Any) -> None:
        self._stream(name).status = status
        self.output.trace(
            "STREAM_STATUS",
            stream_status={"stream_descriptor": {"name": name}, "status": status, **more},
        )

    def started(self, name: str) -> None:
        """Reading of a stream begins."""
        self._status(name, STARTED)

    @property
    def open(self) -> list[str]:
        """Streams that began and did not end."""
        return [name for name, s in self._streams.items() if s.status in {STARTED, RUNNING}]

    def records(self, name: str, records: Sequence[Any]) -> None:
        """Records of a stream; the first ones make it RUNNING."""
        stream = self._stream(name)
        if stream.status == STARTED:
            self._status(name, RUNNING)
        self._estimate(name, stream)
        self.output.records(name, records)
        stream.counted += len(records)

    def total(self, name: str, business: int | None, total: int) -> None:
        """How many records a stream of a business is going to have; the first word counts."""
        with self._lock:
            self._stream(name).totals.setdefault(business, total)

    def _estimate(self, name: str, stream: _Stream) -> None:
        with self._lock:
            if not stream.totals:
                return
            estimate = sum(stream.totals.values())
        if estimate != stream.estimate:
            stream.estimate = estimate
            self.output.trace(
                "ESTIMATE", estimate={"name": name, "type": "STREAM", "row_estimate": estimate}
            )

    def state(self, name: str, state: dict[str, Any]) -> None:
        """A state that holds for all records so far; the same one twice in a row is left out."""
        stream = self._stream(name)
        state = state or NOTHING
        if state == stream.state and not stream.counted:
            return
        stream.state = copy.deepcopy(state)
        counted, stream.counted = stream.counted, 0
        self.output.message(
            "STATE",
            state={
                "type": "STREAM",
                "stream": {"stream_descriptor": {"name": name}, "stream_state": state},
                # A double by the protocol: with a decimal point.
                "sourceStats": {"recordCount": float(counted)},
            },
        )

    def ended(self, name: str, *, complete: bool) -> None:
        """A stream ends; `state` came before."""
        if not complete:
            self.failed = True
        self._status(name, COMPLETE if complete else INCOMPLETE)

    def limited(self, seconds: float) -> None:
        """A 429 makes everybody wait; says so for the stream that is being read, now and then."""
        with self._lock:
            names = self.open
            if not names or time.monotonic() < self._quiet_until:
                return
            self._quiet_until = time.monotonic() + max(seconds, QUIET)
        reset = round((time.time() + seconds) * 1000)
        reason = {"type": "RATE_LIMITED", "rate_limited": {"quota_reset": reset}}
        self._status(names[0], RUNNING, reasons=[reason])
