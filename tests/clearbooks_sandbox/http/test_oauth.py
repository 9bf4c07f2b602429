"""Consent, PKCE, single-use tokens, one live access token."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from clearbooks_sandbox.http.oauth import AuthorisationError, OAuth, TokenError

VERIFIER = "v" * 43
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
ASK = {
    "response_type": "code",
    "client_id": "app",
    "redirect_uri": "http://127.0.0.1:1234/back?x=1",
    "scope": "businesses:read accounting.sales:read",
    "state": "s",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def oauth(engine, ledger, clock):
    made = OAuth(engine, expires_in=100, clock=clock)
    made.add_application("app", "secret", "App")
    made.add_token("refresh", "seed", "app")
    return made


def code(oauth, **changes):
    url = oauth.allow(oauth.read_request(ASK | changes), [101])
    query = parse_qs(urlsplit(url).query)
    assert (query["x"], query["state"]) == (["1"], ["s"])
    return query["code"][0]


def exchange(oauth, value, **changes):
    form = {
        "grant_type": "authorization_code",
        "code": value,
        "client_id": "app",
        "client_secret": "secret",
        "redirect_uri": ASK["redirect_uri"],
        "code_verifier": VERIFIER,
    } | changes
    return oauth.token(form)


def refresh(oauth, token, **changes):
    form = {
        "grant_type": "refresh_token",
        "refresh_token": token,
        "client_id": "app",
        "client_secret": "secret",
    } | changes
    return oauth.token(form)


def refused(call, *arguments, **changes):
    with pytest.raises(TokenError) as caught:
        call(*arguments, **changes)
    return caught.value.error


def test_the_whole_way(oauth):
    answer = exchange(oauth, code(oauth))
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 100)
    grant = oauth.grant(answer["access_token"])
    assert grant.scopes == {"businesses:read", "accounting.sales:read"}
    assert grant.businesses == {101}


def test_the_pending_request_tells_what_is_asked(oauth):
    pending = oauth.read_request(ASK)
    assert pending.application == "App"
    assert pending.scopes["businesses:read"] == "Read business data"
    assert oauth.pending(pending.id) == pending


def test_a_decision_is_made_once(oauth):
    pending = oauth.read_request(ASK)
    query = parse_qs(urlsplit(oauth.deny(pending)).query)
    assert (query["error"], query["state"]) == (["access_denied"], ["s"])
    for decide in (oauth.deny, lambda p: oauth.allow(p, [101])):
        with pytest.raises(AuthorisationError, match="already"):
            decide(pending)


def test_businesses_must_be_chosen_and_there(oauth):
    pending = oauth.read_request(ASK)
    for chosen in ([], [999]):
        with pytest.raises(AuthorisationError, match="at least one"):
            oauth.allow(pending, chosen)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "businesses:read nonsense"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_faults_that_go_back_to_the_application(oauth, change, error):
    with pytest.raises(AuthorisationError) as caught:
        oauth.read_request(ASK | change)
    assert parse_qs(urlsplit(caught.value.redirect).query)["error"] == [error]


@pytest.mark.parametrize(
    "change", [{"client_id": "x"}, {"redirect_uri": "http://example.org/"}, {"redirect_uri": ""}]
)
def test_faults_that_go_nowhere(oauth, change):
    with pytest.raises(AuthorisationError) as caught:
        oauth.read_request(ASK | change)
    assert caught.value.redirect is None


def test_a_code_is_for_once_and_for_a_minute(oauth, clock):
    first, second = code(oauth), code(oauth)
    exchange(oauth, first)
    assert refused(exchange, oauth, first) == "invalid_grant"
    clock.now += 61
    assert refused(exchange, oauth, second) == "invalid_grant"


def test_pkce_is_checked_when_given(oauth):
    assert refused(exchange, oauth, code(oauth), code_verifier="w" * 43) == "invalid_grant"
    assert refused(exchange, oauth, code(oauth), code_verifier="") == "invalid_grant"
    assert exchange(oauth, code(oauth, code_challenge=""), code_verifier="")


def test_redirect_uri_and_client_must_be_the_same(oauth):
    assert refused(exchange, oauth, code(oauth), redirect_uri="http://localhost/") == (
        "invalid_grant"
    )
    assert refused(exchange, oauth, code(oauth), client_secret="x") == "invalid_client"
    oauth.add_application("other", "o", "Other")
    assert refused(exchange, oauth, code(oauth), client_id="other", client_secret="o") == (
        "invalid_grant"
    )
    assert refused(refresh, oauth, "seed", grant_type="password") == "unsupported_grant_type"


def test_refresh_tokens_are_for_once_and_revoke_the_former_access_token(oauth):
    first = refresh(oauth, "seed")
    assert refused(refresh, oauth, "seed") == "invalid_grant"
    assert oauth.grant(first["access_token"])
    second = refresh(oauth, first["refresh_token"])
    assert oauth.grant(first["access_token"]) is None
    assert oauth.grant(second["access_token"]).businesses is None, "all of them, as the seed"


def test_authorising_again_revokes_both_former_tokens(oauth):
    first = refresh(oauth, "seed")
    again = exchange(oauth, code(oauth))
    assert oauth.grant(first["access_token"]) is None
    assert refused(refresh, oauth, first["refresh_token"]) == "invalid_grant"
    assert oauth.grant(again["access_token"])


def test_access_tokens_expire(oauth, clock):
    token = refresh(oauth, "seed")["access_token"]
    clock.now += 99
    assert oauth.grant(token)
    clock.now += 1
    assert oauth.grant(token) is None


def test_a_used_seed_stays_used_when_the_sandbox_starts_again(oauth, engine):
    refresh(oauth, "seed")
    again = OAuth(engine)
    again.add_token("refresh", "seed", "app")
    assert refused(refresh, again, "seed") == "invalid_grant"


def test_the_token_endpoint(served, ledger):
    form = {
        "grant_type": "refresh_token",
        "refresh_token": "sandbox-refresh-token",
        "client_id": "sandbox",
        "client_secret": "sandbox-secret",
    }
    answer = requests.post(served.token_url, data=form, timeout=5)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert requests.get(served.url + "/businesses", headers=headers, timeout=5).ok
    again = requests.post(served.token_url, data=form, timeout=5)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    wrong = requests.post(served.token_url, data=form | {"client_secret": "x"}, timeout=5)
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    assert requests.get(served.token_url, timeout=5).status_code == 405
    assert served.requests[-1].path == "/oauth/token"
