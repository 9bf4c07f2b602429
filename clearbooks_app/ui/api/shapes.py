"""Parameters and answers of the API that are not values of the operations themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from clearbooks_app import output

if TYPE_CHECKING:
    from clearbooks.history import Run
    from clearbooks_app.operations.connections import StoredConnection
    from clearbooks_app.ui.jobs import Job

Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f/]+$")]
Number = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Limit = Annotated[int, Meta(ge=1, le=200, description="Records on a page.")]
CursorText = Annotated[
    str, Meta(max_length=4096, description="The `next_cursor` of the page before.")
]
Key = Annotated[str, Meta(min_length=1, max_length=500)]


class OfConnection(Struct, forbid_unknown_fields=True):
    """Names a connection."""

    connection: Name


class OfStream(Struct, forbid_unknown_fields=True):
    """Names a connection and a stream."""

    connection: Name
    stream: Name


class OfBusiness(Struct, forbid_unknown_fields=True):
    """Names a connection and a business."""

    connection: Name
    business: Number


class OfRecords(Struct, forbid_unknown_fields=True):
    """Asks for a page of a model of a business."""

    connection: Name
    business: Number
    model: Name
    limit: Limit = 50
    cursor: CursorText | None = None


class OfModel(Struct, forbid_unknown_fields=True):
    """Names a model of a business."""

    connection: Name
    business: Number
    model: Name


class OfJob(Struct, forbid_unknown_fields=True):
    """Names a job."""

    job: Name


class OfRun(Struct, forbid_unknown_fields=True):
    """Names a run."""

    run: Name


class Paged(Struct, forbid_unknown_fields=True):
    """Asks for a page; the cursor is a place in the list."""

    limit: Limit = 50
    cursor: Annotated[int, Meta(ge=0, le=2**53)] = 0


class PagedByName(Struct, forbid_unknown_fields=True):
    """Asks for a page; the cursor is the name of the last of the page before."""

    limit: Limit = 50
    cursor: Annotated[str, Meta(pattern="^[0-9a-z-]{1,60}$")] | None = None


class ConnectionItem(Struct, kw_only=True):
    """One user's consent. Times are ISO 8601 in UTC, null where unknown."""

    id: str
    client_id: str
    connected_at: str | None
    renewed_at: str | None
    expires_at: str | None
    businesses: list[int] | None
    scopes: list[str] | None
    error: str | None

    @classmethod
    def of(cls, stored: StoredConnection) -> ConnectionItem:
        """A stored connection as the API has it."""
        return cls(
            id=stored.connection,
            client_id=stored.client_id,
            connected_at=output.iso_time(stored.connected),
            renewed_at=output.iso_time(stored.renewed),
            expires_at=output.iso_time(stored.expires),
            businesses=stored.businesses,
            scopes=stored.scopes,
            error=stored.error,
        )


class Connections(Struct):
    """A page of connections."""

    result: list[ConnectionItem]
    next_cursor: str | None = None


class JobItem(Struct, kw_only=True):
    """Long work: `state` is `running`, `done`, `failed`, or `lost` where its process was killed."""

    id: str
    kind: str
    title: str
    state: str
    began: str | None
    ended: str | None
    exit_code: int | None
    records: dict[str, int]
    about: dict[str, Any]

    @classmethod
    def of(cls, job: Job) -> JobItem:
        """A job as the API has it."""
        return cls(
            id=job.order.id,
            kind=job.order.kind,
            title=job.order.title,
            state=job.state,
            began=output.iso_time(job.order.began),
            ended=output.iso_time(job.ended or 0),
            exit_code=job.exit_code,
            records=job.records,
            about=job.order.about,
        )


class JobList(Struct):
    """A page of jobs."""

    result: list[JobItem]
    next_cursor: str | None = None


class RunItem(Struct, kw_only=True):
    """A run of tap or target: how many records of each stream had which outcome.

    `requests` is null while it runs, and where nobody has counted them.
    """

    id: str
    kind: str
    started: str | None
    ended: str | None
    exit_code: int | None
    message: str | None
    requests: int | None
    businesses: list[int]
    streams: dict[str, dict[str, int]]

    @classmethod
    def of(cls, run: Run) -> RunItem:
        """A run as the API has it."""
        return cls(
            id=run.id,
            kind=run.kind,
            started=output.iso_time(run.started),
            ended=output.iso_time(run.ended or 0),
            exit_code=run.exit_code,
            message=run.message,
            requests=run.requests,
            businesses=run.businesses,
            streams=run.streams,
        )


class RunList(Struct):
    """A page of runs."""

    result: list[RunItem]
    next_cursor: str | None = None


class RunAnswer(Struct):
    """A run, what it came to in money, what it left open or refused, and its first records."""

    run: RunItem
    totals: list[dict[str, Any]]
    open: list[dict[str, Any]]
    results: list[dict[str, Any]]


class SyncStatus(Struct):
    """The newest sync that was started here, and the newest run of the tap; null where none."""

    job: JobItem | None
    run: RunItem | None


class Begin(Struct, forbid_unknown_fields=True, kw_only=True):
    """What a new connection is to be.

    `redirect_uri` is one that is registered for the application; without it the browser comes back
    to this page, which finishes by itself.
    """

    name: Name = "default"
    write: bool = False
    streams: list[Name] = msgspec.field(default_factory=list)
    redirect_uri: Annotated[str, Meta(max_length=2000, pattern=r"^https?://")] | None = None


class Begun(Struct, kw_only=True):
    """Where to send the person."""

    connection: str
    authorization_url: str
    redirect_uri: str
    scopes: list[str]
    expires_at: str | None


class Finish(Struct, forbid_unknown_fields=True):
    """The whole address that the browser was sent to, with `code` and `state`."""

    redirected_url: Annotated[str, Meta(max_length=8000)]


class Finished(Struct, kw_only=True):
    """A connection that was made; `businesses` are `id` and `name`."""

    connection: str
    scopes: list[str]
    scopes_refused: list[str]
    businesses: list[dict[str, Any]]
    businesses_error: str | None


class Gone(Struct):
    """A connection whose tokens were forgotten."""

    connection: str
    forgotten: bool


class FieldMapping(Struct):
    """A field of a model, and where Clear Books has it; `written` is null where it is only read."""

    model: str
    field: str
    stream: str
    read: str
    written: str | None


class FieldMappings(Struct):
    """Fields of the models, and the names of a source that stand for records of the ledger."""

    result: list[FieldMapping]
    references: dict[str, Any]
    next_cursor: str | None = None


class MapContact(Struct, forbid_unknown_fields=True):
    """A contact of the source, and the one of Clear Books that it is."""

    stream: Annotated[str, Meta(pattern="^(customers|suppliers)$")]
    external_id: Key
    contact_id: Number


class MappedContact(Struct):
    """A contact of the source, and the newest revision of what it is in Clear Books."""

    stream: str
    external_id: str
    contact_id: int | str


class MapBankAccount(Struct, forbid_unknown_fields=True):
    """What the source calls a bank account, and the one of Clear Books that it is."""

    name: Key
    bank_account_id: Number


class MappedBankAccount(Struct):
    """A bank account of the source, and the setting that holds it."""

    name: str
    bank_account_id: int
    references: dict[str, Any]


class WriteRecords(Struct, forbid_unknown_fields=True):
    """Records of a model, each with a `remote_id` of its own."""

    records: Annotated[list[dict[str, Any]], Meta(min_length=1, max_length=1000)]


class RecordResult(Struct, kw_only=True):
    """What became of a record. `id` is the ledger's, null where it does not stand there."""

    remote_id: str
    outcome: str
    id: int | str | None
    number: str | None
    reasons: list[str]


class RecordResults(Struct):
    """What became of each record, in the order in which they were sent."""

    run: str
    result: list[RecordResult]


class Decision(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is decided: `choose` needs `id`, `send` may have a corrected `record`.

    Where several names of a record fit several, `field` says which of them `id` is for: the one
    that the candidate has.
    """

    decision: Annotated[str, Meta(pattern="^(choose|create|drop|send)$")]
    id: Key | None = None
    field: Key | None = None
    record: dict[str, Any] | None = None


class Decided(Struct):
    """What the decision came to; `results` are those of the record where it was sent."""

    settled: bool
    results: list[dict[str, Any]]


class OfDoubt(Struct, forbid_unknown_fields=True):
    """Names a record that waits for a person."""

    doubt: Annotated[int, Meta(ge=1, le=2**53)]


class Doubts(Struct):
    """A page of records that wait for a person."""

    result: list[dict[str, Any]]
    next_cursor: str | None = None
