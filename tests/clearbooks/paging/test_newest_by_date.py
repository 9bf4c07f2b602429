"""Lists by date, from the newest record back to a day."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearbooks.paging import passes
from tests.clearbooks.paging.fake_api import CHANGE, FakeApi, Reader


def dated(count):
    start = dt.date(2024, 1, 1)
    return {i: (start + dt.timedelta(days=i)).isoformat() for i in range(1, count + 1)}


def since(api, cutoff, *, page_size=10, **arguments):
    with Reader(api, page_size=page_size) as listing:
        return [r.id for part in listing.since("date", cutoff, **arguments) for r in part.records]


def test_reads_back_to_the_cutoff_and_no_further():
    api = FakeApi(range(1, 101), dates=dated(100))
    assert since(api, dt.date(2024, 1, 1) + dt.timedelta(days=88)) == list(range(100, 87, -1))
    assert len(api.requests) == 2  # pages that overlap need no proof


@pytest.mark.parametrize("server", [{"sorts": ("id",)}, {"refuses": ("date",)}, {"shuffle": 1}])
def test_a_server_that_does_not_sort_by_date_is_read_whole(server):
    api = FakeApi(range(1, 101), dates=dated(100), **server)
    cutoff = dt.date(2024, 1, 1) + dt.timedelta(days=88)
    assert sorted(since(api, cutoff)) == list(range(88, 101))


def test_many_records_of_one_old_day_do_not_hide_that_the_server_does_not_sort():
    dates = dict.fromkeys(range(1, 31), "2024-01-01") | dict.fromkeys(range(31, 36), "2024-06-01")
    api = FakeApi(range(1, 36), dates=dates, sorts=())
    assert sorted(since(api, dt.date(2024, 5, 1))) == list(range(31, 36))


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 64])
@pytest.mark.parametrize("page_size", [1, 2, 3, 10])
@pytest.mark.parametrize(
    "server",
    [
        {},
        {"headers": False},
        {"cap": 7},
        {"cap": 7, "headers": False},
        {"own_size": 4},
        {"own_size": 4, "headers": False},
        {"counted": lambda count: count + 50},
        {"counted": lambda count: max(count - 12, 1)},
    ],
)
def test_newest_by_date_of_servers_that_know_less(server, page_size, count):
    api = FakeApi(range(1, count + 1), dates=dated(count), **server)
    cutoff = dt.date(2024, 1, 1) + dt.timedelta(days=15)
    assert sorted(since(api, cutoff, page_size=page_size)) == list(range(15, count + 1))
    assert len(api.requests) <= 3 * count + 3


@pytest.mark.parametrize(
    ("reached", "size"), [(10, 10), (18, 10), (26, 25), (200, 200), (398, 200), (19_950, 200)]
)
def test_a_page_that_overlaps_goes_on_and_reaches_back(reached, size):
    limit, number = passes.overlapping(reached, size)
    assert limit <= size
    assert (number - 1) * limit < reached < number * limit


def test_where_every_limit_ends_the_walk_goes_on_all_the_same():
    assert passes.overlapping(2520, 10) == (10, 253)
    dates = dict.fromkeys(range(1, 2601), "2024-05-01") | {2601: "2024-05-02"}
    assert len(since(FakeApi(range(1, 2602), dates=dates), dt.date(2024, 5, 1))) == 2601


def test_pages_that_overlap_cost_hardly_more():
    reached, pages = 200, 1
    while reached < 20_000:
        limit, number = passes.overlapping(reached, 200)
        reached, pages = limit * number, pages + 1
    assert pages <= 110


@pytest.mark.parametrize("when", range(2, 9))
@pytest.mark.parametrize("old", [60, 45, 33])
@pytest.mark.parametrize("date", ["2024-01-03", "2024-02-05", "2025-01-01"])
def test_a_correction_that_leaves_the_count_alone_hides_no_other_document(when, old, date):
    # The old document goes, its successor comes with another ID and maybe another date.
    def before(number):
        if number == when:
            api.records.pop(old)
            api.add(1000, date)

    api = FakeApi(range(1, 61), dates=dated(60), before=before)
    got = since(api, dt.date(2024, 1, 1))
    assert set(range(1, 61)) - {old} <= set(got)
    assert len(got) == len(set(got))


@pytest.mark.parametrize("seed", range(20))
def test_documents_of_one_day_may_come_in_another_order_each_time(seed):
    dates = {i: f"2024-01-{1 + i // 7:02}" for i in range(1, 61)}
    api = FakeApi(range(1, 61), dates=dates, ties=random.Random(seed))  # noqa: S311 - no secret
    assert sorted(since(api, dt.date(2024, 1, 1))) == list(range(1, 61))


@settings(max_examples=200, deadline=None)
@given(st.lists(CHANGE, max_size=5), st.integers(40, 60))
def test_newest_by_date_while_it_moves(changes, cutoff_day):
    def before(number):
        for kind, record_id, when in changes:
            if when == number:
                if kind == "delete":
                    api.records.pop(record_id, None)
                else:
                    api.add(1000 + len(api.records) + number, "2024-06-01")

    cutoff = dt.date(2024, 1, 1) + dt.timedelta(days=cutoff_day - 30)
    api = FakeApi(range(1, 61), dates=dated(60), before=before)
    got = since(api, cutoff)
    stayed = {i for i, r in api.records.items() if i < 1000 and r["date"] >= cutoff.isoformat()}
    assert stayed <= set(got)
    assert len(got) == len(set(got))
