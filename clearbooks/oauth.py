"""The token endpoint: consent with PKCE, single-use refresh tokens, and who may use them.

Source: the API's reference. Only the grant types authorization code and refresh token exist,
clients are confidential, credentials go into the form body.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import logging
import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec
import requests

from clearbooks.errors import ApiError, NotAuthorisedError, SettingError, UnavailableError
from clearbooks.replies import surely_not_sent
from clearbooks.tokens import Chain, fingerprint, join_seeds, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from clearbooks.settings import Connection
    from clearbooks.tokens import TokenStore

logger = logging.getLogger(__name__)

AUTHORISE_AGAIN = "authorise the application again: `clearbooks connect`, or a new refresh token"
_TOO_MANY = 429
_SERVER_ERROR = 500
_TOKEN_TRIES = 4


class _TokenReply(msgspec.Struct):
    access_token: str
    refresh_token: str | None = None
    expires_in: float | None = None
    scope: str | None = None


class _TokenFault(msgspec.Struct):
    error: str = ""
    error_description: str | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """One visit to the consent page. `verifier` and `state` are secrets of that visit."""

    url: str
    state: str
    verifier: str
    redirect_uri: str


def begin_consent(connection: Connection, redirect_uri: str, scopes: Iterable[str]) -> Consent:
    """The address to send a person to, with PKCE (S256) and a fresh `state`.

    Raises:
        SettingError: `client_id` is missing.
    """
    if not connection.client_id:
        raise SettingError("client_id is missing: the ID of your application")
    verifier = secrets.token_urlsafe(64)
    state = secrets.token_urlsafe(24)
    digest = hashlib.sha256(verifier.encode()).digest()
    query = urlencode(
        {
            "response_type": "code",
            "client_id": connection.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(scopes),
            "state": state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
    )
    joint = "&" if "?" in connection.authorize_url else "?"
    return Consent(f"{connection.authorize_url}{joint}{query}", state, verifier, redirect_uri)


def finish_consent(connection: Connection, consent: Consent, code: str) -> Chain:
    """Exchange the code for tokens; the caller saves the chain with `TokenStore.connect`."""
    return _request_tokens(
        connection,
        "exchangeCode",
        {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": consent.redirect_uri,
            "code_verifier": consent.verifier,
        },
    )


def _request_tokens(connection: Connection, operation: str, form: dict[str, str]) -> Chain:
    """One POST to the token endpoint.

    It is sent again only where it surely was not carried out: the code or refresh token is good
    for one use, and using it twice may revoke the whole chain.
    """
    if not (connection.client_id and connection.client_secret):
        raise SettingError(
            "client_id and client_secret are missing: tokens cannot be fetched without them"
        )
    form = {
        **form,
        "client_id": connection.client_id,
        "client_secret": connection.client_secret,
    }
    for attempt in range(1, _TOKEN_TRIES + 1):
        last = attempt == _TOKEN_TRIES
        try:
            reply = requests.post(
                connection.token_url,
                data=form,
                headers={"User-Agent": connection.user_agent, "Accept": "application/json"},
                timeout=connection.request_timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            if not surely_not_sent(error):
                raise NotAuthorisedError(
                    f"{operation}: the token request was sent and no answer came "
                    f"({type(error).__name__}); the refresh token may be used up. It is not sent "
                    f"twice. Run again; if the token is then refused, {AUTHORISE_AGAIN}"
                ) from None
            if last:
                raise UnavailableError(
                    operation, None, hint=f"{connection.token_url} cannot be reached"
                ) from None
            time.sleep(2.0 ** (attempt - 1))
            continue
        if reply.status_code == _TOO_MANY and not last:
            time.sleep(min(float(_digits(reply.headers.get("Retry-After"))), 60.0))
            continue
        return _chain(connection, operation, reply)
    raise AssertionError  # pragma: no cover - the loop returns or raises


def _digits(value: str | None) -> int:
    return int(value) if value and value.strip().isdigit() else 2


def _chain(connection: Connection, operation: str, reply: requests.Response) -> Chain:
    if not reply.ok or 300 <= reply.status_code < 400:  # noqa: PLR2004 - any redirect
        fault = _TokenFault()
        with contextlib.suppress(msgspec.MsgspecError):
            fault = msgspec.json.decode(reply.content, type=_TokenFault)
        if reply.status_code >= _SERVER_ERROR:
            raise ApiError(
                operation,
                reply.status_code,
                hint="the token endpoint failed and the refresh token may be used up. Run again; "
                f"if the token is then refused, {AUTHORISE_AGAIN}",
            )
        remedy = {
            "invalid_client": "check client_id and client_secret",
            "invalid_grant": "the token was used before, revoked, or belongs to another "
            f"application: {AUTHORISE_AGAIN}",
        }.get(fault.error, f"check the settings, or {AUTHORISE_AGAIN}")
        words = ": ".join(w for w in (fault.error, fault.error_description) if w)
        raise NotAuthorisedError(
            f"{operation}: HTTP {reply.status_code}" + (f" - {words}" if words else "")
            + f" - {remedy}"
        )  # fmt: skip
    try:
        # Not strict: some servers send expires_in as a string, and the refresh token is used up.
        tokens = msgspec.json.decode(reply.content, type=_TokenReply, strict=False)
    except msgspec.MsgspecError:
        raise NotAuthorisedError(
            f"{operation}: the answer of {connection.token_url} holds no tokens; the refresh "
            f"token may be used up. Run again; if the token is then refused, {AUTHORISE_AGAIN}"
        ) from None
    now = time.time()
    return Chain(
        client_id=connection.client_id or "",
        token_url=connection.token_url,
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        expires_at=now + tokens.expires_in if tokens.expires_in else 0.0,
        obtained_at=now,
        connected_at=now,
        scope=tokens.scope,
    )


class TokenSource:
    """Hands out the access token, and gets a new one when the old one ends. Safe for threads.

    Args:
        on_saved: Called with each new chain once it is saved, before its token is used: for a
            caller that keeps the tokens in one more place. That place may hand its refresh
            token in as the setting later on, so the chain answers to it too.
    """

    def __init__(
        self,
        connection: Connection,
        store: TokenStore | None = None,
        on_saved: Callable[[Chain], None] | None = None,
    ) -> None:
        self._connection = connection
        self._on_saved = on_saved
        self._store = store
        self._chain: Chain | None = None
        self._mutex = threading.Lock()
        if not connection.access_token and not connection.client_id:
            raise SettingError(
                "no credentials: set client_id, client_secret and refresh_token, or access_token"
            )

    @property
    def store(self) -> TokenStore:
        """The token store; opened when first asked for."""
        if self._store is None:
            self._store = open_store(self._connection.token_store)
        return self._store

    def access_token(self) -> str:
        """A token that is good as far as is known.

        Raises:
            NotAuthorisedError: there is none, and a person has to authorise.
            TokenStoreError: the store cannot be read or written.
        """
        if self._connection.access_token:
            return self._connection.access_token
        chain = self._chain
        if chain is not None and chain.fresh():
            return chain.access_token
        return self._renew(None).access_token

    def refused(self, token: str) -> str | None:
        """A newer token after a 401 for `token`; None where no other can be had."""
        if self._connection.access_token:
            return None
        renewed = self._renew(token).access_token
        return renewed if renewed != token else None

    def settle(self, seconds: float = 4.0) -> None:
        """Let a renewal that is under way be saved: its refresh token is used up already."""
        if self._mutex.acquire(timeout=seconds):
            self._mutex.release()

    def _renew(self, bad: str | None) -> Chain:
        with self._mutex:
            # Another thread may have been here while this one waited.
            chain = self._chain
            if chain is not None and chain.fresh() and chain.access_token != bad:
                return chain
            with self.store.lock():
                # Another process may have been here, too.
                stored = self._find()
                if stored is None or not stored.fresh() or stored.access_token == bad:
                    stored = self._refresh(stored)
                self._chain = stored
            return self._chain

    def _find(self) -> Chain | None:
        client = self._connection.client_id or ""
        return self.store.find(client, self._connection.refresh_token)

    def _refresh(self, old: Chain | None) -> Chain:
        """Use the refresh token up, and save what came before anybody uses it."""
        seed = self._connection.refresh_token
        token = old.refresh_token if old is not None else seed
        if token is None:
            raise NotAuthorisedError(
                "not connected: no refresh_token is set and the token store "
                f"{self.store.location} holds none for this client_id; authorise the application "
                "(`clearbooks connect`)"
            )
        new = _request_tokens(
            self._connection,
            "refreshToken",
            {"grant_type": "refresh_token", "refresh_token": token},
        )
        seeds = join_seeds(old.seeds if old else [], [fingerprint(seed)] if seed else [])
        seeds = seeds or [fingerprint(token)]
        new.connected_at = old.connected_at if old is not None else new.connected_at
        if new.refresh_token is None:
            # Some servers let the old one live on and say nothing of it.
            new.refresh_token = token
        if self._on_saved is not None:
            seeds = join_seeds(seeds, [fingerprint(new.refresh_token)])
        new.seeds = seeds
        if new.scope is None and old is not None:
            new.scope = old.scope
        self.store.save(new)
        if self._on_saved is not None:
            self._on_saved(new)
        logger.info("access token renewed")
        return new


def describe(chain: Chain) -> dict[str, Any]:
    """What may be shown of a chain: no token, no part of one."""
    return {
        "client_id": chain.client_id,
        "connected_at": chain.connected_at,
        "obtained_at": chain.obtained_at,
        "expires_at": chain.expires_at or None,
        "scopes": chain.scope.split() if chain.scope else None,
    }
