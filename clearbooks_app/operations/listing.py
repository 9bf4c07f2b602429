"""Records of a business page by page, as models of aggregators, with a cursor for the next page."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from clearbooks.businesses import list_businesses
from clearbooks.client import Client
from clearbooks.contract import HOME_CURRENCY
from clearbooks.errors import SettingError
from clearbooks.paging import ASCENDING
from clearbooks.replies import records
from clearbooks_app.config import find_account, require_connected
from clearbooks_app.operations.unified import unify
from clearbooks_app.operations.unified_models import ABSENT, MODELS, Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clearbooks_app.config import Settings

MOST = 200
_VAT = "vat_rates"
_WITH_CURRENCY = (
    "bank_accounts",
    "sales_invoices",
    "sales_credit_notes",
    "bills",
    "purchase_credit_notes",
    "expenses",
    "payments",
)


class AbsentError(SettingError):
    """Clear Books has nothing of the kind."""


@dataclass(frozen=True, slots=True)
class ResultPage:
    """A page of records.

    Attributes:
        result: The records; a page that is not the last may have none.
        next_cursor: Asks for the next page; None after the last.
    """

    result: list[dict[str, Any]]
    next_cursor: str | None = None


class Cursor(msgspec.Struct, array_like=True):
    """Where a list goes on.

    Attributes:
        name: What is listed.
        limit: Records on a page.
        part: Which of the streams of a model.
        page: The page of the API that comes next.
        last: The highest ID so far.
        total: How many there were when the page before was read.
        seen: Values that came already, of a list of distinct ones.
    """

    name: str
    limit: int
    part: int = 0
    page: int = 1
    last: int = 0
    total: int | None = None
    seen: list[str] = msgspec.field(default_factory=list)

    def text(self) -> str:
        """As it is handed out."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).rstrip(b"=").decode()

    @classmethod
    def of(cls, text: str | None, name: str, limit: int) -> Cursor:
        """The cursor that was handed out; a first one where there is none.

        Raises:
            SettingError: it is none, or of another list.
        """
        if text is None:
            return cls(name, limit)
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
            found = msgspec.json.decode(data, type=cls)
        except (binascii.Error, ValueError):
            raise SettingError("cursor: should be a `next_cursor` as it was answered") from None
        sane = 0 < found.limit <= MOST and found.part >= 0 and 0 < found.page < 2**31
        if found.name != name or not sane:
            raise SettingError("cursor: is that of another list")
        return found


@dataclass(slots=True)
class _Read:
    rows: list[dict[str, Any]] = field(default_factory=list)
    following: Cursor | None = None


def list_model(
    settings: Settings, business: int, model: str, *, limit: int = 50, cursor: str | None = None
) -> ResultPage:
    """A page of a model.

    Records that are deleted while somebody pages do not make a list skip others.

    Raises:
        AbsentError: Clear Books' API has no such model.
        SettingError: the cursor is none, or nothing is connected.
        ApiError: the API refuses.
    """
    if model in ABSENT:
        raise AbsentError(ABSENT[model])
    if model not in MODELS:
        raise AbsentError(f"there is no model {model!r}; there are {', '.join(MODELS)}")
    where = Cursor.of(cursor, model, limit)
    account = find_account(settings)
    require_connected(account)
    with Client(account.connection) as client:
        lister = _Lister(client, business)
        if model == "currencies":
            found = lister.currencies(where)
        elif model == "tax-rates":
            found = lister.tax_rates(where)
        elif model == "company-info":
            (part,) = MODELS[model].parts
            rows = [b for b in list_businesses(client) if b["id"] == business]
            found = _Read([unify(part, business, row) for row in rows])
        else:
            found = lister.page(where, MODELS[model].parts)
    return ResultPage(found.rows, found.following.text() if found.following else None)


class _Lister:
    def __init__(self, client: Client, business: int) -> None:
        self._client = client
        self._business = business

    def page(self, where: Cursor, parts: Sequence[Part]) -> _Read:
        """The next page of the streams of a model, one after the other."""
        if where.part >= len(parts):
            raise SettingError("cursor: is that of another list")
        part = parts[where.part]
        rows, following = self._rows(where, part.stream)
        found = [unify(part, self._business, row) for row in rows]
        if following is None and where.part + 1 < len(parts):
            following = Cursor(where.name, where.limit, where.part + 1)
        return _Read(found, following)

    def currencies(self, where: Cursor) -> _Read:
        """Currencies that were not met before on the next page of something that has one."""
        if where.part >= len(_WITH_CURRENCY):
            raise SettingError("cursor: is that of another list")
        # The whole page at once: of many records a few codes come.
        where = msgspec.structs.replace(where, limit=MOST)
        rows, following = self._rows(where, _WITH_CURRENCY[where.part])
        codes = dict.fromkeys(str(row.get("currency") or HOME_CURRENCY) for row in rows)
        new = [code for code in codes if code not in where.seen]
        if following is None and where.part + 1 < len(_WITH_CURRENCY):
            following = Cursor(where.name, MOST, where.part + 1)
        if following is not None:
            following.seen = [*where.seen, *new]
        return _Read([{"code": code, "company": self._business} for code in new], following)

    def tax_rates(self, where: Cursor) -> _Read:
        """The rates of one side and treatment."""
        treatments = self._client.contract.resources["vat_treatments"]
        pairs = [
            (side, row["key"])
            for side in treatments.dimension_schema("vatType")["enum"]
            for row in self._get("vat_treatments", vatType=side)
        ]
        if where.part >= len(pairs):
            raise SettingError("cursor: is that of another list")
        side, treatment = pairs[where.part]
        rates = [
            {
                "id": f"{self._business}-tax_rate-{side}-{treatment}-{row['key']}",
                "code": row["key"],
                "description": row.get("name"),
                "total_tax_rate": row.get("rate"),
                "effective_tax_rate": row.get("rate"),
                "status": "active",
                "company": self._business,
            }
            for row in self._get(_VAT, vatType=side, vatTreatment=treatment)
        ]
        more = where.part + 1 < len(pairs)
        return _Read(rates, Cursor(where.name, where.limit, where.part + 1) if more else None)

    def _get(self, stream: str, **params: Any) -> list[dict[str, Any]]:
        operation = self._client.contract.resources[stream].operations["list"].id
        reply = self._client.get(operation, params, business_id=self._business)
        return records(reply.json(), operation)

    def _rows(self, where: Cursor, stream: str) -> tuple[list[dict[str, Any]], Cursor | None]:
        """The rows after the last ID, and where the stream goes on."""
        rows, total, whole = self._fetch(stream, where.page, where.limit)
        page = where.page
        # Where records have gone since, others have moved to pages that were read before.
        while page > 1 and (where.total or 0) > (total or 0) and _begins_after(rows, where.last):
            page -= 1
            before, total, _ = self._fetch(stream, page, where.limit)
            rows = before + rows
        rows = [row for row in rows if row["id"] > where.last]
        if whole:
            return rows, None
        last = max((row["id"] for row in rows), default=where.last)
        return rows, msgspec.structs.replace(where, page=where.page + 1, last=last, total=total)

    def _fetch(
        self, stream: str, page: int, limit: int
    ) -> tuple[list[dict[str, Any]], int | None, bool]:
        """A page of the API: its rows, how many there are in all, and whether it is the last."""
        resource = self._client.contract.resources[stream]
        operation = resource.operations["list"].id
        params = {
            **resource.fixed,
            "sortBy": "id",
            "sortDirection": ASCENDING,
            "limit": limit,
            "page": page,
        }
        reply = self._client.get(operation, params, business_id=self._business)
        rows = records(reply.json(), operation)
        size = reply.limit or limit
        if reply.total is None:
            return rows, None, len(rows) < size
        return rows, reply.total, page * size >= reply.total or not rows


def _begins_after(rows: list[dict[str, Any]], last: int) -> bool:
    return not rows or rows[0]["id"] > last
