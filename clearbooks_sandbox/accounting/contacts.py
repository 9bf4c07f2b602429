"""Customers and suppliers.

They share one sequence of IDs, since a payment's `contactId` may be either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearbooks.contract import country_codes
from clearbooks_sandbox.accounting.paging import Listing, sortable
from clearbooks_sandbox.accounting.session import without_nulls
from clearbooks_sandbox.reply import Reply, conflict, encode, not_found
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
        return s.pager.page(Listing("contacts", where, fields), query)

    def _find(self, s: Session, contact_id: int) -> dict[str, Any]:
        record = s.record("contacts", contact_id, self.what)
        row = s.row("contacts", contact_id, "kind")
        if row is None or row[0] != self.kind:
            raise not_found(self.what, contact_id)
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
            "id": s.next_id("contact"),
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
        return Reply(200, {}, s.put_json("contacts", without_nulls(record)))

    def delete(self, s: Session, params: Mapping[str, Any]) -> Reply:
        """Delete a contact that has neither documents nor payments."""
        contact = params[self.id_name]
        self._find(s, contact)
        used = s.db.execute(
            "SELECT EXISTS (SELECT 1 FROM documents WHERE business = ?1 AND contact = ?2) "
            "OR EXISTS (SELECT 1 FROM payments WHERE business = ?1 AND contact = ?2)",
            (s.business, contact),
        ).fetchone()[0]
        if used:
            raise conflict(
                f"The {self.what} {contact} has documents or payments: archive it instead."
            )
        s.hide("contacts", contact)
        return Reply(204)
