"""The businesses that an authorisation covers, and those of them that a run is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearbooks.errors import ApiError, ForbiddenError, SettingError, SubscriptionError
from clearbooks.replies import records

if TYPE_CHECKING:
    from clearbooks.client import Client

_OPERATION = "listBusinesses"


def list_businesses(client: Client) -> list[dict[str, Any]]:
    """The businesses that the authorisation covers, as the API sends them; `id` is an `int`.

    Raises:
        ClearBooksError: they cannot be listed.
    """
    reply = client.get(_OPERATION)
    fields = client.contract.resources["businesses"].schema["properties"]
    found = records(reply.json() if reply.body else None, _OPERATION, fields)
    try:
        return [{**business, "id": int(business["id"])} for business in found]
    except (KeyError, TypeError, ValueError):
        raise ApiError(_OPERATION, None, hint="a business without a numeric id") from None


def chosen_businesses(client: Client) -> list[int]:
    """The businesses of a run, in the order of `business_ids`, or else of the API.

    Raises:
        SettingError: none are set, and they may not be listed.
    """
    if client.connection.business_ids:
        return list(client.connection.business_ids)
    try:
        return [business["id"] for business in list_businesses(client)]
    except SubscriptionError:
        raise
    except ForbiddenError as error:
        raise SettingError(
            f"business_ids is empty and the businesses cannot be listed ({error}); set "
            "business_ids, or authorise with the scope businesses:read"
        ) from None
