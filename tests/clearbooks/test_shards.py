"""Businesses are divided by application first, each of them once."""

from __future__ import annotations

import pytest

from clearbooks.auth import Chain, open_store
from clearbooks.fleet import BusinessStatus, save_statuses
from clearbooks.settings import Connection
from clearbooks.shards import shards
from clearbooks_sandbox import AccountingEngine, Options, running


@pytest.fixture
def store(tmp_path):
    return str(tmp_path / "tokens.json")


def connect(store, application, name, businesses):
    chain = Chain(
        client_id=application,
        connection=name,
        token_url="https://example.com",
        access_token=f"{application}-{name}",
        businesses=businesses,
    )
    open_store(store).connect(chain)
    return Connection(client_id=application, token_store=store)


def read(application, business, when, connection="ann", **more):
    status = BusinessStatus(
        application=application.client_id,
        connection=connection,
        business=business,
        **{"kind": "tap", "started": when, "ended": when, "succeeded": when, **more},
    )
    save_statuses(application, [status])


def found(*applications, size=2, **more):
    return [
        (one.application, one.label, one.first, one.businesses)
        for one in shards(applications, size, **more)
    ]


def test_by_application_then_in_lists(store):
    a = connect(store, "a", "ann", [5, 3, 4])
    b = connect(store, "b", "bob", [9])
    assert found(a, b) == [
        ("a", "3-4", True, [("ann", 3), ("ann", 4)]),
        ("a", "5", True, [("ann", 5)]),
        ("b", "9", True, [("bob", 9)]),
    ]
    assert found(b) == [("b", "9", True, [("bob", 9)])]


def test_daily_runs_come_first_and_among_them_the_longest_without_success(store):
    a = connect(store, "a", "ann", [1, 2, 3, 4])
    read(a, 3, 1000.0)
    read(a, 2, 500.0)
    read(a, 4, 700.0, succeeded=None)
    assert found(a, size=10) == [
        ("a", "2-3", False, [("ann", 2), ("ann", 3)]),
        ("a", "1-4", True, [("ann", 1), ("ann", 4)]),
    ]
    # What was read says nothing of what was written.
    assert [first for _, _, first, _ in found(a, size=10, kind="target")] == [True]


def test_a_business_of_several_connections_keeps_its_own(store):
    a = connect(store, "a", "ann", [1, 2])
    connect(store, "a", "zoe", [2, 3])
    b = connect(store, "b", "bob", [3, 4])
    assert found(a, b, size=9) == [
        ("a", "1-3", True, [("ann", 1), ("ann", 2), ("zoe", 3)]),
        ("b", "4", True, [("bob", 4)]),
    ]
    read(a, 2, 1000.0, connection="zoe")
    assert found(a, size=9)[0] == ("a", "2", False, [("zoe", 2)])


def test_only_those_that_are_wanted(store):
    a = connect(store, "a", "ann", [1, 2, 3])
    assert found(a, only={2, 99}) == [("a", "2", True, [("ann", 2)])]
    assert found(a, only=()) == []


def test_a_connection_whose_businesses_nobody_has_listed(store, caplog):
    """As the library's `finish_consent` leaves it: asked for once, and kept."""
    engine = AccountingEngine()
    businesses = [engine.add_business("One"), engine.add_business("Two")]
    with running(engine, Options(pages=False)) as sandbox:
        sandbox.oauth.add_application("a", "secret", "A")
        sandbox.oauth.add_token("access", "a-ann", "a", businesses=businesses)
        connect(store, "a", "ann", None)
        connect(store, "a", "gone", None)
        settings = Connection(
            client_id="a",
            client_secret="secret",
            token_store=store,
            api_url=sandbox.url,
            token_url="https://example.com",
        )
        (shard,) = shards([settings], 9)
        assert shard.businesses == [("ann", business) for business in businesses]
        assert "the businesses of a/gone are left out" in caplog.text
        asked = sum(request.status == 200 for request in sandbox.requests)
        shards([settings], 9)
        assert sum(request.status == 200 for request in sandbox.requests) == asked
    engine.close()
