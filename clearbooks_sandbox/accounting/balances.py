"""What is due on a document: its status, and how much of it is settled by allocations.

`documents` and `allocations` both change it, so it stands apart from either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.accounting.money import amount
from clearbooks_sandbox.reply import decode

if TYPE_CHECKING:
    from clearbooks_sandbox.accounting.session import Session

DRAFT, VOIDED = "draft", "voided"


def current(s: Session, document: int) -> int:
    """ID of the newest revision of a document."""
    while True:
        row = s.db.execute(
            "SELECT successor FROM documents WHERE business = ? AND id = ?", (s.business, document)
        ).fetchone()
        if row is None or row[0] is None:
            return document
        document = row[0]


def mark_voided(s: Session, record: dict[str, Any], successor: int | None) -> None:
    """Void a document that nothing is allocated to any more.

    Args:
        s: The session.
        record: The document; its status and what is due are changed.
        successor: ID of the revision that replaces it, or None.
    """
    record |= {"status": VOIDED, "due": amount(0)}
    record["formattedDocumentNumber"] = f"V{record['formattedDocumentNumber']}"
    record.pop("datePaid", None)
    s.put_json("documents", record)
    s.db.execute(
        "UPDATE documents SET status = ?, hidden = 1, settled = 0, posting = NULL, successor = ? "
        "WHERE business = ? AND id = ?",
        (VOIDED, successor, s.business, record["id"]),
    )


def refresh(s: Session, document: int) -> bytes:
    """Work out anew what is due, the status and the date paid; the document's JSON."""
    payable, date, data = s.db.execute(
        "SELECT payable, date, json FROM documents WHERE business = ? AND id = ?",
        (s.business, document),
    ).fetchone()
    total, last = settled(s, document)
    record = decode(data)
    record["due"] = amount(payable - total)
    record.pop("datePaid", None)
    record["status"] = "approved"
    if payable == total:
        record |= {"status": "paid", "datePaid": max(date, last or date)}
    s.db.execute(
        "UPDATE documents SET settled = ?, status = ? WHERE business = ? AND id = ?",
        (total, record["status"], s.business, document),
    )
    return s.put_json("documents", record)


def settled(s: Session, document: int) -> tuple[int, str | None]:
    """Pennies of a document that are settled, and the latest date of what settled them."""
    total, last = s.db.execute(
        "SELECT coalesce(sum(CASE WHEN a.invoice = ?2 THEN a.amount ELSE a.used END), 0), "
        "max(coalesce(p.date, d.date)) FROM allocations a "
        "LEFT JOIN payments p ON p.business = ?1 AND p.id = a.payment "
        "LEFT JOIN documents d ON d.business = ?1 "
        "AND d.id = CASE WHEN a.invoice = ?2 THEN a.credit_note ELSE a.invoice END "
        "WHERE a.business = ?1 AND (a.invoice = ?2 OR a.credit_note = ?2) AND a.hidden = 0",
        (s.business, document),
    ).fetchone()
    return total, last
