"""What people do on the website and no operation of the API does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearbooks.contract import load_contract
from clearbooks_sandbox.accounting.operations import PURCHASES, SALES
from clearbooks_sandbox.accounting.session import without_nulls
from clearbooks_sandbox.accounting.storage import TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clearbooks_sandbox.accounting.session import Session

_TEXTS = {
    "sales_document": {"description", "reference"},
    "purchase_document": {"description", "reference"},
    "payment": {"description", "paymentMethodId"},
}
_ARCHIVED = frozenset({"account_code", "bank_account", "stock_item"})


def edit_text(s: Session, stream: str, record_id: int, fields: Mapping[str, object]) -> None:
    """Change text of a document or payment in place: no new ID, and nothing is posted.

    Raises:
        ValueError: a field that is no such text.
        RefusedError: there is no such record.
    """
    entity = load_contract().resources[stream].entity
    for name in fields.keys() - _TEXTS.get(entity, set()):
        raise ValueError(f"{name} of {stream} is not changed in place")
    table = TABLES[entity]
    s.put_json(table, without_nulls({**s.record(table, record_id, entity), **fields}))


def archive(s: Session, stream: str, record_id: int) -> None:
    """Take a record out of its list, also where it is in use; contacts have a field for it.

    Raises:
        ValueError: records of this stream are not archived in this way.
        RefusedError: there is no such record.
    """
    entity = load_contract().resources[stream].entity
    if entity not in _ARCHIVED:
        raise ValueError(f"{stream} are not archived by leaving their list")
    s.record(TABLES[entity], record_id, entity)
    s.hide(TABLES[entity], record_id)


def approve_draft(s: Session, stream: str, record_id: int) -> None:
    """Approve a draft: it is posted under the ID that it has.

    Raises:
        RefusedError: there is no such draft.
    """
    fixed = load_contract().resources[stream].fixed
    documents = SALES if SALES.kind_name in fixed else PURCHASES
    documents.approve(s, {**fixed, documents.id_name: record_id})
