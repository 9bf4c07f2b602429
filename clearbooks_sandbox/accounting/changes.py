"""What of a document may still be changed once it is paid, or stands on a finalised VAT return.

Clear Books lets a paid invoice change its reference, description, project, theme and accounts
alone, and voids no document of a finalised VAT return. The API has neither project nor theme.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.accounting.balances import DRAFT
from clearbooks_sandbox.reply import Fault, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from clearbooks_sandbox.accounting.session import Session

_FREE = frozenset({"reference", "description"})
_FREE_IN_LINES = frozenset({"accountCode"})
_PAID = "the document is paid"
_FINALISED = "the document is on a VAT return that is finalised"
_REST = "only reference, description, project, theme and accounts may change"


def finalise_vat(s: Session, until: str) -> None:
    """Finalise the VAT returns of the business up to and including a day.

    Raises:
        ValueError: it is no day as YYYY-MM-DD.
    """
    date.fromisoformat(until)
    s.db.execute(
        "INSERT INTO vat_returns VALUES (?, ?) ON CONFLICT DO UPDATE SET until = excluded.until",
        (s.business, until),
    )


def _fixed(s: Session, document: Mapping[str, Any]) -> tuple[str, str] | None:
    """Code and words of what keeps a document as it is; None where nothing does."""
    payable, settled = s.db.execute(
        "SELECT payable, settled FROM documents WHERE business = ? AND id = ?",
        (s.business, document["id"]),
    ).fetchone()
    if settled and settled == payable and "paid-changeable" not in s.dialects:
        return "documentPaid", _PAID
    until = s.db.execute(
        "SELECT until FROM vat_returns WHERE business = ?", (s.business,)
    ).fetchone()
    if until and document["date"] <= until[0] and document["status"] != DRAFT:
        return "vatReturnFinalised", _FINALISED
    return None


def check_void(s: Session, document: Mapping[str, Any]) -> None:
    """Refuse to void a document that is to stay.

    Raises:
        RefusedError: 409.
    """
    fixed = _fixed(s, document)
    if fixed:
        code, words = fixed
        raise RefusedError(409, [Fault(code, f"Cannot be voided, since {words}.")])


def check_update(
    s: Session, old: Mapping[str, Any], new: Mapping[str, Any], sent: Iterable[str]
) -> None:
    """Refuse what a document that is to stay may not change.

    Args:
        s: The session.
        old: The document as it stands.
        new: The document as it would be.
        sent: Fields that were sent.

    Raises:
        RefusedError: 409 with every field.
    """
    fixed = _fixed(s, old)
    if not fixed:
        return
    by_name = "paid-fields" in s.dialects
    paths = sorted(set(sent) - _FREE) if by_name else list(_changed(old, new))
    if paths:
        code, words = fixed
        raise RefusedError(409, [Fault(code, f"{path}: {words}: {_REST}") for path in paths])


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Paths of what differs and may not."""
    for name, value in new.items():
        if name not in _FREE and name != "lineItems" and value != old.get(name):
            yield name
    lines, before = new["lineItems"], old["lineItems"]
    if len(lines) != len(before):
        yield "lineItems"
        return
    for n, (line, was) in enumerate(zip(lines, before, strict=True)):
        for name in sorted(line.keys() | was.keys()):
            if name not in _FREE_IN_LINES and line.get(name) != was.get(name):
                yield f"lineItems[{n}].{name}"
