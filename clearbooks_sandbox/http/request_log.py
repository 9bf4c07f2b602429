"""The log of the requests that a sandbox has answered."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEPT = 50_000
# Of the newest requests headers and bodies are kept, too: as many as fit into both limits.
_EXCHANGES, _BYTES = 1_000, 16 * 2**20
LONGEST = 64 * 2**10
_SECRET = frozenset({"authorization", "proxy-authorization", "cookie"})
NOT_KEPT = "(not kept)"


@dataclass(frozen=True)
class LoggedRequest:
    """A request that was answered; `status` is 0 where the connection was dropped.

    Attributes:
        number: Its ordinal, from 1.
        path: Below the API's base, such as `/accounting/customers`, or `/oauth/token`.
        ms: Milliseconds until the answer was ready.
        business: ID of the business that the request is about, where that is known.
        operation: ID of the contract's operation, or empty.
        at: When the request came, in seconds since 1970.
        fault: Faults of the sandbox that changed the answer, or empty.
    """

    number: int
    method: str
    path: str
    query: str
    status: int
    ms: float
    business: int | None
    operation: str
    at: float
    fault: str = ""


class Message(NamedTuple):
    """A request or an answer.

    Attributes:
        headers: Without the values of those that hold secrets.
        body: Its first `LONGEST` bytes; None where it is not kept, since it holds secrets.
        size: Bytes of the whole body.
        status: Status of an answer.
    """

    headers: Mapping[str, str]
    body: bytes | None
    size: int
    status: int = 0


class Exchange(NamedTuple):
    """What was sent and what was answered.

    Attributes:
        answered: The answer; None where the connection was dropped.
        lost: The answer in whose place a fault of the sandbox put another one, or none.
    """

    sent: Message
    answered: Message | None
    lost: Message | None = None

    @property
    def kept(self) -> int:
        """Bytes of bodies that it holds."""
        return sum(len(part.body) for part in self if part and part.body)


def message(
    headers: Mapping[str, str], body: bytes, status: int = 0, *, secret: bool = False
) -> Message:
    """A request or an answer as the log keeps it; the body is neither copied nor read."""
    if not _SECRET.isdisjoint(headers):
        headers = {k: NOT_KEPT if k in _SECRET else v for k, v in headers.items()}
    return Message(headers, None if secret else body[:LONGEST], len(body), status)


class RequestLog(deque[LoggedRequest]):
    """The latest 50,000 requests, oldest first.

    Attributes:
        numbers: Numbers for the requests to come.
    """

    def __init__(self) -> None:
        super().__init__(maxlen=_KEPT)
        self.numbers = count(1)
        self._exchanges: deque[tuple[int, Exchange]] = deque()
        self._bytes = 0

    def add(self, request: LoggedRequest, exchange: Exchange | None) -> None:
        """Log a request, and drop the oldest bodies where the limits want it."""
        self.append(request)
        if exchange is None:
            return
        self._exchanges.append((request.number, exchange))
        self._bytes += exchange.kept
        while self._bytes > _BYTES or len(self._exchanges) > _EXCHANGES:
            _, oldest = self._exchanges.popleft()
            self._bytes -= oldest.kept

    def newest(self, limit: int) -> list[LoggedRequest]:
        """The newest requests, newest first."""
        return list(self)[: -limit - 1 : -1]

    def exchanges(self) -> dict[int, Exchange]:
        """The headers and bodies that are kept, by the number of their request."""
        return dict(self._exchanges)
