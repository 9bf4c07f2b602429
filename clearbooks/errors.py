"""What can go wrong, as far as a caller can act on it. `exit_code` is what a program ends with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Fault(NamedTuple):
    """One fault that the API found in a request.

    Attributes:
        code: `errorCode`; empty where there is none.
        message: `errorMessage` as plain text.
        source: The field that it is about, as a path such as `lineItems[0].vatRateKey`; empty
            where the API names none.
    """

    code: str = ""
    message: str = ""
    source: str = ""

    @property
    def words(self) -> str:
        """Code and message."""
        return ": ".join(part for part in (self.code, self.message) if part)

    def __str__(self) -> str:
        named = not self.source or self.source in self.message
        return self.words if named else f"{self.source}: {self.words}"


class ClearBooksError(Exception):
    """Anything that a person can do something about; its text says what."""

    exit_code = 1

    def __reduce__(self) -> tuple[Any, ...]:
        # Each error has arguments of its own, and all of them have to reach other processes.
        return _made_again, (type(self), self.args, self.__dict__)


def _made_again(kind: type[ClearBooksError], args: Any, more: dict[str, Any]) -> ClearBooksError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(more)
    return error


def exit_code_of(error: BaseException) -> int:
    """What a program exits with that an error has ended."""
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return error.code
    return error.exit_code if isinstance(error, ClearBooksError) else 1


class SettingError(ClearBooksError):
    """A setting is missing or wrong; the text names it and says what would be right."""

    exit_code = 2


class NotAuthorisedError(ClearBooksError):
    """No valid token, and none to be had without a person: authorise again."""

    exit_code = 5


class WaitLimitError(ClearBooksError):
    """`max_wait` seconds went by without one good answer; run again later."""


class TokenStoreError(ClearBooksError):
    """The token store cannot be read or written; it was left as it was."""


class OutputError(ClearBooksError):
    """Standard output cannot be written: it is closed, or full."""


class ApiError(ClearBooksError):
    """An answer of the API that is not a success.

    Attributes:
        operation: Operation ID of the contract.
        status: HTTP status, or None where there was no answer.
        faults: What the API found wrong, in its own words; empty where it sent none.
    """

    def __init__(
        self,
        operation: str,
        status: int | None,
        faults: Iterable[tuple[str, ...]] = (),
        hint: str = "",
    ) -> None:
        self.operation = operation
        self.status = status
        self.faults = tuple(Fault(*fault) for fault in faults)
        words = "; ".join(map(str, self.faults))
        parts = [f"{operation}: HTTP {status}" if status else operation, words, hint]
        super().__init__(" - ".join(part for part in parts if part))


class ForbiddenError(ApiError):
    """403: the authorisation lacks a scope, or does not cover the business."""


class NotCoveredError(ForbiddenError):
    """The authorisation does not cover the business; the text names it and those covered."""

    exit_code = 2

    def __init__(self, error: ApiError, text: str) -> None:
        super().__init__(error.operation, error.status, error.faults)
        self.args = (text,)


class SubscriptionError(ForbiddenError):
    """The plan of the business lacks this, or has ended: nothing is wrong with the request."""

    exit_code = 5


class NotFoundError(ApiError):
    """404: no such path or no such record."""


class MethodNotAllowedError(ApiError):
    """405; `allowed` holds the methods of the `Allow` header."""

    allowed: tuple[str, ...] = ()


class RejectedError(ApiError):
    """400, 409, 422 and other 4xx: the request was read and refused; nothing was carried out."""


class UnavailableError(ApiError):
    """The API could not be reached, or kept failing, and nothing was carried out."""


class NotRunningError(UnavailableError):
    """Nobody listens at an address of this machine: trying again helps only once it is started."""


class UncertainError(ApiError):
    """A write was sent and no answer tells whether it was carried out: look before sending again.

    Raised for timeouts, resets, unreadable success answers and 5xx on anything but a GET.
    """
