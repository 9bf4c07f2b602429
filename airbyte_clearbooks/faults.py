"""What went wrong, in Airbyte's three classes, with what to do about it."""

from __future__ import annotations

import re
import traceback
from typing import TYPE_CHECKING, Any

from clearbooks.errors import (
    ApiError,
    ClearBooksError,
    ForbiddenError,
    NotAuthorisedError,
    NotCoveredError,
    SettingError,
    SubscriptionError,
    TokenStoreError,
    UnavailableError,
    UncertainError,
    WaitLimitError,
)

if TYPE_CHECKING:
    from airbyte_clearbooks.protocol import Output

CONFIG = "config_error"
TRANSIENT = "transient_error"
SYSTEM = "system_error"

_REMEDIES = {
    SubscriptionError: "Syncing again does not help before that; or leave the stream out.",
    UncertainError: "Sync again: what is in doubt is looked up in the ledger before anything is "
    "sent.",
    UnavailableError: "Sync again later; it goes on from the last state.",
    WaitLimitError: "Sync again later; it goes on from the last state.",
    NotCoveredError: "Then sync again.",
    ForbiddenError: "Authorise the application with that scope and for that business, or leave "
    "the stream out.",
}


def failure_type(error: BaseException) -> str:
    """Airbyte's class of an error: who can do something about it."""
    if isinstance(error, (SettingError, NotAuthorisedError, ForbiddenError, TokenStoreError)):
        return CONFIG
    if isinstance(error, (UnavailableError, UncertainError, WaitLimitError)):
        return TRANSIENT
    return SYSTEM


def describe(error: BaseException) -> str:
    """What to tell a person: what is wrong and what to do."""
    if not isinstance(error, ClearBooksError):
        return f"This should not happen ({type(error).__name__}): please report it with the log."
    remedy = next((text for kind, text in _REMEDIES.items() if isinstance(error, kind)), "")
    if isinstance(error, ApiError) and not remedy:
        remedy = "If it stays, the API has changed: please report it."
    return ". ".join(part for part in (str(error).rstrip("."), remedy) if part)


def trace_error(
    output: Output, error: BaseException, stream: str | None = None, message: str | None = None
) -> None:
    """A TRACE message of type ERROR."""
    body: dict[str, Any] = {
        "message": message or describe(error),
        "internal_message": f"{type(error).__name__}: {masked(str(error))}",
        "failure_type": failure_type(error),
    }
    if not isinstance(error, ClearBooksError):
        body["stack_trace"] = masked("".join(traceback.format_exception(error)))
    if stream is not None:
        body["stream_descriptor"] = {"name": stream}
    output.trace("ERROR", error=body)


_secrets: set[str] = set()


def keep_secret(*values: object) -> None:
    """Values that no message may hold."""
    _secrets.update(value for value in values if isinstance(value, str) and len(value) >= 6)  # noqa: PLR2004 - shorter ones are words


def masked(text: str) -> str:
    """The text without secrets."""
    if not _secrets:
        return text
    return re.sub("|".join(map(re.escape, sorted(_secrets, key=len, reverse=True))), "****", text)
