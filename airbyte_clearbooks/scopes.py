"""`check`: whether an authorisation has the scopes and businesses, tried with one read each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearbooks.errors import ForbiddenError, SubscriptionError
from clearbooks.scopes import cheapest_read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clearbooks.client import Client


def try_scopes(
    client: Client, needed: dict[str, list[str]], businesses: Iterable[int]
) -> list[str]:
    """What is refused: one request for each scope, and one for each further business.

    Args:
        client: Of the authorisation.
        needed: Scope -> the streams that need it, as `needed_scopes` finds them.
        businesses: IDs, at least one.

    Raises:
        ClearBooksError: an answer tells of something else than a missing permission.
    """
    problems: list[str] = []
    lapsed: dict[str, SubscriptionError] = {}
    first, *others = businesses
    for scope, streams in needed.items():
        error = _refusal(client, streams, first)
        if isinstance(error, SubscriptionError):
            lapsed |= dict.fromkeys(streams, error)
        elif error is not None:
            words = "; ".join(fault.message for fault in error.faults)
            problems.append(
                f"the authorisation lacks the scope {scope} (for {', '.join(streams)})"
                + (f": {words}" if words else "")
            )
    if problems and len(problems) == len(needed):
        problems.append(
            f"no scope is granted for business {first}: does it belong to another authorisation?"
        )
    usable = [streams for scope, streams in needed.items() if scope != "businesses:read"]
    for business in others if usable else ():
        error = None if problems else _refusal(client, usable[0], business)
        if isinstance(error, SubscriptionError):
            lapsed[f"business {business}"] = error
        elif error is not None:
            problems.append(f"business {business}: {error}")
    if problems:
        problems.append(
            "authorise the application again with what is missing, or set `streams` "
            "and `business_ids` to what is allowed"
        )
    if lapsed:
        # One plan: what it says of one stream, it says of all.
        problems.insert(0, f"{', '.join(lapsed)}: {next(iter(lapsed.values()))}")
    return problems


def _refusal(client: Client, streams: Iterable[str], business: int) -> ForbiddenError | None:
    """Why the cheapest request of these streams is not permitted; None where it is."""
    operation, params = cheapest_read(client.contract, streams)
    try:
        client.get(operation.id, params, business_id=business)
    except ForbiddenError as error:
        return error
    return None
