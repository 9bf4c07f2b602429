"""Several users of one application: each consent has a name, a chain and a lock of its own."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from clearbooks.auth import Consent, Name, TokenSource, fingerprint, open_store
from clearbooks.businesses import Coverage
from clearbooks.client import Client
from clearbooks.errors import ForbiddenError, NotAuthorisedError, SettingError
from clearbooks.settings import Connection, state_dir
from tests.clearbooks_app.conftest import decide


@pytest.fixture
def connect(settings, browser, run, engine):
    """`connect(name, user, businesses)`: a user gives consent; the connection's settings."""

    def go(name, user, businesses, **more):
        browser.goes = partial(decide, businesses=businesses, user=user)
        run(f"connect --name {name}")
        browser.goes = decide
        return Connection.from_config(
            {key.lower(): value for key, value in settings.items()} | {"connection": name} | more
        )

    return go


def covered(connection):
    with Client(connection) as client:
        return [b["id"] for b in client.get("listBusinesses").json()]


def test_each_reads_its_own_books(connect, engine, run):
    one, two = engine.business_ids()
    acme, zenith = connect("acme", "ann", [one]), connect("zenith", "zoe", [two, one])
    assert covered(acme) == [one]
    assert covered(zenith) == [one, two]
    found = json.loads(run("connections --json").stdout)
    assert [(row["connection"], row["businesses"]) for row in found] == [
        ("acme", [one]),
        ("zenith", [one, two]),
    ]
    assert f"{one}, {two}" in run("connections").stdout
    # Connecting again replaces the tokens of that user alone.
    before = TokenSource(acme).access_token()
    connect("zenith", "zoe", [two])
    assert TokenSource(acme).access_token() == before
    assert covered(acme) == [one]
    assert "zenith" in run("disconnect --name acme --yes").stdout + run("connections").stdout
    with pytest.raises(NotAuthorisedError, match=r"no connection 'acme' .* it holds zenith"):
        TokenSource(acme).access_token()
    assert covered(connect("zenith", "zoe", [two])) == [two]


def test_no_settings_lead_to_the_tokens_of_somebody_else(connect, settings, engine, run):
    one, two = engine.business_ids()
    acme, zenith = connect("acme", "ann", [one]), connect("zenith", "zoe", [two])
    plain = {key.lower(): value for key, value in settings.items()}
    with pytest.raises(NotAuthorisedError, match=r"connection 'default' .* it holds acme, zenith"):
        TokenSource(Connection.from_config(plain)).access_token()
    assert "it holds acme, zenith" in run("businesses", 5).output
    # The token that began the one is not taken under the name of the other.
    [chain] = open_store(zenith.token_store).read(Name.of(zenith))
    wrong = {**plain, "connection": "acme", "refresh_token": chain.refresh_token}
    chain.seeds = [fingerprint(chain.refresh_token)]
    open_store(zenith.token_store).write(chain.name, [chain])
    with pytest.raises(SettingError, match="it is that of the connection 'zenith'"):
        TokenSource(Connection.from_config(wrong)).access_token()
    # A business of somebody else is refused with the connection that covers it.
    with Client(acme) as client:
        refused = ForbiddenError("listCustomers", 403)
        explained = Coverage(client).explained(two, refused)
    assert f"covers {one} (First Limited); set connection to 'zenith'" in str(explained)


def test_a_server_that_ends_the_tokens_of_everybody(connect, engine, sandbox):
    one, two = engine.business_ids()
    sandbox.dialects.on("revokes-application")
    acme = connect("acme", "ann", [one])
    zenith = connect("zenith", "zoe", [two])
    assert covered(zenith) == [two]
    with pytest.raises(NotAuthorisedError, match="Since then the connection zenith was made"):
        covered(acme)
    sandbox.dialects.off()
    assert covered(connect("acme", "ann", [one])) == [one]
    assert covered(zenith) == [two]


@pytest.mark.parametrize("name", ["", "a/b", "-x", "a b", "x" * 101])
def test_names_that_are_none(name, home):
    if name == "":
        assert Connection.from_config({"connection": name}).connection == "default"
        return
    with pytest.raises(SettingError, match="connection"):
        Connection.from_config({"connection": name})


def test_the_name_is_saved_with_the_settings(settings, browser, run, home):
    run("connect --name acme --save acme.json")
    assert json.loads((home / "acme.json").read_text())["connection"] == "acme"
    assert "First Limited" in run("businesses --config acme.json").stdout
    assert not open_store(str(state_dir() / "tokens.json")).read(Name("sandbox", "default"))


PAGE = (Path(__file__).parents[2] / "docs" / "connect.md").read_text(encoding="utf-8")
EXAMPLE = PAGE.partition("### In a web application")[2].partition("```python\n")[2]


def test_the_example_for_web_applications(settings, sandbox, engine, home):
    """Both halves, with the consent kept as a session keeps it: in another process."""
    one, two = engine.business_ids()
    code = EXAMPLE.partition("```")[0]
    space = {}
    exec(compile(code, "connect.md", "exec"), space)  # noqa: S102 - our own page
    space["SETTINGS"].update({key.lower(): value for key, value in settings.items()})
    space["SETTINGS"]["token_store"] = str(home / "web.json")
    for customer, business in (("acme", one), ("zenith", two)):
        consent = space["begin"](customer, "http://127.0.0.1:9/callback")
        kept = json.dumps(asdict(consent))
        answer = decide(consent.url, businesses=[business], user=customer)
        query = dict(parse_qsl(urlsplit(answer).query))
        with pytest.raises(PermissionError):
            space["finish"](customer, consent, {**query, "state": "another"})
        space["finish"](customer, Consent(**json.loads(kept)), query)
    for customer, business in (("acme", one), ("zenith", two)):
        mine = Connection.from_config({**space["SETTINGS"], "connection": customer})
        assert covered(mine) == [business]
