"""Taking a journal back: the API can neither change nor delete one, so the opposite is posted."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_clearbooks.intent import Intent, WriteOperation
from target_clearbooks.source_key import reversal_key

if TYPE_CHECKING:
    from collections.abc import Mapping


def reversal(
    business_id: int, stream: str, source_key: str, body: Mapping[str, Any], remote_id: int | str
) -> Intent:
    """The journal that reverses one.

    Args:
        business_id: The business.
        stream: Of journals.
        source_key: The key that the journal was posted for.
        body: What was sent for it.
        remote_id: Its ID in the ledger.
    """
    key = reversal_key(source_key, remote_id)
    lines = [{**line, "amount": -Decimal(str(line["amount"]))} for line in body["lines"]]
    words = f"Reversal: {body.get('description', '')}".strip()
    opposite = {**body, "lines": lines, "description": words}
    record = {"externalId": key, **opposite}
    return Intent(business_id, stream, WriteOperation.CREATE, key, opposite, record=record)
