"""OAuth as Clear Books does it: authorisation codes, PKCE, single-use refresh tokens.

An application holds one live access token for a user. Who the person before the sandbox is, the
consent page lets them say.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from clearbooks.contract import load_contract
from clearbooks_sandbox.reply import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from clearbooks_sandbox.accounting.engine import AccountingEngine

USER = "you"
"""Who gives consent where nobody says who it is, and who gave the tokens of the start."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
CODE_LIFETIME = 60


@dataclass(frozen=True, slots=True)
class AuthorisationRequest:
    """A request for authorisation that a person has not decided yet.

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


class Granted(NamedTuple):
    """What a code or a refresh token is good for."""

    user: str
    scopes: list[str]
    businesses: list[int] | None


@dataclass(frozen=True, slots=True)
class Grant:
    """What an access token allows; `businesses` is None for all there are."""

    client_id: str
    scopes: frozenset[str]
    businesses: frozenset[int] | None


class AuthorisationError(Exception):
    """A request for authorisation that cannot be shown to a person.

    `redirect` is where the browser is to be sent; None where the redirect URI itself cannot be
    trusted, and the page shows the text instead.
    """

    def __init__(self, message: str, redirect: str | None = None) -> None:
        super().__init__(message)
        self.redirect = redirect


class TokenError(Exception):
    """A refusal of the token endpoint, as RFC 6749 words it."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error, self.description, self.status = error, description, status


class OAuth:
    """Applications, authorisations and tokens, kept in the engine's database.

    Args:
        engine: Whose database to use.
        expires_in: Life of an access token in seconds.
        clock: The time in seconds; tests may move it.
    """

    def __init__(
        self,
        engine: AccountingEngine,
        expires_in: int = 3600,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.engine = engine
        self.expires_in = expires_in
        self.clock = clock

    # Applications and tokens that exist from the start

    def add_application(self, client_id: str, secret: str, name: str) -> None:
        """Register an application, or change its secret. Any loopback redirect URI is its own."""
        with self.engine.transaction():
            self.engine.db.execute(
                "INSERT INTO oauth_applications VALUES (?, ?, ?) "
                "ON CONFLICT DO UPDATE SET secret = excluded.secret, name = excluded.name",
                (client_id, secret, name),
            )

    def add_token(
        self,
        kind: str,
        token: str,
        client_id: str,
        *,
        scopes: Collection[str] | None = None,
        businesses: Collection[int] | None = None,
        expires_in: float | None = None,
    ) -> None:
        """Store an `access` or `refresh` token; one that is stored already is left as it is."""
        with self.engine.transaction():
            known = load_contract().scopes if scopes is None else scopes
            expires = None if expires_in is None else self.clock() + expires_in
            self._insert(kind, token, client_id, USER, known, businesses, expires)

    def _insert(
        self,
        kind: str,
        token: str,
        client_id: str,
        user: str,
        scopes: Collection[str],
        businesses: Collection[int] | None,
        expires: float | None,
    ) -> None:
        covered = None if businesses is None else encode(sorted(businesses)).decode()
        self.engine.db.execute(
            "INSERT OR IGNORE INTO oauth_tokens VALUES (?, ?, ?, ?, ?, ?, 'live', ?)",
            (token, kind, client_id, " ".join(sorted(scopes)), covered, expires, user),
        )

    # Consent

    def read_request(self, query: Mapping[str, str]) -> AuthorisationRequest:
        """Read the query of the consent page.

        Raises:
            AuthorisationError: unknown application, redirect URI or scope.
        """
        application = self._application(query.get("client_id", ""))
        redirect_uri = query.get("redirect_uri", "")
        url = urlsplit(redirect_uri)
        if url.scheme not in ("http", "https") or url.hostname not in LOOPBACK or url.fragment:
            raise AuthorisationError(
                f"redirect_uri {redirect_uri!r} is not registered: the sandbox knows loopback only"
            )
        state = query.get("state")

        def refuse(error: str, description: str) -> AuthorisationError:
            answer = {"error": error, "error_description": description, "state": state}
            return AuthorisationError(description, _with_query(redirect_uri, answer))

        if query.get("response_type") != "code":
            raise refuse("unsupported_response_type", "response_type must be code")
        known = load_contract().scopes
        asked = query.get("scope", "").split()
        unknown = [scope for scope in asked if scope not in known]
        if unknown or not asked:
            raise refuse("invalid_scope", f"unknown scope: {' '.join(unknown) or '(none)'}")
        challenge = query.get("code_challenge") or None
        if challenge and query.get("code_challenge_method") != "S256":
            raise refuse("invalid_request", "code_challenge_method must be S256")
        pending = AuthorisationRequest(
            id=secrets.token_urlsafe(24),
            application=application,
            client_id=query["client_id"],
            redirect_uri=redirect_uri,
            scopes={scope: known[scope] for scope in asked},
            state=state,
            code_challenge=challenge,
        )
        with self.engine.transaction():
            self.engine.db.execute(
                "INSERT INTO oauth_pending VALUES (?, ?)", (pending.id, encode(asdict(pending)))
            )
        return pending

    def _application(self, client_id: str) -> str:
        with self.engine.lock:
            row = self.engine.db.execute(
                "SELECT name FROM oauth_applications WHERE client_id = ?", (client_id,)
            ).fetchone()
        if row is None:
            raise AuthorisationError(f"There is no application with client_id {client_id!r}")
        return str(row[0])

    def pending(self, pending_id: str) -> AuthorisationRequest:
        """The request that a form sent back.

        Raises:
            AuthorisationError: unknown, or decided already.
        """
        with self.engine.lock:
            row = self.engine.db.execute(
                "SELECT json FROM oauth_pending WHERE id = ?", (pending_id,)
            ).fetchone()
        if row is None:
            raise AuthorisationError("This request was decided already; start again")
        return AuthorisationRequest(**decode(row[0]))

    def _decide(self, pending: AuthorisationRequest) -> None:
        self.pending(pending.id)
        self.engine.db.execute("DELETE FROM oauth_pending WHERE id = ?", (pending.id,))

    def allow(
        self, pending: AuthorisationRequest, business_ids: Collection[int], user: str = USER
    ) -> str:
        """Grant it for these businesses, as a user; the URL to send the browser to.

        Raises:
            AuthorisationError: no business, one that is not there, or decided already.
        """
        chosen = sorted(set(business_ids))
        if not chosen or set(chosen) - set(self.engine.business_ids()):
            raise AuthorisationError("Choose at least one of your businesses")
        code = secrets.token_urlsafe(24)
        granted = {
            "redirect_uri": pending.redirect_uri,
            "scopes": sorted(pending.scopes),
            "businesses": chosen,
            "user": user,
            "code_challenge": pending.code_challenge,
        }
        with self.engine.transaction():
            self._decide(pending)
            self.engine.db.execute(
                "INSERT INTO oauth_codes VALUES (?, ?, ?, ?, 0)",
                (code, pending.client_id, encode(granted), self.clock() + CODE_LIFETIME),
            )
        return _with_query(pending.redirect_uri, {"code": code, "state": pending.state})

    def deny(self, pending: AuthorisationRequest) -> str:
        """Refuse it; the URL to send the browser to."""
        with self.engine.transaction():
            self._decide(pending)
        answer = {"error": "access_denied", "error_description": "The person refused"}
        return _with_query(pending.redirect_uri, {**answer, "state": pending.state})

    # Tokens

    def token(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Answer a request for tokens.

        Raises:
            TokenError: what is wrong with it.
        """
        client_id = form.get("client_id", "")
        with self.engine.transaction():
            row = self.engine.db.execute(
                "SELECT secret FROM oauth_applications WHERE client_id = ?", (client_id,)
            ).fetchone()
            secret = form.get("client_secret", "").encode()
            if row is None or not hmac.compare_digest(row[0].encode(), secret):
                raise TokenError(
                    "invalid_client", "client_id and client_secret do not belong together", 401
                )
            grant_type = form.get("grant_type")
            if grant_type == "authorization_code":
                granted = self._redeem_code(client_id, form)
                # Authorising again ends what the application held of this user before.
                everybody = "revokes-application" in self.engine.dialects
                for kind in ("refresh", "access") if everybody else ("refresh",):
                    self._revoke(client_id, kind, None if everybody else granted.user)
            elif grant_type == "refresh_token":
                granted = self._redeem_refresh_token(client_id, form.get("refresh_token", ""))
            else:
                raise TokenError(
                    "unsupported_grant_type",
                    "grant_type must be authorization_code or refresh_token",
                )
            self._revoke(client_id, "access", granted.user)
            return self._issue(client_id, granted)

    def _redeem_code(self, client_id: str, form: Mapping[str, str]) -> Granted:
        row = self.engine.db.execute(
            "SELECT json, expires, used FROM oauth_codes WHERE code = ? AND client_id = ?",
            (form.get("code", ""), client_id),
        ).fetchone()
        if row is None or row[2] or row[1] < self.clock():
            raise TokenError("invalid_grant", "The code is unknown, used or expired")
        granted = decode(row[0])
        if form.get("redirect_uri") != granted["redirect_uri"]:
            raise TokenError("invalid_grant", "redirect_uri differs from that of the request")
        if granted["code_challenge"]:
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if not hmac.compare_digest(challenge.encode(), granted["code_challenge"].encode()):
                raise TokenError("invalid_grant", "code_verifier does not match")
        self.engine.db.execute("UPDATE oauth_codes SET used = 1 WHERE code = ?", (form["code"],))
        return Granted(granted["user"], granted["scopes"], granted["businesses"])

    def _redeem_refresh_token(self, client_id: str, token: str) -> Granted:
        row = self.engine.db.execute(
            "SELECT user, scopes, businesses FROM oauth_tokens "
            "WHERE token = ? AND kind = 'refresh' AND client_id = ? AND state = 'live'",
            (token, client_id),
        ).fetchone()
        if row is None:
            raise TokenError("invalid_grant", "The refresh token is unknown, used or revoked")
        self.engine.db.execute("UPDATE oauth_tokens SET state = 'used' WHERE token = ?", (token,))
        return Granted(row[0], row[1].split(), None if row[2] is None else decode(row[2]))

    def _revoke(self, client_id: str, kind: str, user: str | None) -> None:
        """End the tokens that an application holds of a user, or of everybody."""
        # Tokens that never expire were put there by hand and are no part of the chain.
        ours = "expires IS NOT NULL" if kind == "access" else "1"
        self.engine.db.execute(
            "UPDATE oauth_tokens SET state = 'revoked' "
            f"WHERE client_id = ? AND kind = ? AND state = 'live' AND {ours} "
            "AND user = coalesce(?, user)",
            (client_id, kind, user),
        )

    def _issue(self, client_id: str, granted: Granted) -> dict[str, Any]:
        access, refresh = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        expires = self.clock() + self.expires_in
        for kind, token, end in (("access", access, expires), ("refresh", refresh, None)):
            self._insert(kind, token, client_id, *granted, end)
        return {
            "token_type": "Bearer",
            "expires_in": self.expires_in,
            "access_token": access,
            "refresh_token": refresh,
            "scope": " ".join(granted.scopes),
        }

    def grant(self, token: str) -> Grant | None:
        """What an access token allows; None where it is unknown, expired or revoked."""
        with self.engine.lock:
            row = self.engine.db.execute(
                "SELECT client_id, scopes, businesses, expires FROM oauth_tokens "
                "WHERE token = ? AND kind = 'access' AND state = 'live'",
                (token,),
            ).fetchone()
        if row is None or (row[3] is not None and row[3] <= self.clock()):
            return None
        covered = None if row[2] is None else frozenset(decode(row[2]))
        return Grant(row[0], frozenset(row[1].split()), covered)

    def expire_access_tokens(self) -> None:
        """Expire every access token that has an expiry."""
        with self.engine.transaction():
            self.engine.db.execute(
                "UPDATE oauth_tokens SET state = 'expired' "
                "WHERE kind = 'access' AND state = 'live' AND expires IS NOT NULL"
            )

    def revoke_all(self) -> None:
        """End every token, as if the person had withdrawn every authorisation."""
        with self.engine.transaction():
            self.engine.db.execute("UPDATE oauth_tokens SET state = 'revoked' WHERE state = 'live'")


def _with_query(url: str, answer: Mapping[str, str | None]) -> str:
    query = urlencode({name: value for name, value in answer.items() if value is not None})
    return f"{url}{'&' if '?' in url else '?'}{query}"
