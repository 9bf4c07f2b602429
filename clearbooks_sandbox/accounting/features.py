"""What can be switched on for a business."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearbooks_sandbox.reply import decode

if TYPE_CHECKING:
    from clearbooks_sandbox.accounting.session import Session

CIS = "cis"
REVERSE_CHARGE = "reverse-charge"
FEATURES = {
    CIS: "the Construction Industry Scheme: its accounts, and what they deduct",
    REVERSE_CHARGE: "the domestic reverse charge, a VAT treatment with the key DRC",
}


def features_of(s: Session) -> frozenset[str]:
    """Names of the features that are on for the business of the session."""
    row = s.db.execute("SELECT features FROM businesses WHERE id = ?", (s.business,)).fetchone()
    return frozenset(decode(row[0]))
