"""What a plan has written, compared with what the ledger holds of it now."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from clearbooks_app import output
from clearbooks_app.plan_view import gross_of
from target_clearbooks.deliver.sending import Sender
from target_clearbooks.ledger.amounts import ZERO, decimal, money
from target_clearbooks.plan import read_plan, worth
from target_clearbooks.writable import WRITABLE, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from decimal import Decimal
    from pathlib import Path

    from target_clearbooks.session import Session

# Records with an amount of their own, which the API reads one by one.
_READ = (Kind.DOCUMENT, Kind.PAYMENT)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The records of one stream that were written.

    Attributes:
        stream: The stream.
        records: How many.
        file: What they come to by the file.
        ledger: What they come to in the ledger; None where the API does not read them one by one.
    """

    stream: str
    records: int
    file: Decimal
    ledger: Decimal | None

    def as_json(self) -> dict[str, Any]:
        """For `--json`; amounts are text."""
        return {
            "stream": self.stream,
            "records": self.records,
            "file": money(self.file),
            "ledger": None if self.ledger is None else money(self.ledger),
        }


def reconcile(session: Session, path: Path) -> Iterator[Reconciled]:
    """Read what was written of a plan, and add it up by stream.

    One request a document or payment; of the others the API has no single records with amounts.
    """
    operations = read_plan(path, session.connection.api_url)
    for stream, group in groupby(operations, key=lambda operation: str(operation["stream"])):
        written = [op for op in group if op["operation"] in ("create", "post", "update")]
        # The state store is this thread's; the requests are made in others.
        became = [(op, _became(session, op)) for op in written]
        became = [(op, number) for op, number in became if number is not None]
        if not became:
            continue
        ledger = None
        if WRITABLE[stream].kind in _READ:
            read = session.executor.map(lambda pair: _in_ledger(session, *pair), became)
            ledger = sum(read, ZERO)
        file = sum((_by_file(op) for op, _ in became), ZERO)
        yield Reconciled(stream, len(became), file, ledger)


def _became(session: Session, operation: Mapping[str, Any]) -> Any:
    writer = session.writers[operation["business"]]
    found = writer.became(operation["stream"], operation["key"])
    return None if found is None else found.remote_id


def _in_ledger(session: Session, operation: Mapping[str, Any], number: Any) -> Decimal:
    """What the ledger holds of a record: the gross of a document, the amount of a payment."""
    sender = Sender(session.client, operation["business"])
    record = sender.get(operation["stream"], operation["params"], number) or {}
    return decimal(record.get("gross", record.get("amount", 0)))


def _by_file(operation: Mapping[str, Any]) -> Decimal:
    """What a record comes to by the file; of a document that states no gross, its net."""
    return gross_of(operation["record"]) or worth(operation["body"] or {})


def show_reconciled(found: list[Reconciled]) -> None:
    """Print what was written, by stream, beside what the ledger holds of it."""
    output.print_table(
        ["Written", "Records", "By the file", "In the ledger", "Difference"],
        [
            [
                r.stream, str(r.records), money(r.file) if r.file else "",
                "" if r.ledger is None else money(r.ledger),
                "" if r.ledger is None else money(r.ledger - r.file),
            ]
            for r in found
        ],
    )  # fmt: skip
