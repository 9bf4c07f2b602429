"""Records of the ledger as plain dicts, and the listings that hold them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from clearbooks import replies
from clearbooks.dates import day_of
from clearbooks.exact_json import loads
from clearbooks.paging import Listing
from target_clearbooks.ledger.amounts import decimal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clearbooks.paging import Reads


Record = dict[str, Any]
_ALLOCATIONS = "listAllocations"
_DATE = len("2026-11-30")
_LONGEST_ID = 18
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
    data = loads(body)
    # Nothing at all is no list: what is not there may be made a second time.
    found = replies.records([None] if data is None else data, operation_id)
    rows: list[Record] = [_Listed(plain(row)) for row in found]
    if operation_id == _ALLOCATIONS:
        for row in rows:
            # Of a payment made, which is negative, it may have that sign.
            row["amount"] = abs(decimal(row.get("amount") or 0))
    return rows


def plain(row: Mapping[str, Any], properties: Mapping[str, Any] = _NO_PROPERTIES) -> Record:
    """A record without nulls, in the types of the reference, whatever a server makes of them.

    IDs that came as text are numbers, unless the `properties` of the schema say that they are
    text, such as that of a bank feed. Of a date that came with a time the day in London is left.
    """
    return {
        name: _as_meant(name, value, properties) if isinstance(value, str) else value
        for name, value in row.items()
        if value is not None
    }


def _as_meant(name: str, value: str, properties: Mapping[str, Any]) -> Any:
    if value.isdecimal() and _is_number(name, properties):
        return int(value)
    if len(value) > _DATE and (name.startswith("date") or name.endswith("Date")):
        try:
            return day_of(value).isoformat()
        except ValueError:
            return value
    return value


def _is_number(name: str, properties: Mapping[str, Any]) -> bool:
    text = properties.get(name, {}).get("type") == "string"
    return (name == "id" or name.endswith("Id")) and not text


def id_number(text: str) -> int | None:
    """The number that a text is; None where it is no number, or longer than an ID can be.

    >>> id_number("101"), id_number("1e2")
    (101, None)
    """
    plain = text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID
    return int(text) if plain else None


def listing(
    client: Reads,
    business_id: int | None,
    operation_id: str,
    params: Mapping[str, Any],
    in_flight: int,
) -> Listing:
    """A paged list of a business, up to `in_flight` of its pages under way at once."""
    return Listing(
        client,
        operation_id,
        params,
        business_id,
        records,
        depth=lambda: in_flight,
        believe_count=True,
    )
