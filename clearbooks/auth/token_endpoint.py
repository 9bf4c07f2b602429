"""The token endpoint: what is sent there, and what its answers mean.

Source: the API's reference. Only the grant types authorization code and refresh token exist,
clients are confidential, credentials go into the form body.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import msgspec
import requests

from clearbooks.auth.chain import Chain
from clearbooks.errors import (
    ApiError,
    NotAuthorisedError,
    NotRunningError,
    SettingError,
    UnavailableError,
    WaitLimitError,
)
from clearbooks.loopback import not_running
from clearbooks.program import connect_command
from clearbooks.replies import asked_wait, content, surely_not_sent

if TYPE_CHECKING:
    from clearbooks.settings import Connection

_TOO_MANY = 429
_SERVER_ERROR = 500
_TOKEN_TRIES = 4
# Seconds to wait after a 429 that does not say how long.
_PAUSE = 2.0


def authorise_again() -> str:
    """What a person has to do where an authorisation has ended."""
    connect = connect_command()
    return f"authorise the application again: `{connect}`, or a new refresh token"


class _TokenReply(msgspec.Struct):
    access_token: str
    refresh_token: str | None = None
    expires_in: float | None = None
    scope: str | None = None


class _TokenFault(msgspec.Struct):
    error: str = ""
    error_description: str | None = None


def request_tokens(connection: Connection, operation: str, form: dict[str, str]) -> Chain:
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
                    f"twice. Run again; if the token is then refused, {authorise_again()}"
                ) from None
            if hint := not_running(connection.token_url, error):
                raise NotRunningError(operation, None, hint=hint) from None
            if last:
                raise UnavailableError(
                    operation, None, hint=f"{connection.token_url} cannot be reached"
                ) from None
            time.sleep(2.0 ** (attempt - 1))
            continue
        if reply.status_code == _TOO_MANY:
            asked = asked_wait(reply.headers)
            wait = _PAUSE if asked is None else asked
            if wait > connection.max_wait:
                raise WaitLimitError(
                    f"{operation}: the token endpoint limits the rate and asks to wait "
                    f"{wait:,.0f} s, which is more than max_wait allows ({connection.max_wait:,} "
                    "s); run again later, or set a greater max_wait"
                )
            if last:
                raise UnavailableError(
                    operation, _TOO_MANY, hint="the token endpoint keeps limiting the rate"
                )
            time.sleep(min(wait, 60.0))
            continue
        return _chain(connection, operation, reply)
    raise AssertionError  # pragma: no cover - the loop returns or raises


def _chain(connection: Connection, operation: str, reply: requests.Response) -> Chain:
    if not reply.ok or 300 <= reply.status_code < 400:  # noqa: PLR2004 - any redirect
        fault = _TokenFault()
        with contextlib.suppress(msgspec.MsgspecError):
            fault = msgspec.json.decode(content(reply), type=_TokenFault)
        if reply.status_code >= _SERVER_ERROR:
            raise ApiError(
                operation,
                reply.status_code,
                hint="the token endpoint failed and the refresh token may be used up. Run again; "
                f"if the token is then refused, {authorise_again()}",
            )
        remedy = {
            "invalid_client": "check client_id and client_secret",
            "invalid_grant": "the token was used before, revoked, or belongs to another "
            f"application: {authorise_again()}",
        }.get(fault.error, f"check the settings, or {authorise_again()}")
        words = ": ".join(w for w in (fault.error, fault.error_description) if w)
        raise NotAuthorisedError(
            f"{operation}: HTTP {reply.status_code}"
            + (f" - {words}" if words else "")
            + f" - {remedy}"
        )
    try:
        # Not strict: some servers send expires_in as a string, and the refresh token is used up.
        tokens = msgspec.json.decode(content(reply), type=_TokenReply, strict=False)
    except msgspec.MsgspecError:
        raise NotAuthorisedError(
            f"{operation}: the answer of {connection.token_url} holds no tokens; the refresh "
            f"token may be used up. Run again; if the token is then refused, {authorise_again()}"
        ) from None
    now = time.time()
    return Chain(
        client_id=connection.client_id or "",
        connection=connection.connection,
        token_url=connection.token_url,
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        expires_at=now + tokens.expires_in if tokens.expires_in else 0.0,
        obtained_at=now,
        connected_at=now,
        scope=tokens.scope,
    )
