"""Records that wait for a person, beside what they may be, and what is decided of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from clearbooks.errors import SettingError
from clearbooks.exact_json import loads
from clearbooks_app.operations import doubts
from clearbooks_app.operations.candidates import comparisons
from clearbooks_app.operations.numbers import whole
from clearbooks_app.ui.pages.view import field, page, to
from clearbooks_app.ui.site import MissingError
from clearbooks_sandbox.pages.render import link

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request
    from starlette.responses import Response

    from clearbooks_app.ui.site import Site
    from target_clearbooks.store.undecided import Undecided

_HERE = "/decide"
_PAGE = 20
_WORDS = {
    "uncertain": "It was sent, and no answer told whether it was carried out.",
    "sending": "It was being sent when the run ended; the next run looks for it.",
    "quarantined": "It was set aside: nobody but you can tell.",
    "waiting": "It waits for another record.",
    "rejected": "It was refused, and nothing was sent.",
}


def every(site: Site, request: Request) -> Response:
    """The oldest of them, each with its form."""
    start = whole(request.query_params.get("after", "")) or 0
    rows = doubts.list_doubts(site.settings(), after=start, limit=_PAGE + 1)
    return page(
        site,
        request,
        "decide.html",
        _HERE,
        doubts=[_shown(row) for row in rows[:_PAGE]],
        after=rows[_PAGE - 1].id if len(rows) > _PAGE else None,
    )


def _shown(doubt: Undecided) -> dict[str, Any]:
    return {
        "it": doubt,
        "words": _WORDS[doubt.state],
        "is_record": doubts.is_the_record(doubt),
        "comparisons": comparisons(doubt),
        "text": json.dumps(doubt.record, indent=2, ensure_ascii=False, default=str),
    }


def decide(site: Site, request: Request, form: FormData) -> Response:
    """Carry out a decision."""
    settings = site.settings()
    try:
        doubt = doubts.find_doubt(settings, whole(request.path_params["doubt"]) or 0)
    except SettingError as error:
        raise MissingError(str(error)) from None
    what, done = field(form, "decision"), None
    if what == "choose":
        given = field(form, "other") or field(form, "id")
        if not given:
            raise SettingError("choose one of the candidates, or give the ID of another record")
        done = doubts.choose(settings, doubt, given, field(form, "field") or None)
    elif what == "create":
        done = doubts.create(settings, doubt)
    elif what == "drop":
        doubts.drop(settings, doubt)
    elif what == "send":
        done = doubts.send(settings, doubt, _record(field(form, "record")))
    else:
        raise SettingError("decision: should be choose, create, drop or send")
    words = f"{doubt.stream} {doubt.key}: "
    if done is None:
        words += "left out." if what == "drop" else "settled."
    else:
        mine = [r for r in done.results if r["stream"] == doubt.stream]
        words += ", ".join(r["outcome"] for r in mine) or "nothing was sent"
        reasons = [reason for r in mine for reason in r["reasons"]]
        words += f": {'; '.join(reasons)}" if reasons else "."
    return to(link(_HERE, notice=words[:300]))


def _record(text: str) -> dict[str, Any]:
    try:
        found = loads(text)
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise SettingError(f"the record is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise SettingError('the record should be a JSON object, such as {"externalId": "1"}')
    return found
