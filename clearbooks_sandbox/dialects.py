"""Ways in which the live API may differ from its reference; each can be switched on."""

from __future__ import annotations

import html
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from clearbooks_sandbox.reply import Fault, RefusedError, Reply, decode, encode
from clearbooks_sandbox.validation import resource_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from clearbooks.contract import JsonSchema, Operation

DIALECTS = {
    "nulls": "fields without a value are null instead of absent",
    "empties": "texts and numbers without a value are empty texts instead of absent",
    "errors-array": "errors come as a bare array of {errorCode, errorMessage}, without a source",
    "errors-pointer": 'the source of an error is {"pointer": "/lineItems/0/vatRateKey"}',
    "errors-html": "messages of errors are HTML",
    "patch": "updates are PATCH; PUT is answered 405 with Allow",
    "wrapped": "a single object comes in an array of one",
    "no-headers": "no pagination headers",
    "unsorted": "sortBy and sortDirection are ignored, the order means nothing",
    "ascending-only": "sortDirection is ignored",
    "ok-200": "a create is answered 200 instead of 201",
    "string-money": "amounts are strings",
    "string-ids": "IDs are strings",
    "redirect-301": "an earlier revision redirects with 301 instead of 303",
    "redirect-302": "the same with 302",
    "redirect-307": "the same with 307",
    "redirect-308": "the same with 308",
    "timed-dates": "dates come with a time",
    "escaped-text": "texts come with HTML entities",
    "unknown-fields": "answers hold fields that no reference names",
    "pretty": "JSON is indented",
    "part-paid": "the status of a document that is paid in part is part paid",
    "bare-lists": "lists of documents leave their lines out",
    "bare-answers": "what is created or updated is answered by its ID alone",
    "other-statuses": "statuses are Draft, Approved, Paid and VOID, and quotes are Approved",
    "paid-changeable": "paid documents can be changed and voided like any other",
    "paid-fields": "a paid document takes only fields that may change, also where nothing differs",
    "revision-frees": "a revision frees what was allocated, as a void does",
    "revision-renews": "a revision gives the allocations that it takes along new IDs",
    "no-negative-totals": "documents whose total is negative are refused",
    "one-entity": "a customer and a supplier of one name are one entity under one ID",
    "voided-listed": "voided documents stay in the lists",
    "voids-remove": "what is voided, deleted or changed takes its transaction away",
    "no-external-id": "contacts know no externalId: a body with one is refused",
    "external-id-ignored": "contacts know no externalId: it is dropped from what is sent",
    "no-cis-deduction": "lines on CIS accounts deduct nothing by themselves",
    "prefixed-answers": "documents come with S or P in front of the VAT treatment, such as SUK",
    "prefixed-treatments": "the same in lists of VAT treatments, and in what may be sent",
    "revokes-application": "consent of one user ends the tokens of all users of the application",
    "tidied": "numbers are kept in a spelling of the server's own, and text without extra spaces",
}


_OF_VALUES = {
    "nulls",
    "empties",
    "string-money",
    "string-ids",
    "unknown-fields",
    "timed-dates",
    "escaped-text",
}


class Dialects:
    """The dialects that are on; a collection of their names."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._on: set[str] = set()
        self.on(*names)

    def on(self, *names: str) -> None:
        """Switch dialects on.

        Raises:
            ValueError: an unknown name.
        """
        for name in names:
            if name not in DIALECTS:
                raise ValueError(f"no dialect {name!r}; there are: {', '.join(DIALECTS)}")
        self._on.update(names)

    def off(self, *names: str) -> None:
        """Switch dialects off; all of them where none is named."""
        self._on -= set(names or DIALECTS)

    def __contains__(self, name: object) -> bool:
        return name in self._on

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._on))

    def __len__(self) -> int:
        return len(self._on)

    def rewrite_body(self, body: Any) -> Any:
        """A request body as a server of these dialects reads it.

        Raises:
            RefusedError: it holds a field that is not known.
        """
        if not self._on or not isinstance(body, dict):
            return body
        if "tidied" in self._on:
            body = {name: _normalised(name, value) for name, value in body.items()}
        if "externalId" not in body:
            return body
        if "no-external-id" in self._on:
            raise RefusedError(400, [Fault("unknownField", "externalId: is not a known field")])
        if "external-id-ignored" in self._on:
            return {name: value for name, value in body.items() if name != "externalId"}
        return body

    def rewrite_reply(self, operation: Operation | None, reply: Reply) -> Reply:
        """A reply as a server of these dialects sends it; None where no operation was found."""
        if not self._on:
            return reply
        status, headers, body = reply.status, dict(reply.headers), reply.body
        if "no-headers" in self._on:
            headers = {k: v for k, v in headers.items() if not k.startswith("X-Pagination-")}
        if status == HTTPStatus.CREATED and "ok-200" in self._on:
            status = 200
        if status == HTTPStatus.SEE_OTHER:
            status = next((int(n[9:]) for n in self._on if n.startswith("redirect-")), status)
        if body and reply.ok and operation:
            body = self._success(operation, body)
        elif body and status >= HTTPStatus.BAD_REQUEST:
            body = self._refusal(body)
        if body and "pretty" in self._on:
            body = msgspec.json.format(body, indent=2)
        return Reply(status, headers, body)

    def _success(self, operation: Operation, body: bytes) -> bytes:
        if self._on & _OF_VALUES:
            schema = resource_of(operation.id)[0].schema
            body = encode(self._value(schema, decode(body)))
        if self._on & {"prefixed-answers", "prefixed-treatments"}:
            body = _with_prefixes(operation, body)
        if "bare-lists" in self._on and operation.id.startswith("list"):
            rows = decode(body)
            for row in rows if isinstance(rows, list) else ():
                row.pop("lineItems", None)
            body = encode(rows)
        if "bare-answers" in self._on and operation.method != "GET":
            body = _bare(body)
        if "other-statuses" in self._on and b'"status"' in body:
            body = _with_statuses(body)
        wraps = operation.method == "GET" and operation.id.startswith("get")
        return b"[" + body + b"]" if wraps and "wrapped" in self._on else body

    def _refusal(self, body: bytes) -> bytes:
        faults = decode(body)["errors"]
        for fault in faults:
            if "errors-html" in self._on:
                fault["errorMessage"] = f"<p>{html.escape(fault['errorMessage'])}<br/></p>"
            if "errors-pointer" in self._on and "source" in fault:
                parts = fault["source"].replace("[", ".").replace("]", "").split(".")
                fault["source"] = {"pointer": "/" + "/".join(parts)}
            if "errors-array" in self._on:
                fault.pop("source", None)
        return encode(faults if "errors-array" in self._on else {"errors": faults})

    def _value(self, schema: JsonSchema, value: Any) -> Any:
        if isinstance(value, list):
            return [self._value(schema.get("items", schema), item) for item in value]
        if isinstance(value, dict):
            return self._object(schema, value)
        if schema.get("format") == "double" and "string-money" in self._on and value is not None:
            return str(value)
        if isinstance(value, str) and schema.get("format") == "date":
            return f"{value}T00:00:00" if "timed-dates" in self._on else value
        return (
            html.escape(value) if isinstance(value, str) and "escaped-text" in self._on else value
        )

    def _object(self, schema: JsonSchema, record: dict[str, Any]) -> dict[str, Any]:
        known = schema.get("properties", {})
        if set(record) == {"items"}:
            return {"items": self._value({"items": schema}, record["items"])}
        found = {k: self._value(known.get(k, {}), v) for k, v in record.items()}
        if "string-ids" in self._on:
            found |= {k: str(v) for k, v in found.items() if _is_id(k) and isinstance(v, int)}
        if "nulls" in self._on:
            hidden = {k for k, v in known.items() if v.get("writeOnly") or v.get("x-source")}
            found = {**dict.fromkeys(k for k in known if k not in hidden), **found}
        if "empties" in self._on:
            # Those of requests, too: some servers send them back.
            plain = (k for k, v in known.items() if not v.keys() & {"items", "properties"})
            found |= {k: "" for k in plain if found.get(k) is None}
        if "unknown-fields" in self._on and known:
            found |= {"_links": {"self": "/"}, "lockVersion": 3}
        return found


def _with_prefixes(operation: Operation, body: bytes) -> bytes:
    """Documents with S or P in front of the key of their VAT treatment."""
    sides = {"salesType": "S", "purchaseType": "P"}
    prefix = next((sides[name] for name in operation.path_parameters if name in sides), None)
    if prefix is None or b'"vatTreatment"' not in body:
        return body
    found = decode(body)
    for record in found if isinstance(found, list) else [found]:
        record["vatTreatment"] = prefix + record["vatTreatment"]
    return encode(found)


def _bare(body: bytes) -> bytes:
    """A record's ID without the record."""
    found = decode(body)
    return encode({"id": found["id"]}) if isinstance(found, dict) and "id" in found else body


def _with_statuses(body: bytes) -> bytes:
    """Documents with other words for what they are."""
    found = decode(body)
    for record in found if isinstance(found, list) else [found]:
        quote = "QTE" in (record.get("formattedDocumentNumber") or "")
        status = "approved" if quote and record["status"] == "draft" else record["status"]
        record["status"] = "VOID" if status == "voided" else status.capitalize()
    return encode(found)


def _is_id(name: str) -> bool:
    return name == "id" or name.endswith("Id")


def _normalised(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    bare = "".join(c for c in value if c.isalnum()).upper()
    if name == "vatNumber":
        return bare.removeprefix("GB")
    if name == "companyNumber":
        return bare.zfill(8)
    if name == "sortCode":
        return "-".join(bare[n : n + 2] for n in range(0, len(bare), 2))
    return bare if name in {"accountNumber", "iban"} else " ".join(value.split())


def method_of(operation: Operation, dialects: Dialects) -> str:
    """The HTTP method of an operation, in the dialects that are on."""
    is_update = operation.id.startswith("update")
    return "PATCH" if is_update and "patch" in dialects else operation.method
