"""What the writes of a run come to in money, by stream, outcome and currency."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from target_clearbooks.store.format import upsert

if TYPE_CHECKING:
    from target_clearbooks.store.database import Store

_KEYS = ("run", "business", "stream", "outcome", "currency")
_SAVE = upsert("totals", _KEYS, ("records", "net", "gross"))


@dataclass(frozen=True, slots=True)
class Amounts:
    """Money of one record, or the sum of several in one currency.

    Attributes:
        currency: ISO 4217.
        net: Without VAT; of payments, allocations and journals their amount.
        gross: With VAT, of documents; None for others, and where one of several is not known.
        records: How many.
    """

    currency: str
    net: Decimal
    gross: Decimal | None
    records: int = 1

    @property
    def vat(self) -> Decimal | None:
        """The VAT of documents."""
        return None if self.gross is None else self.gross - self.net

    @classmethod
    def stored(cls, currency: str, net: str, gross: str | None, records: int = 1) -> Amounts:
        """What the state store holds as text."""
        return cls(currency, Decimal(net), None if gross is None else Decimal(gross), records)

    def as_list(self) -> list[str | None]:
        """For the result of an intent; amounts as text."""
        return [self.currency, str(self.net), None if self.gross is None else str(self.gross)]

    def __add__(self, more: Amounts) -> Amounts:
        """The sum with that of others in the same currency."""
        known = None not in (self.gross, more.gross)
        gross = (self.gross or 0) + (more.gross or Decimal(0)) if known else None
        return Amounts(self.currency, self.net + more.net, gross, self.records + more.records)


@dataclass(frozen=True, slots=True)
class Total:
    """What the records of a stream with one outcome come to."""

    stream: str
    outcome: str
    amounts: Amounts


class Totals:
    """Adds up what one run writes; on disk with the transaction that it belongs to.

    Args:
        db: The state store.
        run: The run.
    """

    def __init__(self, db: Store, run: str) -> None:
        self._db, self._run = db, run
        self._sums: dict[tuple[int, str, str, str], Amounts] = {}

    def add(self, business_id: int, stream: str, outcome: str, amounts: Amounts) -> None:
        """Add a record."""
        key = (business_id, stream, outcome, amounts.currency)
        total = self._sums[key] + amounts if key in self._sums else amounts
        self._sums[key] = total
        _, net, gross = total.as_list()
        self._db.execute(_SAVE, (self._run, *key, total.records, net, gross))

    def last(self, business_id: int, stream: str, source_key: str) -> Amounts | None:
        """What a source key came to when it was last written; None where that was not kept."""
        rows = self._db.execute(
            "SELECT result FROM intents WHERE business = ? AND stream = ? AND source_key = ? "
            "AND state = 'done' ORDER BY id DESC LIMIT 1",
            (business_id, stream, source_key),
        )
        for (result,) in rows:
            match msgspec.json.decode(result or "{}"):
                case {"amounts": [currency, net, gross]}:
                    return Amounts.stored(currency, net, gross)
        return None


def read_totals(db: Store, run: str) -> list[Total]:
    """What a run came to, of all businesses; nothing of runs of versions that kept no sums."""
    found: dict[tuple[str, str, str], list[Amounts]] = defaultdict(list)
    for stream, outcome, currency, records, net, gross in db.execute(
        "SELECT stream, outcome, currency, records, net, gross FROM totals WHERE run = ? "
        "ORDER BY stream, outcome, currency",
        (run,),
    ):
        found[stream, outcome, currency].append(Amounts.stored(currency, net, gross, records))
    return [
        Total(stream, outcome, sum(rest, first))
        for (stream, outcome, _), (first, *rest) in found.items()
    ]
