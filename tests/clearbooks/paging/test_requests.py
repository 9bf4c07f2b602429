"""How many requests each way of reading costs, and how many of them are under way at once."""

from __future__ import annotations

import datetime as dt
import random
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.clearbooks.paging.fake_api import FakeApi, Reader
from tests.clearbooks.paging.held import HeldApi

START = dt.date(2024, 1, 1)
SIZE = 50


def day(number):
    return START + dt.timedelta(days=number)


def dated(count):
    return {i: day(i).isoformat() for i in range(1, count + 1)}


def held(count, **server):
    """A listing with a record a day."""
    return HeldApi(range(1, count + 1), dates=dated(count), **server)


def ids_of(parts):
    return [record.id for part in parts for record in part.records]


def since(number, also_above=None):
    return lambda listing: ids_of(listing.since("date", day(number), also_above))


def ascending(*arguments):
    return lambda listing: ids_of(listing.ascending(*arguments))


def newest_first(after):
    return lambda listing: [record.id for record in listing.newest_first(after)]


NO_ORDER = {"sorts": ()}
ONE_BY_ONE = 1

# What is read, how, the IDs from which on it is, requests one at a time and eight at once, and the
# greatest number under way where the depth is eight.
WAYS = {
    # 21 pages, of which the last overlaps the newest.
    "ascending, whole": (1010, {}, ascending(), 1, (21, 21), 8),
    # Eight pages and the newest, and one to begin a page early.
    "ascending, after": (1010, {}, ascending(600, 600), 601, (10, 10), 8),
    # Four or five more to find the page to begin with.
    "ascending, after, searched": (1010, {}, ascending(600), 601, (14, 14), 8),
    # A page too many was under way when the cutoff came.
    "since, cutoff in the middle": (1010, {}, since(500), 500, (12, 13), 6),
    "since, cutoff on the first page": (1010, {}, since(990), 990, (1, 1), ONE_BY_ONE),
    "since, cutoff on the second page": (1010, {}, since(930), 930, (2, 2), ONE_BY_ONE),
    # 21 pages, and three for the overlap.
    "since, all inside": (1010, {}, since(0), 1, (24, 24), 8),
    "since, all inside, later run": (1010, {}, since(0, 1000), 1, (24, 24), 8),
    # By ID: 81 pages, besides one page by date and the question after the oldest record.
    "since, all inside, long": (4010, {}, since(0), 1, (83, 83), 8),
    # By date: 97 pages, since the oldest record is outside; that question is one more.
    "since, nearly all inside, long": (4010, {}, since(2), 2, (98, 98), 8),
    # 21 pages, and the one that shows that there is no order.
    "server order": (1010, NO_ORDER, ascending(), 1, (22, 22), 8),
    "since, server order": (1010, NO_ORDER, since(500), 500, (22, 22), 8),
    # Each page decides whether another one is needed.
    "newest first": (1010, {}, newest_first(700), 701, (7, 7), ONE_BY_ONE),
}


@pytest.mark.parametrize("depth", [1, 8])
@pytest.mark.parametrize("way", WAYS)
def test_requests_and_how_many_are_under_way(way, depth):
    count, server, read, first, (alone, together), most = WAYS[way]
    api = held(count, **server)
    found = read(api.listing(page_size=SIZE, depth=depth))
    api.finish()
    assert sorted(found) == list(range(first, count + 1))
    assert len(api.requests) == (alone if depth == 1 else together)
    assert api.most == (1 if depth == 1 else most)


@pytest.mark.parametrize("count", [0, 1, 9, SIZE])
@pytest.mark.parametrize("server", [{}, NO_ORDER], ids=["sorted", "not sorted"])
@pytest.mark.parametrize("days", [1, 400])
def test_a_listing_of_one_page_is_one_request(count, server, days):
    # All of one day too, where it cannot be seen whether the server sorts.
    dates = {i: day(i % days).isoformat() for i in range(1, count + 1)}
    for cutoff in (0, 5, 500):
        api = HeldApi(range(1, count + 1), dates=dates, **server)
        found = since(cutoff)(api.listing(page_size=SIZE, depth=8))
        assert sorted(found) == [i for i in dates if dates[i] >= day(cutoff).isoformat()]
        assert api.asked == 1


@pytest.mark.parametrize("count", [51, 98, 99, 100, 480, 1000])
def test_nothing_is_asked_for_beyond_the_end_that_the_count_tells(count):
    api = held(count)
    assert since(0, count)(api.listing(page_size=SIZE, depth=8)) == list(range(count, 0, -1))
    api.finish()
    assert all((asked["page"] - 1) * asked["limit"] < count for asked in api.requests)
    assert api.drained[0] == len(api.requests)


@pytest.mark.parametrize("cutoff", [day(n) for n in range(1, 1000, 37)])
@pytest.mark.parametrize("spread", ["evenly", "sparse, then dense", "dense, then sparse"])
@pytest.mark.parametrize("depth", [2, 8])
def test_no_more_is_wasted_than_was_under_way(cutoff, spread, depth):
    # Days of records by their age: the pace of the newest tells too little, or too much.
    days = {
        "evenly": lambda i: i,
        "sparse, then dense": lambda i: 900 + i // 10 if i <= 700 else i + 270,
        "dense, then sparse": lambda i: i if i <= 500 else 500 + i // 10,
    }[spread]
    dates = {i: day(days(i)).isoformat() for i in range(1, 1001)}

    def asked(depth):
        api = HeldApi(range(1, 1001), dates=dates)
        found = ids_of(api.listing(page_size=SIZE, depth=depth).since("date", cutoff, 1000))
        assert found == [i for i in range(1000, 0, -1) if dates[i] >= cutoff.isoformat()]
        # From here on nothing more is asked for, so the next stream may begin.
        assert api.drained[0] == api.asked
        api.finish()
        return len(api.requests)

    pages = asked(1)
    assert asked(depth) <= pages + min(depth - 1, max(pages - 2, 0))
    if spread == "evenly":
        assert asked(depth) <= pages + 2


@pytest.mark.parametrize("read", [ascending(), since(0, 1000), since(300)])
def test_threads_have_as_many_requests_under_way(read):
    # From the middle on, a request is answered once eight are under way, or were.
    api = FakeApi(range(1, 1011), dates=dated(1010))
    together, lock, under_way, answer = threading.Event(), threading.Lock(), [], api.get

    def get(operation, params, *, business_id):
        with lock:
            under_way.append(params)
            if len(under_way) == 8:
                together.set()
        if len(api.requests) >= 8:
            assert together.wait(30)
        try:
            return answer(operation, params, business_id=business_id)
        finally:
            with lock:
                under_way.remove(params)

    api.get = get
    with Reader(api, page_size=SIZE, depth=8) as listing:
        read(listing)
    assert together.is_set()


# While the listing moves under requests that are answered in any order

# An ID above all others: a later run, which does not ask whether the listing holds more.
LATER = 100_000

date = st.integers(0, 70).map(lambda number: day(number).isoformat())
change = st.tuples(st.sampled_from(["delete", "add"]), st.integers(1, 60), st.integers(1, 14), date)


def moving(api, changes):
    def before(number):
        for kind, record_id, when, date in changes:
            if when == number:
                if kind == "delete":
                    api.records.pop(record_id, None)
                elif kind == "add":
                    api.add(1000 + len(api.records) + number, date)
                elif record_id in api.records:
                    api.add(record_id, date)

    api.before = before


@settings(max_examples=300, deadline=None)
@given(
    st.lists(change, max_size=6),
    st.integers(0, 40),
    st.sampled_from([2, 4, 8]),
    st.sampled_from([{}, {"headers": False}, {"own_size": 10}, {"cap": 12}, {"strict": True}]),
    st.randoms(use_true_random=False),
)
def test_what_stays_is_read_once_whatever_is_answered_first(changes, cutoff, depth, server, rng):
    api = held(60, choose=rng.randrange, **server)
    moving(api, changes)
    got = since(cutoff, LATER)(
        api.listing(page_size=10 if "cap" not in server else 20, depth=depth)
    )
    stayed = {i for i in api.records if max(cutoff, 1) <= i <= 60}
    assert stayed <= set(got)
    assert len(got) == len(set(got))


@given(st.randoms(use_true_random=False))
def test_a_gap_that_an_addition_hides_is_found_where_pages_do_not_overlap(rng):
    """The count stands still and the first page is the same; only a second reading tells."""
    api = held(60, choose=rng.randrange, own_size=10)
    moving(api, [("delete", 41, 3, "2024-01-01"), ("add", 1, 3, "2024-01-01")])
    assert 40 in since(31, LATER)(api.listing(page_size=10, depth=2))


@pytest.mark.parametrize(("record", "to", "added"), [(18, 37, 27), (25, 41, 21), (25, 49, 26)])
def test_a_record_dated_anew_while_the_later_page_comes_first_is_not_missed(record, to, added):
    # It leaves for the page that was read, and something added takes its place in the next one.
    api = held(150, choose=lambda waiting: waiting - 1)
    moving(api, [("date", record, 10, day(to).isoformat()), ("add", 0, 10, day(added).isoformat())])
    assert set(range(1, 151)) <= set(since(0, LATER)(api.listing(page_size=20, depth=4)))


@pytest.mark.parametrize("depth", [2, 8])
def test_additions_without_end_do_not_keep_the_reading_from_its_end(depth):
    # Of two requests under way the later one may be answered first: the count seems to fall.
    api = held(120, choose=random.Random(depth).randrange)  # noqa: S311 - no secret
    api.before = lambda number: api.add(1000 + number, day(400).isoformat())
    assert set(range(1, 121)) <= set(since(0, LATER)(api.listing(page_size=20, depth=depth)))


# Servers that have no end


@pytest.mark.parametrize("count", [10, 20, 24, 60])
@pytest.mark.parametrize(
    "server",
    [
        {"last_again": True},
        {"last_again": True, "headers": False},
        {"last_again": True, "own_size": 12},
        {"strict": True},
        {"strict": True, "own_size": 12},
    ],
    ids=str,
)
@pytest.mark.parametrize("page_size", [5, 12])
def test_beyond_the_end_a_server_may_say_what_it_likes(server, page_size, count):
    api = held(count, **server)
    found = since(0)(api.listing(page_size=page_size, depth=8))
    assert sorted(found) == list(range(1, count + 1))
    # Pages too small to overlap are read twice.
    assert api.asked <= (count // page_size) * (2 if page_size < 10 else 1) + 10


@pytest.mark.parametrize("headers", [True, False])
def test_a_server_that_knows_no_pages_is_read_to_its_end(headers):
    api = held(20, headers=headers)
    answer = api._answer
    api._answer = lambda operation, params: answer(operation, {**params, "page": 1})
    found = since(0)(api.listing(page_size=20, depth=8))
    assert sorted(found) == list(range(1, 21))
