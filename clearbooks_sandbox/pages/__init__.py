"""Web pages for people: the consent page, the books, and the last requests.

Plain HTML from the server: no scripts, nothing from elsewhere.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from clearbooks_sandbox.options import CONSENT_PATH
from clearbooks_sandbox.pages import banking, ledger, records
from clearbooks_sandbox.pages.consent import Consent
from clearbooks_sandbox.pages.requests import RequestPages
from clearbooks_sandbox.pages.view import of_business

if TYPE_CHECKING:
    from starlette.requests import Request

    from clearbooks_sandbox.accounting.engine import AccountingEngine
    from clearbooks_sandbox.http.oauth import OAuth
    from clearbooks_sandbox.http.request_log import RequestLog
    from clearbooks_sandbox.pages.view import View


def routes(engine: AccountingEngine, oauth: OAuth, requests: RequestLog) -> list[Route]:
    """Routes of every page: `/`, the consent page and all below `/books/`."""
    consent, log = Consent(engine, oauth), RequestPages(requests)

    def businesses(request: Request) -> Response:
        del request
        return ledger.businesses(engine)

    async def decide(request: Request) -> Response:
        form = await request.form()
        pending, decision, user = (
            str(form.get(name, "")) for name in ("pending", "decision", "user")
        )
        if not pending:
            asked = request.query_params
            return await run_in_threadpool(consent.at_once, asked, decision, user)
        wanted = [str(value) for value in form.getlist("business")]
        return await run_in_threadpool(consent.decide, pending, decision, wanted, user)

    views: dict[str, View] = {
        "": ledger.overview,
        "/": ledger.overview,
        "/contacts/{id:int}": records.contact,
        "/documents/{id:int}": records.document,
        "/payments/{id:int}": records.payment,
        "/account_codes/{id:int}": ledger.account,
        "/transactions/{id:int}": ledger.transaction,
        "/journals": ledger.journals,
        "/journals/{id:int}": ledger.journals,
        "/trial_balance": ledger.trial_balance,
        "/bank": banking.bank,
        "/statements/{id:int}": banking.statement,
        "/{stream}": ledger.stream,
    }
    return [
        Route("/", _to_books),
        Route(CONSENT_PATH, consent.ask, methods=["GET"]),
        Route(CONSENT_PATH, decide, methods=["POST"]),
        Route("/books", _to_books),
        Route("/books/", businesses),
        Route("/books/style.css", _style),
        Route("/books/requests", log.newest),
        Route("/books/requests/{id:int}", log.one),
        *(
            Route(f"/books/{{business:int}}{path}", of_business(engine, view))
            for path, view in views.items()
        ),
    ]


def _to_books(request: Request) -> Response:
    del request
    return RedirectResponse("/books/")


def _style(request: Request) -> Response:
    del request
    text = (files("clearbooks_sandbox.pages") / "static" / "style.css").read_text(encoding="utf-8")
    return Response(text, media_type="text/css", headers={"X-Content-Type-Options": "nosniff"})
