"""Singer messages into the ledger: what the programs and the library call have in common.

Records are handed to the business that they are for, no more at once than may be under way, and a
STATE is passed on once everything before it is settled.
"""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from clearbooks.errors import SettingError, exit_code_of
from target_clearbooks.expand import TRANSFERS, expanded, written_as
from target_clearbooks.intent import Rejected, in_range
from target_clearbooks.ledger.records import id_number
from target_clearbooks.line_faults import TOO_DEEP, LineError, check_message, is_too_deep
from target_clearbooks.session import EXIT_REJECTED, Session
from target_clearbooks.source_key import source_key, spelled
from target_clearbooks.writable import WRITABLE, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from clearbooks.client import Client
    from clearbooks.settings import Connection
    from target_clearbooks.deliver.reject_report import Told
    from target_clearbooks.settings import TargetSettings

logger = logging.getLogger("target-clearbooks")

_WAIT = 0.1
_MOST_LISTED = 20


class StoppedError(Exception):
    """The run was asked to end before its input did: by a signal, or by the first reject."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to.

    Attributes:
        run: Its name, as `clearbooks syncs` lists it.
        exit_code: What a program ends with that came to this: 0, 3 or 4 (see docs/write.md).
        streams: How many records of each stream had which outcome.
        left: What is still open, by state, also of earlier runs.
        rejected: How many records were refused.
        requests: How many requests were made.
        state: The newest STATE behind which everything is settled; None where there is none.
    """

    run: str
    exit_code: int
    streams: Mapping[str, Mapping[str, int]]
    left: Mapping[str, int]
    rejected: int
    requests: int
    state: Any = None


class MessageWriter:
    """Writes what Singer messages bring; `end` it, however it goes.

    Args:
        connection: How to reach the API.
        settings: Of the target.
        settled: Called with the STATEs behind which everything has been settled, in order.
        stopped: Whether a signal has asked to end.
        client: Replaces the client that the connection makes.
        refused: Called with each refused record or line.
    """

    def __init__(
        self,
        connection: Connection,
        settings: TargetSettings,
        settled: Callable[[list[Any]], None],
        *,
        stopped: Callable[[], bool] = lambda: False,
        client: Callable[[], Client] | None = None,
        refused: Told | None = None,
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._settled = settled
        self._stopped = stopped
        self._client = client
        self._refused = refused
        self._session: Session | None = None
        self._keys: dict[str, tuple[str, ...]] = {}
        self._ignored: set[str] = set()
        self._states: deque[tuple[int, Any]] = deque()
        # How many records have come: the place of the newest.
        self.place = 0
        # The line of the input that is being read; 0 where nobody counts lines.
        self.line = 0

    def _begun(self) -> Session:
        """The run, begun when it is first needed."""
        if self._session is None:
            self._session = Session(
                self._connection,
                self._settings,
                stopped=self._stopped,
                client=self._client() if self._client else None,
            )
            self._session.rejects.told = self._refused
            self._session.recover()
        return self._session

    # Messages

    def message(self, message: Mapping[str, Any]) -> None:
        """Take in a message as it came.

        Raises:
            LineError: it is none, or lacks something; the run can go on without it.
            InputError: it is of a type that no run can go on without.
            SettingError: its stream cannot be written.
            StoppedError: the run is to end.
            ClearBooksError: something that ends the run.
        """
        self.line += 1
        check_message(message)
        if is_too_deep(message):
            raise LineError(TOO_DEEP)
        kind = message["type"]
        if kind == "SCHEMA":
            self.schema(str(message["stream"]), message.get("key_properties") or ())
        elif kind == "RECORD":
            keys = message.get("key_properties")
            if keys and message["stream"] not in self._keys:
                self.schema(str(message["stream"]), keys, announced=False)
            self.record(str(message["stream"]), dict(message["record"]))
            self.go_on()
        elif kind == "STATE":
            self.state(message["value"])

    def schema(self, stream: str, key_properties: Sequence[str], *, announced: bool = True) -> None:
        """Take in that records of a stream come, and what identifies them.

        Raises:
            SettingError: it cannot be written.
            LineError: the same, of one that no SCHEMA message has announced.
        """
        if stream in WRITABLE or stream == TRANSFERS:
            self._keys[stream] = tuple(key_properties)
            return
        if self._settings.unknown_streams != "ignore":
            first = not (self.place or self._keys)
            raise (SettingError if announced or first else LineError)(
                f"stream {stream!r} cannot be written; there are: "
                f"{', '.join((*WRITABLE, TRANSFERS))}. Rename it by a stream map, or set "
                "unknown_streams to ignore"
            )
        if stream not in self._ignored:
            logger.warning("stream %s cannot be written and is ignored", stream)
        self._keys[stream] = tuple(key_properties)
        self._ignored.add(stream)

    def unusable(self, line: int, text: bytes, fault: LineError) -> None:
        """Refuse a line that is no message, or lacks something.

        Args:
            line: Its number in the input.
            text: The line itself, for the reject file.
            fault: What is wrong with it.
        """
        words = f"line {line}: {fault}"
        found = fault.message
        if found is not None and found.get("type") == "RECORD":
            with contextlib.suppress(LineError):
                check_message(found)
                self.record(str(found["stream"]), found["record"], words)
                self.go_on()
                return
        self._begun().refuse_line(line, text, words)
        self.go_on()

    def record(self, stream: str, record: Mapping[str, Any], fault: str | None = None) -> None:
        """Take in a record; with a fault it is refused for that."""
        if stream not in self._keys:
            # A reject file that is piped back holds records alone.
            self.schema(stream, (), announced=False)
        if stream in self._ignored:
            return
        keys = self._keys[stream]
        try:
            parts = expanded(stream, record, keys)
        except ValueError as error:
            parts, fault = [(written_as(stream), dict(record))], fault or str(error)
        for n, (name, part) in enumerate(parts):
            self._submit(name, part, () if n else keys, fault)

    def _submit(
        self, stream: str, record: Mapping[str, Any], keys: tuple[str, ...], fault: str | None
    ) -> None:
        self.place += 1
        session = self._begun()
        business, strange = _business_of(stream, record, session.businesses)
        fault = fault or strange
        key = source_key(record, keys, self._settings.source)
        if key is None:
            fault = fault or "externalId: is needed, since the stream has no key properties"
        fault = next(_out_of_range(record), None) or fault
        writer = session.writer(business)
        if fault is not None:
            writer.reject(stream, record, key or f"line {self.place}", Rejected((fault,)), keys)
            return
        line = self.line or self.place
        with session.about(business):
            writer.submit(stream, record, str(key), line=line, seq=self.place, key_properties=keys)

    def state(self, value: Any) -> None:
        """Take in a STATE."""
        self._states.append((self.place, value))
        if self._session is not None:
            self._session.begin_all()
            self._session.advance()
        self._pass_on(self._session)

    def _pass_on(self, session: Session | None) -> None:
        oldest = session.oldest if session else None
        passed = []
        while self._states and (oldest is None or self._states[0][0] < oldest):
            passed.append(self._states.popleft()[1])
        if passed and not self._settings.dry_run:
            self._settled(passed)

    # On and to the end

    def go_on(self) -> None:
        """Go on until there is room for another record; memory stays flat."""
        session = self._begun()
        session.advance()
        while session.live >= session.window or session.full:
            session.advance(_WAIT)
            self._stop_if_asked()
        self._stop_if_asked()
        if self._settings.on_reject == "fail" and session.rejected > 0:
            raise StoppedError
        self._pass_on(session)

    def idle(self) -> None:
        """Go on while no message is there."""
        if self._session is not None:
            self._session.advance()
            self._pass_on(self._session)
        self._stop_if_asked()

    def drain(self) -> None:
        """Go on until everything is settled."""
        self._begun().drain()
        self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if self._stopped():
            raise StoppedError

    def end(self, failed: BaseException | None = None, signalled: int = 0) -> Result | None:
        """End the run, however it comes to that: the business is free for others then.

        Args:
            failed: What ended it; a `StoppedError` is no failure.
            signalled: The exit code of a program that a signal has stopped.

        Returns:
            What it came to; None where no run was begun.
        """
        session, self._session = self._session, None
        if session is None:
            return None
        if isinstance(failed, StoppedError):
            failed = None
        try:
            session.finish_flights()
            self._pass_on(session)
            code = exit_code_of(failed) if failed else session.exit_code()
            if self._settings.on_reject == "fail" and session.rejected:
                code = code or EXIT_REJECTED
            code = signalled or code
            session.end(code, failed)
            summary = session.summary(code)
            return Result(
                summary["run"],
                code,
                summary["streams"],
                summary["left"],
                session.rejected,
                summary["requests"],
            )
        finally:
            session.close()


def _business_of(
    stream: str, record: Mapping[str, Any], businesses: Sequence[int]
) -> tuple[int, str | None]:
    """The business that a record is for, and what is wrong with that."""
    # A record of a business may name it by its own ID.
    own = ("id", "externalId") if WRITABLE[stream].kind is Kind.BUSINESS else ()
    name = next((name for name in ("businessId", *own) if record.get(name) is not None), "")
    number = record.get(name)
    if not name:
        several = f"businessId: is needed, since there are several: {_listed(businesses)}"
        return businesses[0], several if len(businesses) > 1 else None
    found = id_number(spelled(number))
    if found is not None and found in businesses:
        return found, None
    return businesses[0], f"{name}: {number!r} is none of {_listed(businesses)}"


def _listed(businesses: Sequence[int]) -> str:
    shown = ", ".join(map(str, businesses[:_MOST_LISTED]))
    left = len(businesses) - _MOST_LISTED
    return f"{shown} and {left} more" if left > 0 else shown


def _out_of_range(value: Any, path: str = "") -> Iterator[str]:
    """Faults of the numbers of a record that no ledger can hold."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _out_of_range(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for place, item in enumerate(value, 1):
            yield from _out_of_range(item, f"{path}[{place}]")
    elif isinstance(value, Decimal) and not in_range(value):
        yield f"{path}: {value} is out of range"
