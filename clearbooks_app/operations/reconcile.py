"""What a plan has written, compared with what the ledger holds of it now."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clearbooks.errors import NotFoundError
from clearbooks_app.operations.plan_view import gross_of
from target_clearbooks.commands.apply import carried_out
from target_clearbooks.deliver.sending import Sender
from target_clearbooks.ledger.amounts import ZERO, decimal, money
from target_clearbooks.ledger.matching import equal_journals, is_voided
from target_clearbooks.worth import worth
from target_clearbooks.writable import WRITABLE, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal
    from pathlib import Path

    from target_clearbooks.session import Session

    Held = Mapping[Any, Mapping[str, Any]]

# IDs of one listing that are read one by one; of more, its newest pages are.
_SINGLE = 3
_TRANSACTIONS = "listTransactions"


@dataclass(slots=True)
class Reconciled:
    """The records of one stream that were written.

    Attributes:
        stream: The stream.
        records: How many.
        found: How many of them the ledger holds; None where the API has no way to read them.
        file: What they come to by the file.
        ledger: What those that were found come to in the ledger; None as for `found`.
    """

    stream: str
    records: int
    found: int | None
    file: Decimal
    ledger: Decimal | None

    def as_json(self) -> dict[str, Any]:
        """For `--json`; amounts are text."""
        return {
            "stream": self.stream,
            "records": self.records,
            "found": self.found,
            "file": money(self.file),
            "ledger": None if self.ledger is None else money(self.ledger),
        }


@dataclass(frozen=True, slots=True)
class _Written:
    """An operation that was carried out, and the ID of what it became."""

    operation: Mapping[str, Any]
    number: Any

    @property
    def gross(self) -> Decimal | None:
        """What the record states as its total with VAT."""
        return gross_of(self.operation["record"])

    @property
    def file(self) -> Decimal:
        """What it comes to by the file; a document that states no gross, by its net."""
        return self.gross or worth(self.operation["body"] or {})

    def ledger(self, record: Mapping[str, Any]) -> Decimal:
        """What it comes to by the record of the ledger."""
        name = "gross" if self.gross else "net"
        return decimal(record.get("amount", record.get(name, 0)))


def reconcile(session: Session, path: Path) -> list[Reconciled]:
    """Read what was written of a plan, and add it up by stream.

    Records are read by their IDs, or out of the newest pages of their listing where there are
    more than a few of them; journals by the transactions of their dates. The API has no way to
    read bank feeds, bank statements and what an attachment holds.
    """
    written: dict[tuple[str, int, tuple[Any, ...]], list[_Written]] = defaultdict(list)
    for operation, mapped in carried_out(session, path):
        listed = operation["stream"], operation["business"], tuple(operation["params"].items())
        written[listed].append(_Written(operation, mapped.remote_id))
    found: dict[str, Reconciled] = {}
    for (stream, business, params), ones in written.items():
        amounts = _in_ledger(session, Sender(session.client, business), stream, dict(params), ones)
        total = found.setdefault(stream, Reconciled(stream, 0, None, ZERO, None))
        total.records += len(ones)
        total.file += sum((one.file for one in ones), ZERO)
        if amounts is not None:
            total.found = (total.found or 0) + len(amounts)
            total.ledger = (total.ledger or ZERO) + sum(amounts, ZERO)
    return list(found.values())


def _in_ledger(
    session: Session,
    sender: Sender,
    stream: str,
    params: Mapping[str, Any],
    ones: Sequence[_Written],
) -> list[Decimal] | None:
    """What those that the ledger holds come to; None where the API cannot be asked for them."""
    kind = WRITABLE[stream].kind
    if kind is Kind.JOURNAL:
        return _journals(sender, ones)
    if kind is Kind.ATTACHMENT or "get" not in sender.resource(stream).operations:
        return None
    held = _held(session, sender, stream, params, [one.number for one in ones])
    return [one.ledger(held[one.number]) for one in ones if one.number in held]


def _held(
    session: Session, sender: Sender, stream: str, params: Mapping[str, Any], numbers: Sequence[Any]
) -> Held:
    """The records of the ledger with these IDs."""
    operations, held = sender.resource(stream).operations, {}
    if len(numbers) > _SINGLE or operations["get"].assumed:
        paths = operations["list"].path_parameters
        given = {k: v for k, v in sender.params(stream, params, None).items() if k in paths}
        listed = sender.listing(operations["list"].id, given)
        held = {record["id"]: record for record in listed.newest_first(min(numbers) - 1)}
    # Revised or voided meanwhile, or not listed.
    rest = [number for number in numbers if number not in held]
    records = session.executor.map(lambda number: sender.get(stream, params, number), rest)
    held |= {n: record for n, record in zip(rest, records, strict=True) if record}
    return {number: record for number, record in held.items() if not is_voided(record)}


def _journals(sender: Sender, ones: Sequence[_Written]) -> list[Decimal] | None:
    """Journals by their postings: no path leads from the ID of one to its transaction."""
    by_date: dict[str, list[_Written]] = defaultdict(list)
    for one in ones:
        by_date[one.operation["body"]["accountingDate"]].append(one)
    amounts = []
    for date, of_date in by_date.items():
        dates = {"accountingDateFrom": date, "accountingDateTo": date}
        try:
            left = sender.listing(_TRANSACTIONS, dates).whole()
        except NotFoundError:
            return None
        for one in of_date:
            equal = equal_journals(left, one.operation["body"])
            if equal:
                left = [record for record in left if record["id"] != equal[0]]
                amounts.append(one.file)
    return amounts
