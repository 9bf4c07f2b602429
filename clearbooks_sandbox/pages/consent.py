"""The page on which a person allows or denies an application's access."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse

from clearbooks_sandbox.http.oauth import USER, AuthorisationError
from clearbooks_sandbox.options import CONSENT_PATH
from clearbooks_sandbox.pages.render import page

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from clearbooks_sandbox.accounting.engine import AccountingEngine
    from clearbooks_sandbox.http.oauth import AuthorisationRequest, OAuth

_SEE_OTHER = 303


class Consent:
    """Shows a request for authorisation and carries out what is decided."""

    def __init__(self, engine: AccountingEngine, oauth: OAuth) -> None:
        self.engine = engine
        self.oauth = oauth

    def ask(self, request: Request) -> Response:
        """The page that an application sends the browser to."""
        try:
            pending = self.oauth.read_request(request.query_params)
        except AuthorisationError as error:
            return _refused(error)
        businesses = self._businesses()
        # A single business is chosen already; of several, the person has to choose.
        return self._form(pending, {*businesses} if len(businesses) == 1 else ())

    def decide(
        self, pending_id: str, decision: str, wanted: Collection[str], user: str
    ) -> Response:
        """What the form sent: `allow` for the businesses as a user, or `deny`."""
        try:
            return self._decide(self.oauth.pending(pending_id), decision, wanted, user or USER)
        except AuthorisationError as error:
            return _refused(error)

    def at_once(self, asked: Mapping[str, str], decision: str, user: str) -> Response:
        """A program in place of a person: the request itself, and what is decided for all books."""
        everything = [str(number) for number in self._businesses()]
        try:
            return self._decide(self.oauth.read_request(asked), decision, everything, user or USER)
        except AuthorisationError as error:
            return _refused(error)

    def _decide(
        self, pending: AuthorisationRequest, decision: str, wanted: Collection[str], user: str
    ) -> Response:
        if decision == "deny":
            return RedirectResponse(self.oauth.deny(pending), _SEE_OTHER)
        chosen = {number for number in self._businesses() if str(number) in wanted}
        if decision != "allow":
            return self._form(pending, chosen, "Choose Allow or Deny.")
        if not chosen:
            return self._form(pending, chosen, "Choose at least one business, or deny access.")
        return RedirectResponse(self.oauth.allow(pending, sorted(chosen), user), _SEE_OTHER)

    def _businesses(self) -> dict[int, str]:
        numbers = self.engine.business_ids()
        return {number: self.engine.books(number).business()["name"] for number in numbers}

    def _form(
        self, pending: AuthorisationRequest, chosen: Collection[int], problem: str | None = None
    ) -> Response:
        scopes = pending.scopes.items()
        return page(
            "consent.html",
            status=400 if problem else 200,
            action=CONSENT_PATH,
            user=USER,
            pending=pending,
            problem=problem,
            chosen=chosen,
            businesses=[{"id": k, "name": v} for k, v in self._businesses().items()],
            sees=[text for scope, text in scopes if scope.endswith(":read")],
            changes=[text for scope, text in scopes if not scope.endswith(":read")],
        )


def _refused(error: AuthorisationError) -> Response:
    if error.redirect:
        return RedirectResponse(error.redirect, _SEE_OTHER)
    return page(
        "message.html",
        status=400,
        title="Nothing can be decided here",
        text=str(error),
        advice="Nothing was allowed. Go back to the application and start again; "
        "if it happens again, its settings are wrong.",
    )
