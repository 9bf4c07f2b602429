"""A person's consent: the address to send them to, with PKCE, and what they come back with."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from clearbooks.auth.chain import Name, fingerprint
from clearbooks.auth.token_endpoint import request_tokens
from clearbooks.auth.token_store import open_store
from clearbooks.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clearbooks.auth.chain import Chain
    from clearbooks.auth.token_store import TokenStore
    from clearbooks.settings import Connection


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


def finish_consent(
    connection: Connection, consent: Consent, code: str, store: TokenStore | None = None
) -> Chain:
    """Exchange the code for tokens, and save them in the place of the connection's earlier ones.

    Raises:
        TokenStoreError: the store cannot be written, and the code was not sent; or, against all
            that, the tokens could not be saved.
        NotAuthorisedError: the code was refused.
    """
    store = store or open_store(connection.token_store)
    name = Name.of(connection)
    with store.lock(name), store.reserve(name):
        chain = request_tokens(
            connection,
            "exchangeCode",
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": consent.redirect_uri,
                "code_verifier": consent.verifier,
            },
        )
        if connection.refresh_token:
            # It is revoked now: whoever starts from it goes on with this chain.
            chain.seeds = [fingerprint(connection.refresh_token)]
        store.take_over(chain)
    return chain
