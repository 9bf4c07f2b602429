"""What of Clear Books can be read and written: streams, operations and fields, and how far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clearbooks.client import Client
from clearbooks.contract import load_contract
from clearbooks.errors import ApiError
from clearbooks.paging import DESCENDING
from clearbooks.replies import records
from clearbooks.scopes import cheapest_params
from clearbooks_app.config import find_account, require_connected
from tap_clearbooks.streams import STREAMS
from target_clearbooks.writable import WRITABLE

if TYPE_CHECKING:
    from clearbooks.contract import Resource
    from clearbooks_app.config import Settings


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a stream.

    Attributes:
        name: As the API has it.
        type: JSON types, joined by `or`.
        description: What it holds.
        read_only: Whether only the API sets it.
        required: Whether a new record has to have it.
    """

    name: str
    type: str
    description: str
    read_only: bool
    required: bool


@dataclass(frozen=True, slots=True)
class StreamCoverage:
    """A stream.

    Attributes:
        name: Its name.
        description: What it holds.
        operations: What the API does with its records: `list`, `get`, `create` …
        tap: Whether the tap reads it.
        target: Whether the target writes it.
        key: Fields that identify a record.
        scopes: What reading and writing need.
        fields: Its fields.
    """

    name: str
    description: str
    operations: list[str]
    tap: bool
    target: bool
    key: list[str]
    scopes: list[str]
    fields: list[Field]


@dataclass(frozen=True, slots=True)
class Sample:
    """What a business holds of a stream.

    Attributes:
        count: How many records, as the API counts them; None where it does not.
        rows: The newest, or the first where the API does not sort.
        error: Why they cannot be read.
    """

    count: int | None = None
    rows: tuple[dict[str, Any], ...] = ()
    error: str | None = None


def coverage() -> list[StreamCoverage]:
    """Every stream of the contract."""
    return [_covered(resource) for resource in load_contract().resources.values()]


def _covered(resource: Resource) -> StreamCoverage:
    create = resource.operation("create")
    writes = create is not None and create.body != "bytes"
    required = resource.write_schema("create").get("required", ()) if writes else ()
    return StreamCoverage(
        name=resource.name,
        description=resource.description,
        operations=list(resource.operations),
        tap=resource.name in STREAMS,
        target=resource.name in WRITABLE,
        key=list(resource.key),
        scopes=list(dict.fromkeys(o.scope for o in resource.operations.values())),
        fields=[
            Field(
                name=name,
                type=_types(schema),
                description=schema.get("description", ""),
                read_only=bool(schema.get("readOnly")) or name in resource.refused,
                required=name in required,
            )
            for name, schema in resource.schema["properties"].items()
        ],
    )


def _types(schema: dict[str, Any]) -> str:
    kinds = schema.get("type", "any")
    if kinds == "string" and schema.get("format"):
        return str(schema["format"])
    return kinds if isinstance(kinds, str) else " or ".join(k for k in kinds if k != "null")


def sample(settings: Settings, business: int, stream: str, rows: int = 5) -> Sample:
    """A few records of a stream of a business, and how many there are: one request.

    Raises:
        KeyError: there is no such stream.
        ClearBooksError: not connected.
    """
    resource = load_contract().resources[stream]
    params = cheapest_params(resource) if resource.readable else None
    if params is None:
        return Sample(error="cannot be listed by itself")
    operation = resource.operations["list"]
    if operation.paged:
        params["limit"] = rows
    names = {parameter.name for parameter in operation.parameters}
    if "sortBy" in names and "id" in resource.key:
        params |= {"sortBy": "id", "sortDirection": DESCENDING}
    account = find_account(settings)
    require_connected(account)
    with Client(account.connection) as client:
        try:
            reply = client.get(operation.id, params, business_id=business)
        except ApiError as error:
            return Sample(error=str(error))
        found = records(reply.json(), operation.id)
    return Sample(reply.total if operation.paged else len(found), tuple(found[:rows]))
