"""Records of the ledger as plain dicts, and the listings that hold them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from clearbooks import replies
from clearbooks.client import decode
from clearbooks.paging import Listing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clearbooks.paging import Reads


Record = dict[str, Any]
_NO_PROPERTIES: Mapping[str, Any] = MappingProxyType({})


class _Listed(Record):
    @property
    def id(self) -> Any:
        """The ID, as the pager asks for it; 0 where the API sent none."""
        return self.get("id", 0)


def records(body: bytes, operation_id: str) -> list[Record]:
    """The objects of an answer without their nulls, also where one is wrapped in an array of one.

    Raises:
        ApiError: the answer holds something else. An error never counts as an empty list.
    """
    data = decode(body)
    # Nothing at all is no list: what is not there may be made a second time.
    found = replies.records([None] if data is None else data, operation_id)
    return [_Listed(plain(row)) for row in found]


def plain(row: Mapping[str, Any], properties: Mapping[str, Any] = _NO_PROPERTIES) -> Record:
    """A record without nulls; its IDs are numbers, also where they came as text.

    An ID that is text by its schema, such as that of a bank feed, stays as it came: those are
    told apart by the `properties` of the schema.
    """
    return {
        name: int(value)
        if isinstance(value, str) and value.isdecimal() and _is_number(name, properties)
        else value
        for name, value in row.items()
        if value is not None
    }


def _is_number(name: str, properties: Mapping[str, Any]) -> bool:
    text = properties.get(name, {}).get("type") == "string"
    return (name == "id" or name.endswith("Id")) and not text


def listing(
    client: Reads,
    business_id: int | None,
    operation_id: str,
    params: Mapping[str, Any],
    in_flight: int,
) -> Listing:
    """A paged list of a business, up to `in_flight` of its pages under way at once."""
    return Listing(
        client, operation_id, params, business_id, records,
        depth=lambda: in_flight, believe_count=True,
    )  # fmt: skip
