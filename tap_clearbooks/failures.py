"""What of a run could not be read, and what is not asked for any more because of it."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clearbooks.errors import NotCoveredError, NotRunningError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from clearbooks.errors import ApiError
    from tap_clearbooks.run import Run

    LeaveOut = Callable[[Callable[[tuple[str, int | None]], bool]], None]

# Businesses that an endpoint may fail for, one after the other, before it is not asked again.
MOST_FAILING = 2

logger = logging.getLogger("tap-clearbooks")


@dataclass(frozen=True, slots=True)
class Failure:
    """A stream of a business that could not be read; as text, one line that says why.

    Attributes:
        stream: Its name.
        business: ID of the business; None for the list of businesses itself.
        error: What the API answered.
        hint: What would help, where that is known.
    """

    stream: str
    business: int | None
    error: ApiError
    hint: str = ""

    @property
    def where(self) -> str:
        """The stream, and the business that it was read of."""
        of = "" if self.business is None else f" of business {self.business}"
        return f"{self.stream}{of}"

    def __str__(self) -> str:
        return f"{self.where}: {self.error}{self.hint}"


class Failures(list[Failure]):
    """What could not be read, while the rest was.

    Args:
        run: What it is read with.
        leave_out: Takes readings out of the plan, by stream and business.
    """

    def __init__(self, run: Run, leave_out: LeaveOut) -> None:
        super().__init__()
        self._run = run
        self._leave_out = leave_out
        # Whether the last stream that was asked for could be read.
        self._reached = True
        # For each stream, what its endpoint answered for the businesses that were tried last.
        self._failing: dict[str, list[UnavailableError]] = defaultdict(list)

    def check(self, stream: str, business: int | None) -> None:
        """Raise what is known to come of asking for a stream of a business."""
        self._run.coverage.check(business)
        if len(self._failing[stream]) >= MOST_FAILING:
            raise self._failing[stream][-1]

    def was_read(self, stream: str) -> None:
        """Take note of a stream of a business that was read to its end."""
        self._reached = True
        self._failing[stream].clear()

    def note(self, stream: str, business: int | None, error: ApiError) -> None:
        """Note a stream of a business that could not be read; the run goes on without it.

        Raises:
            UnavailableError: nothing runs at the address, or the one before could not be reached
                either. Then it is not this endpoint alone, and what follows would only wait as
                long again.
        """
        told = next((earlier for earlier in self if earlier.error is error), None)
        if told is not None:
            # Not asked: one line told it of all streams of a business, or all businesses of one.
            self.append(Failure(stream, business, error, told.hint))
            return
        reached = not isinstance(error, UnavailableError)
        if isinstance(error, NotRunningError) or not (reached or self._reached):
            raise error
        self._reached = reached
        if isinstance(error, UnavailableError):
            self._failing[stream].append(error)
            if len(self._failing[stream]) == MOST_FAILING:
                self._leave_out(lambda key: key[0] == stream)
        error = self._run.coverage.explained(business, error)
        if isinstance(error, NotCoveredError):
            self._leave_out(lambda key: key[1] == business)
        operation = self._run.client.contract.operations.get(error.operation)
        hint = ""
        if operation is not None and operation.assumed:
            hint = (
                f" (no published text names this path; if the API has another, set api_paths: "
                f'{{"{operation.id}": "/…"}})'
            )
        failure = Failure(stream, business, error, hint)
        self.append(failure)
        where = f"business {business}" if isinstance(error, NotCoveredError) else failure.where
        logger.error("%s was not read: %s%s", where, error, hint)
