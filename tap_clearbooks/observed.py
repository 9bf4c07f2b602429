"""A client that tells how many records a listing holds, for estimates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from clearbooks.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from clearbooks.auth import TokenSource
    from clearbooks.replies import Reply
    from clearbooks.settings import Connection


class ObservedClient(Client):
    """A client that tells what its answers say.

    Args:
        on_total: Called from any thread with stream, business and the number of records in its
            listing.
    """

    def __init__(
        self,
        connection: Connection,
        on_total: Callable[[str, int | None, int], None],
        tokens: TokenSource | None = None,
    ) -> None:
        super().__init__(connection, tokens=tokens)
        self._on_total = on_total
        self._lists = [
            (resource.operations["list"].id, resource.fixed.items(), name)
            for name, resource in connection.contract.resources.items()
            if resource.readable
        ]

    @override
    def get(
        self,
        operation_id: str,
        params: Mapping[str, Any] | None = None,
        *,
        business_id: int | None = None,
    ) -> Reply:
        reply = super().get(operation_id, params, business_id=business_id)
        # A page of one is a probe, and may be filtered.
        if reply.total is not None and params and params.get("limit") != 1:
            given = params.items()
            for operation, fixed, name in self._lists:
                if operation == operation_id and fixed <= given:
                    self._on_total(name, business_id, reply.total)
        return reply
