"""The sandbox as one Starlette application: API, token endpoint, pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from clearbooks_sandbox.engine import Engine


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
    """The application; `app.state` holds `engine`, `oauth`, `faults`, `dialects`, `options`.

    Paths: `/v1/...` the API, `/oauth/token`, `/account/action/oauth/` the consent page and
    `/books/` the books, from `clearbooks_sandbox.pages.routes(engine, oauth)`.
    """
    raise NotImplementedError
