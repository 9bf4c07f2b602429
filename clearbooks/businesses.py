"""The businesses that an authorisation covers, and those of them that a run is about."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from clearbooks.errors import (
    ApiError,
    ClearBooksError,
    ForbiddenError,
    NotCoveredError,
    NotFoundError,
    RejectedError,
    SettingError,
    SubscriptionError,
)
from clearbooks.program import connect_command
from clearbooks.replies import records
from clearbooks.scopes import granted_scopes

if TYPE_CHECKING:
    from collections.abc import Callable

    from clearbooks.client import Client
    from clearbooks.replies import Reply

_OPERATION = "listBusinesses"
# Of many businesses, so many are named in a message.
_MOST_NAMED = 10


def list_businesses(client: Client, reply: Reply | None = None) -> list[dict[str, Any]]:
    """The businesses that the authorisation covers, as the API sends them; `id` is an `int`.

    Args:
        client: Asks for them.
        reply: The API's answer, where it was asked before.

    Raises:
        ClearBooksError: they cannot be listed.
    """
    reply = reply or client.get(_OPERATION)
    fields = client.contract.resources["businesses"].schema["properties"]
    found = records(reply.json() if reply.body else None, _OPERATION, fields)
    try:
        return [{**business, "id": int(business["id"])} for business in found]
    except (KeyError, TypeError, ValueError):
        raise ApiError(_OPERATION, None, hint="a business without a numeric id") from None


def chosen_businesses(client: Client, ask: Callable[[], Reply] | None = None) -> list[int]:
    """The businesses of a run, in the order of `business_ids`, or else of the API.

    Args:
        client: Its settings name them, or it asks for them.
        ask: Asks instead.

    Raises:
        SettingError: none are set, and they may not be listed.
    """
    if client.connection.business_ids:
        return list(client.connection.business_ids)
    try:
        return [business["id"] for business in list_businesses(client, ask and ask())]
    except SubscriptionError:
        raise
    except ForbiddenError as error:
        raise SettingError(
            f"business_ids is empty and the businesses cannot be listed ({error}); set "
            "business_ids, or authorise with the scope businesses:read"
        ) from None


class Coverage:
    """Tells a business that the authorisation does not cover from a scope that it lacks.

    The API answers both with 403. The businesses are listed when the first one refuses, and once.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._listed: list[dict[str, Any]] | None = None
        self._asked = False
        self._outside: dict[int, NotCoveredError] = {}

    def check(self, business: int | None) -> None:
        """Ask nothing of a business that is known not to be covered.

        Raises:
            NotCoveredError: it is not.
        """
        if business in self._outside:
            raise self._outside[business]

    def explained(self, business: int | None, error: ApiError) -> ApiError:
        """The refusal of a business, as a `NotCoveredError` where that is the reason for it."""
        refused = isinstance(error, (ForbiddenError, NotFoundError, RejectedError))
        known = isinstance(error, (SubscriptionError, NotCoveredError))
        if business is None or not refused or known:
            return error
        covered = self._covered()
        if covered is None:
            text = self._by_scope(error)
        elif any(known["id"] == business for known in covered):
            text = ""
        else:
            text = f"the authorisation covers {_names(covered)}"
        if not text:
            return error
        self._outside[business] = NotCoveredError(
            error,
            f"business_ids: business {business} is not covered (HTTP {error.status}): {text}; "
            + self._remedy(business),
        )
        return self._outside[business]

    def _remedy(self, business: int) -> str:
        connection = self._client.connection
        with contextlib.suppress(ClearBooksError):
            store = self._client.tokens.store
            name = store.connection_of(connection.client_id or "", business)
            if name is not None and name != connection.connection:
                return f"set connection to {name!r}, which covers it"
        return (
            "correct business_ids, or authorise again "
            f"(`{connect_command()}`) and choose the business on the consent "
            "page"
        )

    def _covered(self) -> list[dict[str, Any]] | None:
        """The businesses of the authorisation; None where they cannot be listed."""
        if not self._asked:
            self._asked = True
            try:
                self._listed = list_businesses(self._client)
            except ApiError:
                # Without the scope businesses:read, or an API that fails: nobody can tell.
                self._listed = None
        return self._listed

    def _by_scope(self, error: ApiError) -> str:
        """Without a list: a refusal although the scope was granted is about the business."""
        operation = self._client.contract.operations.get(error.operation)
        if operation is None or not isinstance(error, ForbiddenError):
            return ""
        try:
            granted = granted_scopes(self._client)
        except ClearBooksError:
            return ""
        if granted is None or operation.scope not in granted:
            return ""
        return (
            f"{error.operation} was refused, although the scope {operation.scope} was granted "
            "(which businesses are covered cannot be listed: businesses:read is missing)"
        )


def _names(businesses: list[dict[str, Any]]) -> str:
    """IDs and names of businesses, for a message."""
    named = [
        f"{business['id']} ({business['name']})" if business.get("name") else str(business["id"])
        for business in businesses[:_MOST_NAMED]
    ]
    more = len(businesses) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "") if named else "none"
