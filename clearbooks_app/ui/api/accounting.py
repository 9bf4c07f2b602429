"""The records of a business over the API: read and written as models, and what there is of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from clearbooks.errors import SettingError
from clearbooks_app.operations.coverage import StreamCoverage, coverage
from clearbooks_app.operations.listing import AbsentError, ResultPage, list_model
from clearbooks_app.operations.unified import in_words, part_for, to_record
from clearbooks_app.operations.unified_models import ABSENT, MODELS
from clearbooks_app.operations.writing import write_records
from clearbooks_app.ui.api import shapes
from clearbooks_app.ui.api.connections import require_known
from clearbooks_app.ui.api.endpoint import Endpoint

if TYPE_CHECKING:
    from clearbooks_app.operations.unified_models import Part
    from clearbooks_app.ui.site import Site

# A result for each record is promised, also for one that waits for another.
_WAITS = "waiting"


def _read(site: Site, params: shapes.OfRecords, _: None) -> ResultPage:
    require_known(site, params.connection)
    return list_model(
        site.settings(params.connection),
        params.business,
        params.model,
        limit=params.limit,
        cursor=params.cursor,
    )


def _write(site: Site, params: shapes.OfModel, body: shapes.WriteRecords) -> shapes.RecordResults:
    require_known(site, params.connection)
    if params.model in ABSENT:
        raise AbsentError(ABSENT[params.model])
    if params.model not in MODELS:
        raise AbsentError(f"there is no model {params.model!r}; there are {', '.join(MODELS)}")
    keys: list[str] = []
    parts: list[Part] = []
    messages: list[dict[str, Any]] = []
    for place, record in enumerate(body.records):
        key = record.get("remote_id")
        if not isinstance(key, str) or not key.strip():
            raise SettingError(f"records[{place}].remote_id: should be the ID of your own, a text")
        if key in keys:
            raise SettingError(f"records[{place}].remote_id: {key!r} is there twice")
        keys.append(key)
        try:
            part = part_for(params.model, record)
        except SettingError as error:
            raise SettingError(f"records[{place}]: {error}") from None
        parts.append(part)
        messages.append(
            {"type": "RECORD", "stream": part.written, "record": to_record(part, record)}
        )
    settings = site.settings(params.connection)
    done = write_records(settings, params.business, messages)
    prefix = f"{settings.values['source']}:" if settings.values.get("source") else ""
    found = {(r["stream"], r["source_key"].removeprefix(prefix)): r for r in done.results}
    results = []
    for key, part in zip(keys, parts, strict=True):
        became = found.get((part.written, key), {})
        results.append(
            shapes.RecordResult(
                remote_id=key,
                outcome=became.get("outcome", _WAITS),
                id=became.get("ledger_id"),
                number=became.get("ledger_number"),
                reasons=[in_words(part, reason) for reason in became.get("reasons", ())],
            )
        )
    return shapes.RecordResults(done.run, results)


class Coverage(msgspec.Struct):
    """Every stream."""

    result: list[StreamCoverage]
    next_cursor: str | None = None


def _coverage(_site: Site, _params: object, _: None) -> Coverage:
    return Coverage(coverage())


_TAG = "accounting"
PATH = "/api/connections/{connection}/businesses/{business}/accounting/{model}"
READ = Endpoint(
    id="listRecords",
    method="GET",
    path=PATH,
    summary="List the records of a model",
    description="`next_cursor` asks for the next page. A page that is not the last may be empty.",
    tag=_TAG,
    params=shapes.OfRecords,
    result=ResultPage,
    call=_read,
)
WRITE = Endpoint(
    id="writeRecords",
    method="POST",
    path=PATH,
    summary="Write records of a model, with a result for each",
    description="By the rules of the target: a `remote_id` becomes one record, however often it "
    "is sent; what cannot be written is refused with its reasons, and what is in doubt is set "
    "aside. Fields that the model does not have are those of the target's own records.",
    tag=_TAG,
    params=shapes.OfModel,
    body=shapes.WriteRecords,
    result=shapes.RecordResults,
    call=_write,
)
ENDPOINTS = (
    READ,
    WRITE,
    Endpoint(
        id="getCoverage",
        method="GET",
        path="/api/coverage",
        summary="Get what can be read and written",
        tag=_TAG,
        result=Coverage,
        call=_coverage,
    ),
)
