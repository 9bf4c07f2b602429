"""What a plan has written, compared with what the ledger holds of it now."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from clearbooks_app.operations.plan_view import gross_of
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
_AT_ONCE = 100


@dataclass(slots=True)
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


def reconcile(session: Session, path: Path) -> list[Reconciled]:
    """Read what was written of a plan, and add it up by stream.

    One request a document or payment; of the others the API has no single records with amounts.
    """
    found: dict[str, Reconciled] = {}
    operations = _written(session, path)
    while batch := list(islice(operations, _AT_ONCE)):
        amounts = session.executor.map(lambda pair: _amounts(session, *pair), batch)
        for (operation, _), (file, ledger) in zip(batch, amounts, strict=True):
            stream = operation["stream"]
            total = found.setdefault(stream, Reconciled(stream, 0, ZERO, None))
            total.records += 1
            total.file += file
            if ledger is not None:
                total.ledger = (total.ledger or ZERO) + ledger
    return list(found.values())


def _written(session: Session, path: Path) -> Iterator[tuple[Mapping[str, Any], Any]]:
    """The operations that were carried out, and the ID of what each became.

    The state store is this thread's; the requests are made in others.
    """
    for operation in read_plan(path, session.connection.api_url):
        writer = session.writers[operation["business"]]
        found = writer.became(operation["stream"], operation["key"])
        if operation["operation"] in ("create", "post", "update") and found is not None:
            yield operation, found.remote_id


def _amounts(
    session: Session, operation: Mapping[str, Any], number: Any
) -> tuple[Decimal, Decimal | None]:
    """What a record comes to by the file, and in the ledger.

    A document by its gross, or, where its record states none, by its net.
    """
    stream = operation["stream"]
    gross = gross_of(operation["record"])
    file = gross or worth(operation["body"] or {})
    if WRITABLE[stream].kind not in _READ:
        return file, None
    sender = Sender(session.client, operation["business"])
    record = sender.get(stream, operation["params"], number) or {}
    name = "gross" if gross else "net"
    return file, decimal(record.get("amount", record.get(name, 0)))
