"""OAuth as Clear Books does it: authorisation codes, PKCE, single-use refresh tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from clearbooks_sandbox.engine import Engine


@dataclass(frozen=True, slots=True)
class Pending:
    """An authorisation that a person has yet to decide.

    Attributes:
        id: Opaque; the consent page carries it in its form.
        application: Name of the application that asks.
        scopes: What it asks for: scope -> description of the contract.
    """

    id: str
    application: str
    client_id: str
    redirect_uri: str
    scopes: dict[str, str]
    state: str | None
    code_challenge: str | None


class AuthorisationError(Exception):
    """A request for authorisation that cannot be shown to a person.

    `redirect` is where the browser is to be sent; None where the redirect URI itself cannot be
    trusted, and the page shows the text instead.
    """

    def __init__(self, message: str, redirect: str | None = None) -> None:
        super().__init__(message)
        self.redirect = redirect


class OAuth:
    """Applications, authorisations and tokens, kept in the engine's database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def request(self, query: Mapping[str, str]) -> Pending:
        """Read the query of the consent page.

        Raises:
            AuthorisationError: unknown application, redirect URI or scope.
        """
        raise NotImplementedError

    def pending(self, pending_id: str) -> Pending:
        """The request that a form sent back.

        Raises:
            AuthorisationError: unknown, or decided already.
        """
        raise NotImplementedError

    def allow(self, pending: Pending, business_ids: Collection[int]) -> str:
        """Grant it for these businesses; the URL to send the browser to."""
        raise NotImplementedError

    def deny(self, pending: Pending) -> str:
        """Refuse it; the URL to send the browser to."""
        raise NotImplementedError
