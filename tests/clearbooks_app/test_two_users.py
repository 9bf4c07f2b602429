"""Two users of one application at once, for an hour of the sandbox's clock, tokens of a minute."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

import tap_clearbooks
from clearbooks.errors import ClearBooksError
from tests.clearbooks_app.conftest import decide

HOUR, LIFE = 3600, 60
# Seconds that pass with each request, so that a busy machine makes no difference.
STEP = 6


@pytest.fixture
def users(settings, browser, run, engine, sandbox):
    """Settings and businesses of each; the third business is of both."""
    engine.add_business("Both Limited")
    one, two, both = engine.business_ids()
    for number in (one, two, both):
        body = {"name": f"Customer of {number}"}
        assert engine.call("createCustomer", business_id=number, body=body).ok
    sandbox.oauth.expires_in = LIFE
    found = {}
    for name, businesses in (("ann", [one, both]), ("zoe", [two, both])):
        browser.goes = partial(decide, businesses=businesses, user=name)
        run(f"connect --name {name}")
        found[name] = (
            {key.lower(): value for key, value in settings.items()} | {"connection": name},
            set(businesses),
        )
    return found


def test_they_never_see_each_others_books(users, sandbox):
    began, before = time.time(), len(sandbox.requests)

    def clock():
        return began + STEP * (len(sandbox.requests) - before)

    sandbox.oauth.clock = clock

    def use(name):
        config, mine = users[name]
        reads = foreign = 0
        while clock() < began + HOUR:
            seen = []
            tap_clearbooks.read(config, streams=["businesses", "customers"], emit=seen.append)
            records = [m["record"] for m in seen if m["type"] == "RECORD"]
            assert {record["businessId"] for record in records} == mine
            assert {r["name"] for r in records if "customer" in r.get("name", "").lower()} == {
                f"Customer of {business}" for business in mine
            }
            reads += 1
            other = next(iter(set.union(*(b for _, b in users.values())) - mine))
            wrong = tap_clearbooks.read(
                {**config, "business_ids": [other]}, streams=["customers"], emit=foreign_record
            )
            foreign += bool(wrong.failures)
        return reads, foreign

    def foreign_record(message):
        if message["type"] == "RECORD":
            raise ClearBooksError(f"a record of somebody else: {message['stream']}")

    with ThreadPoolExecutor(2) as pool:
        for reads, foreign in pool.map(use, users):
            assert reads == foreign > 3
    asked = list(sandbox.requests)[before:]
    tokens = [request.status for request in asked if request.path.endswith("/oauth/token")]
    # An hour of tokens that live a minute, of two users; each refresh token was used once.
    assert len(tokens) > HOUR / LIFE
    assert set(tokens) == {200}
