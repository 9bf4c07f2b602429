"""The sandbox as one Starlette application: API, token endpoint, pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Mount, Route

from clearbooks_sandbox.http.api import BASE, TOKEN_PATH, Api
from clearbooks_sandbox.http.faults import Faults
from clearbooks_sandbox.http.oauth import OAuth

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from clearbooks_sandbox.accounting.engine import Engine

CONSENT_PATH = "/account/action/oauth/"
BOOKS_PATH = "/books/"


@dataclass(slots=True)
class Options:
    """How the sandbox behaves. Everything is off by default.

    Attributes:
        rate: Requests a second that are answered; None for any number.
        burst: How many may come at once before `rate` holds.
        retry_after: Whether a 429 says when to come back.
        latency_ms: Time added to every answer.
        page_cap: Most results on a page, below the contract's 200.
        faults: Specifications as for `--fault`.
        dialects: Names as for `--dialect`.
        expires_in: Life of an access token in seconds.
        refresh_token: One that is there from the start; None for none.
        access_token: One that never expires; None for none.
        pages: Whether there are web pages.
    """

    rate: float | None = None
    burst: int = 10
    retry_after: bool = False
    latency_ms: int = 0
    page_cap: int | None = None
    faults: list[str] = field(default_factory=list)
    dialects: list[str] = field(default_factory=list)
    expires_in: int = 3600
    client_id: str = "sandbox"
    client_secret: str = "sandbox-secret"  # noqa: S105 - made to be known
    refresh_token: str | None = "sandbox-refresh-token"  # noqa: S105
    access_token: str | None = "sandbox-access-token"  # noqa: S105
    pages: bool = True


def create_app(engine: Engine, options: Options | None = None) -> Starlette:
    """The application; `app.state` holds `engine`, `oauth`, `faults` and the others.

    Paths: `/v1/...` the API, `/oauth/token`, `/account/action/oauth/` the consent page and
    `/books/` the books, from `clearbooks_sandbox.pages.routes(engine, oauth)`.

    Raises:
        ValueError: an unknown fault or dialect.
    """
    options = options or Options()
    oauth = OAuth(engine, options.expires_in)
    oauth.add_application(options.client_id, options.client_secret, "Sandbox application")
    if options.refresh_token:
        oauth.add_token("refresh", options.refresh_token, options.client_id)
    if options.access_token:
        oauth.add_token("access", options.access_token, options.client_id)
    engine.dialects.on(*options.dialects)
    engine.pager.cap = options.page_cap
    faults = Faults(options.faults)
    api = Api(engine, oauth, faults, options)
    routes: list[BaseRoute] = [Mount(BASE, app=api), Route(TOKEN_PATH, endpoint=api)]
    if options.pages:
        routes += _pages(engine, oauth)
    app = Starlette(routes=routes)
    app.state.engine, app.state.oauth, app.state.api = engine, oauth, api
    app.state.faults, app.state.dialects, app.state.options = faults, engine.dialects, options
    return app


def _pages(engine: Engine, oauth: OAuth) -> list[BaseRoute]:
    # Here, since tests and benchmarks without pages need not load the templates.
    from clearbooks_sandbox.pages import routes  # noqa: PLC0415

    return list(routes(engine, oauth))
