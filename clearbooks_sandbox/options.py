"""What can be chosen when a sandbox starts, and the paths that it serves."""

from __future__ import annotations

from dataclasses import dataclass, field

API_PATH = "/v1"
TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path
CONSENT_PATH = "/account/action/oauth/"


@dataclass(slots=True)
class Options:
    """How the sandbox behaves. By default nothing is limited, delayed or made to fail.

    Attributes:
        rate: Requests a second that are answered; None for no limit.
        burst: Requests that may come at once before `rate` applies.
        retry_after: Whether a 429 has a `Retry-After` header.
        latency_ms: Milliseconds added to every answer.
        page_cap: Most results on a page, below the contract's 200.
        faults: Specifications as for `--fault`.
        dialects: Names as for `--dialect`.
        features: Names as for `--feature`; they are switched on for every business there is.
        vat_finalised: Day up to which the VAT returns of every business are finalised.
        expires_in: Seconds until an access token expires.
        client_id: The application that is registered at the start, with `client_secret`.
        refresh_token: A refresh token that exists from the start; None for none.
        access_token: An access token that never expires; None for none.
        pages: Whether the web pages are served, and what they show of requests is kept.
    """

    rate: float | None = None
    burst: int = 10
    retry_after: bool = False
    latency_ms: int = 0
    page_cap: int | None = None
    faults: list[str] = field(default_factory=list)
    dialects: list[str] = field(default_factory=list)
    features: list[str] = field(default_factory=list)
    vat_finalised: str | None = None
    expires_in: int = 3600
    client_id: str = "sandbox"
    client_secret: str = "sandbox-secret"  # noqa: S105 - published: it protects nothing
    refresh_token: str | None = "sandbox-refresh-token"  # noqa: S105
    access_token: str | None = "sandbox-access-token"  # noqa: S105
    pages: bool = True
