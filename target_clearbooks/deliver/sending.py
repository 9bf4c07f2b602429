"""One request for an intent, made in a worker thread; it knows nothing of the outbox."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec

from clearbooks.errors import ClearBooksError, NotFoundError, RejectedError, UncertainError
from target_clearbooks.ledger.records import Record, listing, plain
from target_clearbooks.ledger.spelling import join_names
from target_clearbooks.writable import WRITABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clearbooks.client import Client
    from clearbooks.contract import Operation, Resource
    from clearbooks.paging import Listing
    from clearbooks.replies import Reply
    from target_clearbooks.intent import Intent

logger = logging.getLogger(__name__)

# Answers that find fault with the body itself; 409 is about what stands in the ledger.
_MALFORMED = (400, 422)


class Sender:
    """Carries out intents of one business.

    Args:
        client: Every request goes through it.
        business_id: Sent with every request.
    """

    def __init__(self, client: Client, business_id: int) -> None:
        self.client = client
        self.business_id = business_id
        self._unknown: set[tuple[str, str]] = set()

    def resource(self, stream: str) -> Resource:
        """The contract's resource of a stream."""
        return self.client.contract.resources[stream]

    def operation(self, intent: Intent) -> Operation | None:
        """The operation of the contract that carries out an intent, if there is one."""
        return self.resource(intent.stream).operation(intent.operation.verb)

    def params(self, stream: str, params: Mapping[str, Any], remote_id: Any) -> Record:
        """Path parameters of one record of the ledger."""
        found = {**self.resource(stream).fixed, **params}
        if remote_id is not None:
            found[WRITABLE[stream].id_name] = remote_id
        return found

    def send(self, intent: Intent) -> Record:
        """Make the one request of an intent; the record as the API answers it.

        Raises:
            UncertainError: it was sent and the answer does not tell what became of it.
            ApiError: it was not carried out.
        """
        operation = self.operation(intent)
        if operation is None:
            raise LookupError(f"{intent.stream} cannot be written by {intent.operation}")
        reply = self._write(intent, operation)
        if operation.method == "DELETE":
            return {}
        record = _answered(reply, operation, self.resource(intent.stream).schema["properties"])
        return record if len(record) != 1 else self._completed(intent, record)

    def _completed(self, intent: Intent, record: Record) -> Record:
        """The whole record, where the answer holds nothing but its ID.

        Only a document or payment gets amounts, a number or a status by the ledger; of others
        what was sent is all there is to know.
        """
        if not WRITABLE[intent.stream].long:
            return {**intent.body, **record} if isinstance(intent.body, dict) else record
        try:
            whole = self.get(intent.stream, intent.params, record["id"])
        except ClearBooksError as error:
            # It is written all the same.
            logger.info("%s %s: written, but not read: %s", intent.stream, record["id"], error)
            whole = None
        return {**(whole or {}), **record}

    def _write(self, intent: Intent, operation: Operation) -> Reply:
        """Send the body; without fields that only newer accounts know, where this one does not.

        A refusal was not carried out, so the second request doubles nothing.
        """
        params = self.params(intent.stream, intent.params, intent.remote_id)
        resource = self.resource(intent.stream)
        body = intent.body
        if isinstance(body, dict):
            names = body if intent.changed is None else intent.changed
            body = {
                name: value
                for name, value in body.items()
                if name in names and (resource.entity, name) not in self._unknown
            }
        if operation.body == "items":
            body = {"items": [body]}
        try:
            return self.client.write(operation.id, params, body, business_id=self.business_id)
        except RejectedError as error:
            known = resource.schema["properties"]
            doubtful = {k for k in body or () if known.get(k, {}).get("x-assumed")}
            unknown = {name for name in doubtful if _says_unknown(error, name)}
            if doubtful and not error.faults:
                raise RejectedError(
                    error.operation,
                    error.status,
                    hint=f"no reason was given; an older account may not know "
                    f"{join_names(sorted(doubtful))}: see the setting `match`",
                ) from None
            if not isinstance(body, dict) or not unknown:
                raise
        self._unknown |= {(resource.entity, name) for name in unknown}
        logger.warning(
            "%s: this account does not know %s; sent without",
            intent.stream,
            ", ".join(sorted(unknown)),
        )
        return self._write(intent, operation)

    def get(self, stream: str, params: Mapping[str, Any], remote_id: Any) -> Record | None:
        """A record of the ledger, by way of the redirects to its newest revision.

        None where the API says that there is none; every other error is raised.
        """
        operation = self.resource(stream).operations["get"]
        try:
            reply = self.client.get(
                operation.id, self.params(stream, params, remote_id), business_id=self.business_id
            )
        except NotFoundError:
            return None
        return plain(reply.record())

    @property
    def in_flight(self) -> int:
        """How many requests may be under way at once, by the settings."""
        return self.client.connection.max_in_flight

    def listing(self, operation_id: str, params: Mapping[str, Any]) -> Listing:
        """A paged list of the business, by an operation of the contract."""
        return listing(self.client, self.business_id, operation_id, params, self.in_flight)

    def listed(self, stream: str) -> Listing:
        """The list of a stream."""
        resource = self.resource(stream)
        return self.listing(resource.operations["list"].id, resource.fixed)


def _says_unknown(error: RejectedError, name: str) -> bool:
    """Whether a refusal is about a field that the account does not know.

    One that says that the value is taken is no such thing: without the field, the same contact
    would be made again.
    """
    words = " ".join(part for fault in error.faults for part in fault).casefold()
    taken = any(word in words for word in ("already", "exist", "duplicate", "unique", "in use"))
    malformed = error.status in _MALFORMED or "unknown" in words
    return malformed and name.casefold() in words and not taken


def _answered(reply: Reply, operation: Operation, properties: Mapping[str, Any]) -> Record:
    """The record of a success answer; one without an ID leaves the write in doubt."""
    try:
        data = reply.json()
        if isinstance(data, dict) and isinstance(data.get("items"), list):
            data = data["items"]
        if operation.body == "items" and data == []:
            # Nothing new: the server had every line already.
            return {}
        if isinstance(data, list) and data:
            data = data[0]
        if isinstance(data, dict) and data.get("id") is not None:
            return plain(data, properties)
    except msgspec.MsgspecError:
        pass
    raise UncertainError(operation.id, reply.status, hint="the answer holds no record with an ID")
