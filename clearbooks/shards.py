"""Which businesses there are to work on, and how they are divided among tasks."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import msgspec

from clearbooks.auth import open_store
from clearbooks.businesses import list_businesses
from clearbooks.client import Client
from clearbooks.errors import ClearBooksError
from clearbooks.fleet import all_statuses

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from clearbooks.auth import Chain
    from clearbooks.settings import Connection

logger = logging.getLogger(__name__)


class Shard(msgspec.Struct, kw_only=True, frozen=True):
    """Businesses of one application that a task works on, one after the other.

    Attributes:
        label: For people, such as `5021-5045`.
        application: Its client ID.
        businesses: The name of a connection and the ID of a business that it covers, each.
        first: Whether no run of theirs has succeeded yet.
    """

    label: str
    application: str
    businesses: list[tuple[str, int]]
    first: bool


def shards(
    applications: Sequence[Connection],
    size: int,
    *,
    kind: Literal["tap", "target"] = "tap",
    only: Collection[int] | None = None,
) -> list[Shard]:
    """Divide the businesses that the connections of applications cover among tasks.

    Each business is in one shard: that of its first application in the list, under the connection
    that its runs had so far, or else the first by name. Those that wait longest for a success come
    first, and businesses that never had one are in shards of their own, behind the others of
    their application. A connection whose businesses nobody has listed costs one request, once.

    Args:
        applications: Settings of each application; their `connection` counts for nothing.
        size: Most businesses of a shard.
        kind: Which runs tell what is behind.
        only: IDs of businesses that are wanted; None for all that were chosen at a consent.

    Raises:
        ClearBooksError: a token store or its table of runs cannot be read.
    """
    found: list[Shard] = []
    taken: set[tuple[str, int]] = set()
    for application in applications:
        client_id = application.client_id or ""
        statuses = [
            one
            for one in all_statuses(application)
            if one.application == client_id and one.kind == kind
        ]
        bound = {(one.connection, one.business) for one in statuses}
        succeeded = {one.business: one.succeeded for one in statuses if one.succeeded}
        covered = sorted(
            (
                (chain.connection, business)
                for chain in open_store(application.token_store).chains()
                if chain.client_id == client_id
                for business in _covered(application, chain)
                if only is None or business in only
            ),
            key=lambda one: (one not in bound, one),
        )
        mine: list[tuple[str, int]] = []
        for connection, business in covered:
            if (application.api_url, business) not in taken:
                taken.add((application.api_url, business))
                mine.append((connection, business))
        daily = sorted(
            (one for one in mine if one[1] in succeeded), key=lambda one: succeeded[one[1]]
        )
        new = sorted((one for one in mine if one[1] not in succeeded), key=lambda one: one[1])
        found += _divided(client_id, daily, size, first=False)
        found += _divided(client_id, new, size, first=True)
    return found


def _covered(application: Connection, chain: Chain) -> list[int]:
    """The businesses of a connection; none where they cannot be listed, which is a warning."""
    if chain.businesses is None:
        try:
            with Client(replace(application, connection=chain.connection)) as client:
                found = [business["id"] for business in list_businesses(client)]
            open_store(application.token_store).annotate(chain.name, businesses=found)
        except ClearBooksError as error:
            logger.warning("the businesses of %s are left out: %s", chain.name, error)
            return []
        return found
    return chain.businesses


def _divided(
    application: str, businesses: Sequence[tuple[str, int]], size: int, *, first: bool
) -> list[Shard]:
    parts = [list(businesses[n : n + size]) for n in range(0, len(businesses), size)]
    return [
        Shard(
            label=f"{part[0][1]}-{part[-1][1]}" if len(part) > 1 else str(part[0][1]),
            application=application,
            businesses=part,
            first=first,
        )
        for part in parts
    ]
