"""What the status of a document says, whatever words a server has for it.

The API's reference lists no values. `draft`, `approved`, `paid` and `voided` are those of Clear
Books' older interface.
"""

from __future__ import annotations

import re
from typing import Any

_DRAFT = "draft"
_VOIDED = frozenset({"voided", "void", "deleted", "cancelled", "canceled"})
# The number of a voided one is printed with a V in front of the prefix of its kind.
_VOIDED_NUMBER = re.compile("V(?:INV|SCN|SRF|SDT|SBD|QTE|PUR|PCN|PRF|PDT|PBD|PO)")


def is_draft(status: Any) -> bool:
    """Whether a document is a draft: it posts nothing, and changes without a new ID."""
    return _word(status) == _DRAFT


def is_voided(status: Any, printed_number: Any) -> bool:
    """Whether a document no longer counts, although the API still shows it."""
    return _word(status) in _VOIDED or bool(
        isinstance(printed_number, str) and _VOIDED_NUMBER.match(printed_number)
    )


def _word(status: Any) -> str:
    return status.strip().casefold() if isinstance(status, str) else ""
