"""The log of the requests that a sandbox has answered."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

_KEPT = 50_000


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """A request that was answered; `status` is 0 where the connection was dropped.

    Attributes:
        path: Below the API's base, such as `/accounting/customers`, or `/oauth/token`.
        ms: Milliseconds until the answer was ready.
        business: ID of the business that the request is about, where that is known.
        operation: ID of the contract's operation, or empty.
        at: When the request came, in seconds since 1970.
        fault: Faults of the sandbox that changed the answer, or empty.
    """

    method: str
    path: str
    query: str
    status: int
    ms: float
    business: int | None
    operation: str
    at: float
    fault: str = ""


class RequestLog(deque[LoggedRequest]):
    """The latest 50,000 requests, oldest first."""

    def __init__(self) -> None:
        super().__init__(maxlen=_KEPT)

    def newest(self, limit: int) -> list[LoggedRequest]:
        """The newest requests, newest first."""
        return list(self)[: -limit - 1 : -1]
