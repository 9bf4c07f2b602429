"""The sandbox as one Starlette application: API, token endpoint, pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route

from clearbooks_sandbox.http.api import Api
from clearbooks_sandbox.http.faults import Faults
from clearbooks_sandbox.http.oauth import OAuth
from clearbooks_sandbox.http.own_pages import OwnPages
from clearbooks_sandbox.options import API_PATH, TOKEN_PATH, Options

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from clearbooks_sandbox.accounting.engine import AccountingEngine
    from clearbooks_sandbox.http.request_log import RequestLog


def create_app(engine: AccountingEngine, options: Options | None = None) -> Starlette:
    """The application; `app.state` holds `engine`, `oauth`, `faults` and the others.

    Paths: `/v1/...` the API, `/oauth/token`, `/account/action/oauth/` the consent page and
    `/books/` the books, from `clearbooks_sandbox.pages.routes(engine, oauth)`.

    Raises:
        ValueError: an unknown fault, dialect or feature, or a date that is none.
    """
    options = options or Options()
    oauth = OAuth(engine, options.expires_in)
    oauth.add_application(options.client_id, options.client_secret, "Sandbox application")
    if options.refresh_token:
        oauth.add_token("refresh", options.refresh_token, options.client_id)
    if options.access_token:
        oauth.add_token("access", options.access_token, options.client_id)
    engine.dialects.on(*options.dialects)
    for business in engine.business_ids() if options.features else ():
        engine.switch_on(business, *options.features)
    engine.pager.cap = options.page_cap
    for business in engine.business_ids() if options.vat_finalised else ():
        engine.finalise_vat(business, str(options.vat_finalised))
    faults = Faults(options.faults)
    api = Api(engine, oauth, faults, options)
    routes: list[BaseRoute] = [Mount(API_PATH, app=api), Route(TOKEN_PATH, endpoint=api)]
    if options.pages:
        routes += _pages(engine, oauth, api.requests)
    app = Starlette(routes=routes, middleware=[Middleware(OwnPages)])
    app.state.engine, app.state.oauth, app.state.api = engine, oauth, api
    app.state.requests = api.requests
    app.state.faults, app.state.dialects, app.state.options = faults, engine.dialects, options
    return app


def _pages(engine: AccountingEngine, oauth: OAuth, requests: RequestLog) -> list[BaseRoute]:
    # Here, since tests and benchmarks without pages need not load the templates.
    from clearbooks_sandbox.pages import routes

    return list(routes(engine, oauth, requests))
