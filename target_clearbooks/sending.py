"""One request for an intent, made in a worker thread; it knows nothing of the outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from clearbooks.errors import NotFoundError, UncertainError
from target_clearbooks.intent import WRITABLE, Operation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clearbooks.client import Client, Reply
    from clearbooks.contract import Operation as ApiOperation
    from clearbooks.contract import Resource
    from target_clearbooks.intent import Intent

Record = dict[str, Any]

_VERBS = {
    Operation.CREATE: "create",
    Operation.POST: "create",
    Operation.UPDATE: "update",
    Operation.VOID: "delete",
    Operation.DELETE: "delete",
}


class Sender:
    """Carries out intents of one business.

    Args:
        client: Every request goes through it.
        business_id: Sent with every request.
    """

    def __init__(self, client: Client, business_id: int) -> None:
        self.client = client
        self.business_id = business_id

    def resource(self, stream: str) -> Resource:
        """The contract's resource of a stream."""
        return self.client.contract.resources[stream]

    def operation(self, intent: Intent) -> ApiOperation | None:
        """The operation of the contract that carries out an intent, if there is one."""
        return self.resource(intent.stream).operation(_VERBS[intent.operation])

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
        body = {"items": [intent.body]} if operation.body == "items" else intent.body
        reply = self.client.write(
            operation.id,
            self.params(intent.stream, intent.params, intent.remote_id),
            body,
            business_id=self.business_id,
        )
        if operation.method == "DELETE":
            return {}
        return _answered(reply, operation)

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
        return {k: v for k, v in reply.record().items() if v is not None}


def _answered(reply: Reply, operation: ApiOperation) -> Record:
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
            return {k: v for k, v in data.items() if v is not None}
    except msgspec.MsgspecError:
        pass
    raise UncertainError(operation.id, reply.status, hint="the answer holds no record with an ID")
