"""Files attached to documents. Only size and SHA-256 are stored: no operation reads the bytes."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.accounting.balances import current
from clearbooks_sandbox.accounting.paging import ListQuery, sortable
from clearbooks_sandbox.reply import Reply, encode, not_found
from clearbooks_sandbox.validation import resource_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clearbooks_sandbox.accounting.documents import Documents
    from clearbooks_sandbox.accounting.session import Handler, Session


class Attachments:
    """Handlers for the attachments of one side's documents."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self.title = f"{documents.title}Attachment"

    def handlers(self) -> dict[str, Handler]:
        """Handlers by operation id."""
        return {
            f"list{self.title}s": self.list,
            f"get{self.title}": self.get,
            f"create{self.title}": self.create,
            f"delete{self.title}": self.delete,
        }

    def _document(self, s: Session, params: Mapping[str, Any]) -> int:
        """ID of the newest revision of the document, which has its attachments."""
        self.documents.find(s, params)
        return current(s, params[self.documents.id_name])

    def list(self, s: Session, params: Mapping[str, Any], query: Mapping[str, Any]) -> Reply:
        """A page of a document's attachments."""
        where = {"business": s.business, "document": self._document(s, params), "hidden": 0}
        fields = sortable(resource_of(f"list{self.title}s")[0].schema)
        return s.pager.page(ListQuery("attachments", where, fields), query)

    def create(self, s: Session, params: Mapping[str, Any], body: bytes) -> Reply:
        """Attach a file of a kind that is taken. Several files may have one name."""
        document = self._document(s, params)
        known = resource_of(f"create{self.title}")[0].schema["x-extensions"]
        if PurePosixPath(params["fileName"]).suffix[1:].lower() not in known:
            s.add_fault("fileName", f"fileName: must end in one of {', '.join(known)}")
            s.raise_faults()
        record = {
            "id": s.next_id("attachment"),
            "name": params["fileName"],
            "size": len(body),
            "dateUploaded": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        data = encode(record)
        s.db.execute(
            "INSERT INTO attachments VALUES (?, ?, ?, ?, 0, ?)",
            (s.business, record["id"], document, hashlib.sha256(body).hexdigest(), data),
        )
        return Reply(201, {}, data)

    def _find(self, s: Session, params: Mapping[str, Any]) -> tuple[Any, ...]:
        document = self._document(s, params)
        row = s.row("attachments", params["attachmentId"], "document, json")
        if row is None or row[0] != document:
            raise not_found("attachment", params["attachmentId"])
        return row

    def get(self, s: Session, params: Mapping[str, Any]) -> Reply:
        """The description of an attachment."""
        return Reply(200, {}, self._find(s, params)[1])

    def delete(self, s: Session, params: Mapping[str, Any]) -> Reply:
        """Remove an attachment."""
        self._find(s, params)
        s.hide("attachments", params["attachmentId"])
        return Reply(204)
