"""One record of the ledger, as it is now."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from clearbooks.client import Client
from clearbooks.contract import load_contract
from clearbooks_app.config import find_account, require_connected
from target_clearbooks.writable import WRITABLE

if TYPE_CHECKING:
    from clearbooks_app.config import Settings


@cache
def readable() -> frozenset[str]:
    """The streams whose records are read one by one, by their ID alone."""
    found = set()
    for stream, resource in load_contract().resources.items():
        operation = resource.operations.get("get")
        if operation is not None and stream in WRITABLE:
            given = {*resource.fixed, WRITABLE[stream].id_name}
            if given.issuperset(operation.path_parameters):
                found.add(stream)
    return frozenset(found)


def read_record(settings: Settings, business: int, stream: str, number: str) -> dict[str, Any]:
    """A record of a stream of `readable`.

    Raises:
        NotFoundError: there is none.
        ClearBooksError: it cannot be read.
    """
    resource = load_contract().resources[stream]
    account = find_account(settings)
    require_connected(account)
    params = {**resource.fixed, WRITABLE[stream].id_name: number}
    with Client(account.connection) as client:
        return client.get(resource.operations["get"].id, params, business_id=business).record()
