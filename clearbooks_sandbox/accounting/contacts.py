"""Customers and suppliers.

They share one sequence of IDs, since a payment's `contactId` may be either. One entity may be both
under one ID: a row of each kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearbooks.contract import country_codes
from clearbooks_sandbox.accounting.paging import ListQuery, sortable
from clearbooks_sandbox.accounting.session import without_nulls
from clearbooks_sandbox.reply import Reply, conflict, decode, encode, not_found
from clearbooks_sandbox.validation import resource_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clearbooks_sandbox.accounting.session import Handler, Session


class Contacts:
    """Handlers of one kind, `customers` or `suppliers`."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.what = kind.removesuffix("s")
        self.title = self.what.capitalize()
        self.id_name = f"{self.what}Id"

    def handlers(self) -> dict[str, Handler]:
        """Handlers by operation id."""
        return {
            f"list{self.title}s": self.list,
            f"get{self.title}": self.get,
            f"create{self.title}": self.create,
            f"update{self.title}": self.update,
            f"delete{self.title}": self.delete,
        }

    def list(self, s: Session, params: Mapping[str, Any], query: Mapping[str, Any]) -> Reply:
        """A page of contacts."""
        del params
        where = {"business": s.business, "kind": self.kind, "hidden": 0}
        fields = sortable(resource_of(f"list{self.title}s")[0].schema)
        return s.pager.page(ListQuery("contacts", where, fields), query)

    def _find(self, s: Session, contact_id: int) -> dict[str, Any]:
        row = s.db.execute(
            "SELECT json FROM contacts WHERE business = ? AND id = ? AND kind = ? AND hidden = 0",
            (s.business, contact_id, self.kind),
        ).fetchone()
        if row is None:
            raise not_found(self.what, contact_id)
        record: dict[str, Any] = decode(row[0])
        return record

    def get(self, s: Session, params: Mapping[str, Any]) -> Reply:
        """One contact."""
        return Reply(200, {}, encode(self._find(s, params[self.id_name])))

    def _check(self, s: Session, record: Mapping[str, Any]) -> None:
        if not record["name"].strip():
            s.add_fault("blank", "name: must not be blank")
        code = record.get("address", {}).get("countryCode")
        if code is not None and code not in country_codes():
            s.add_fault(
                "countryCode", f"address.countryCode: {code!r} is no ISO 3166 code such as GB"
            )
        s.raise_faults()

    def create(self, s: Session, params: Mapping[str, Any], body: dict[str, Any]) -> Reply:
        """Make a contact."""
        del params
        self._check(s, body)
        record = {
            "id": self._entity(s, body["name"]) or s.next_id("contact"),
            **without_nulls(body),
            "archived": body.get("archived", False),
        }
        data = encode(record)
        s.db.execute(
            "INSERT INTO contacts VALUES (?, ?, ?, 0, ?)",
            (s.business, record["id"], self.kind, data),
        )
        return Reply(201, {}, data)

    def update(self, s: Session, params: Mapping[str, Any], body: dict[str, Any]) -> Reply:
        """Change the fields that are sent."""
        record = self._find(s, params[self.id_name]) | body
        self._check(s, record)
        data = encode(without_nulls(record))
        s.db.execute(
            "UPDATE contacts SET json = ? WHERE business = ? AND id = ? AND kind = ?",
            (data, s.business, record["id"], self.kind),
        )
        return Reply(200, {}, data)

    def _entity(self, s: Session, name: str) -> int | None:
        """ID of the contact of the other kind that is the same entity, where there are such."""
        if "one-entity" not in s.dialects:
            return None
        row = s.db.execute(
            "SELECT id FROM contacts c WHERE business = ?1 AND kind <> ?2 AND hidden = 0 "
            "AND json_extract(CAST(json AS TEXT), '$.name') = ?3 AND NOT EXISTS (SELECT 1 "
            "FROM contacts WHERE business = ?1 AND kind = ?2 AND id = c.id) ORDER BY id",
            (s.business, self.kind, name),
        ).fetchone()
        return row[0] if row else None

    def delete(self, s: Session, params: Mapping[str, Any]) -> Reply:
        """Delete a contact that has neither documents nor payments."""
        contact = params[self.id_name]
        self._find(s, contact)
        used = s.db.execute(
            "SELECT EXISTS (SELECT 1 FROM documents WHERE business = ?1 AND contact = ?2 "
            "AND side = ?3) OR EXISTS (SELECT 1 FROM payments WHERE business = ?1 "
            "AND contact = ?2)",
            (s.business, contact, "sales" if self.kind == "customers" else "purchases"),
        ).fetchone()[0]
        if used:
            raise conflict(
                f"The {self.what} {contact} has documents or payments: archive it instead."
            )
        s.db.execute(
            "UPDATE contacts SET hidden = 1 WHERE business = ? AND id = ? AND kind = ?",
            (s.business, contact, self.kind),
        )
        return Reply(204)


def kinds(s: Session, contact_id: int) -> list[str]:
    """What a contact is: `customers`, `suppliers`, both, or nothing where there is none."""
    rows = s.db.execute(
        "SELECT kind FROM contacts WHERE business = ? AND id = ? AND hidden = 0 ORDER BY kind",
        (s.business, contact_id),
    )
    return [kind for (kind,) in rows]


def exists(s: Session, kind: str, contact_id: int) -> bool:
    """Whether there is a contact of that kind."""
    return kind in kinds(s, contact_id)


def set_terms(s: Session, contact_id: int, days: int) -> None:
    """Set the terms of a contact, in days."""
    s.db.execute(
        "INSERT INTO terms VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET days = excluded.days",
        (s.business, contact_id, days),
    )


def terms(s: Session, contact_id: int, default: int) -> int:
    """Days until an invoice or bill of a contact is due."""
    row = s.db.execute(
        "SELECT days FROM terms WHERE business = ? AND contact = ?", (s.business, contact_id)
    ).fetchone()
    return row[0] if row else default
