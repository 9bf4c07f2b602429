"""What is new since a bookmark, and lists from the newest record on."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearbooks.paging import passes
from tests.clearbooks.paging.fake_api import CHANGE, FakeApi, Reader, read


@pytest.mark.parametrize("position", [None, 0, 10, 30, 100])
@pytest.mark.parametrize("after", [0, 1, 59, 60, 61, 99, 100])
def test_only_what_is_above_the_bookmark(after, position):
    api = FakeApi(range(1, 101))
    guess = None if position is None else min(after + position, 110)
    assert read(api, after=after, position=guess) == list(range(after + 1, 101))


@pytest.mark.parametrize("new", [0, 3, 40])
@pytest.mark.parametrize("server", [{}, {"cap": 200}, {"sorts": ()}], ids=str)
def test_a_record_that_came_late_with_a_smaller_id_is_found(server, new):
    api = FakeApi([i for i in range(1, 101) if i != 97], **server)
    assert read(api, after=100, position=99) == []
    for late in (97, *range(101, 101 + new)):
        api.add(late)
    page_size = server.get("cap", 10)
    got = read(api, after=100, position=99, page_size=page_size)
    assert {97, *range(101, 101 + new)} <= set(got)


def test_nothing_new_costs_one_request():
    api = FakeApi(range(1, 1001))
    assert read(api, after=1000, position=1000) == []
    assert len(api.requests) == 1


@pytest.mark.parametrize("new", [1, 10, 11, 35, 100, 500])
def test_k_new_records_cost_k_pages_and_two(new):
    api = FakeApi(range(1, 1001))
    assert len(read(api, after=1000 - new, position=1000 - new)) == new
    assert len(api.requests) <= new / 10 + 2


def test_a_long_reading_may_be_taken_up_again_at_its_marks(monkeypatch):
    monkeypatch.setattr(passes, "MARK_SECONDS", 0.0)
    api = FakeApi(range(1, 101))
    with Reader(api) as listing:
        marks = [(p.records[-1].id, p.position) for p in listing.ascending() if p.position]
    assert marks == [(n, n) for n in range(10, 101, 10)]
    for last, position in marks:
        assert read(api, after=last, position=position) == list(range(last + 1, 101))


def test_a_bookmark_whose_records_were_deleted_is_found_again():
    ids = [i for i in range(1, 1001) if not 100 <= i < 400]
    api = FakeApi(ids)
    assert read(api, after=500, position=500) == list(range(501, 1001))


# From the newest on


@pytest.mark.parametrize(
    "server",
    [
        {},
        {"headers": False},
        {"sorts": ()},
        {"direction": False},
        {"cap": 7},
        {"strict": True},
        {"refuses": ("id",)},
        {"counted": lambda count: max(count - 25, 1)},
        {"counted": lambda count: count + 35},
    ],
)
@pytest.mark.parametrize("count", [0, 1, 7, 8, 10, 20, 33, 60])
def test_newest_first(server, count):
    api = FakeApi(range(1, count + 1), **server)
    for after in (0, 1, 5, count - 1, count):
        with Reader(api) as listing:
            found = [record.id for record in listing.newest_first(after)]
        assert found == list(range(count, max(after, 0), -1))
    with Reader(api) as listing:
        assert listing.greatest_id() == (count or None)


def test_newest_first_reads_only_pages_that_hold_what_is_wanted():
    for after, requests in ((1000, 1), (995, 1), (990, 1), (989, 2), (965, 4)):
        api = FakeApi(range(1, 1001))
        with Reader(api) as listing:
            assert len(listing.newest_first(after)) == 1000 - after
        assert len(api.requests) == requests
    api = FakeApi(range(1, 1001))
    with Reader(api) as listing:
        assert listing.greatest_id() == 1000
    assert len(api.requests) == 1


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 60), st.lists(CHANGE, max_size=6), st.integers(0, 60))
def test_newest_first_while_it_moves(count, changes, after):
    def before(number):
        for kind, record_id, when in changes:
            if when == number:
                if kind == "delete":
                    api.records.pop(record_id, None)
                else:
                    api.add(1000 + len(api.records) + number)

    api = FakeApi(range(1, count + 1), before=before)
    with Reader(api) as listing:
        got = [record.id for record in listing.newest_first(after)]
    assert {i for i in api.records if after < i < 1000} <= set(got)
    assert got == sorted(set(got), reverse=True)
    assert all(i > after for i in got)
