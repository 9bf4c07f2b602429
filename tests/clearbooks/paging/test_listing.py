"""A listing is read whole and once, in order, at the least cost, also while it moves."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearbooks.errors import RejectedError, UnavailableError
from clearbooks.paging import passes
from tests.clearbooks.paging.fake_api import FakeApi, Reader, read


@pytest.mark.parametrize("depth", [1, 4])
@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 21, 105])
def test_every_record_once_in_ascending_order(count, depth):
    api = FakeApi(range(1, count + 1))
    assert read(api, depth=depth) == list(range(1, count + 1))


@pytest.mark.parametrize(
    ("count", "requests"),
    [
        (0, 1),
        (10, 1),  # one page: nothing to prove
        (11, 2),  # the last page overlaps the newest, which is the proof
        (105, 11),
        (20, 3),  # pages that do not overlap, and the proof
    ],
)
def test_costs_a_request_a_page(count, requests):
    api = FakeApi(range(1, count + 1))
    read(api)
    assert len(api.requests) == requests


def test_a_page_cap_of_the_server_is_found_out():
    api = FakeApi(range(1, 40), cap=7)
    assert read(api) == list(range(1, 40))


@pytest.mark.parametrize(
    "server",
    [
        {"headers": False},
        {"direction": False},
        {"sorts": ()},
        {"shuffle": 3},
        {"refuses": ("id",)},
        {"headers": False, "shuffle": 3},
        {"headers": False, "cap": 7},
        {"headers": False, "strict": True},
        {"headers": False, "direction": False},
    ],
    ids=str,
)
@pytest.mark.parametrize("count", [0, 5, 10, 20, 33])
def test_servers_that_know_less(server, count):
    api = FakeApi(range(1, count + 1), **server)
    got = read(api, depth=3)
    assert sorted(got) == list(range(1, count + 1))


@pytest.mark.parametrize("count", [12, 20, 30, 33, 60, 105])
@pytest.mark.parametrize("sorts", [("id",), ()])
@pytest.mark.parametrize(
    "server",
    [
        {"counted": lambda count: count - 1},
        {"counted": lambda count: max(count - 25, 1)},
        {"counted": lambda count: min(count, 10), "pages": True},
        {"counted": lambda count: count + 35},
        {"counted": lambda count: count + 35, "strict": True},
        {"counted": lambda count: count + 35, "last_again": True},
    ],
)
def test_a_wrong_count_hides_nothing(server, sorts, count):
    api = FakeApi(range(1, count + 1), sorts=sorts, **server)
    got = read(api, depth=3)
    assert sorted(got) == list(range(1, count + 1))


def test_a_count_far_too_high_costs_a_few_requests_and_not_millions():
    api = FakeApi(range(1, 106), counted=lambda count: count * 10_000_000)
    assert sorted(read(api, depth=3)) == list(range(1, 106))
    assert len(api.requests) < 40


def test_pages_in_another_order_that_look_sorted_are_noticed():
    # By date; each page ascends by ID, and the last one holds the smallest.
    dates = {i: f"2024-01-{1 + (i + 10) // 20:02}" for i in range(21, 101)}
    dates |= dict.fromkeys(range(1, 21), "2024-01-31")
    api = FakeApi(range(1, 101), dates=dates)
    answer = api._answer

    def by_date(operation, params):
        if params.get("sortDirection") == "ascending":
            params = {**params, "sortBy": "date"}
        return answer(operation, params)

    api._answer = by_date
    assert sorted(read(api)) == list(range(1, 101))


def test_a_refusal_in_the_middle_does_not_mix_two_orders():
    api = FakeApi(range(1, 101))
    answer = api._answer

    def refusing(operation, params):
        if params["page"] == 4 and "sortBy" in params:
            raise RejectedError(operation, 400)
        return answer(operation, params)

    api._answer = refusing
    with pytest.raises(RejectedError):
        read(api)


def test_without_headers_the_end_is_an_empty_page_after_a_short_one():
    api = FakeApi(range(1, 6), headers=False)
    read(api)
    assert [request["page"] for request in api.requests] == [1, 2]


def test_a_server_that_sends_the_same_page_for_ever_ends():
    api = FakeApi(range(1, 11), headers=False)
    answer = api._answer
    api._answer = lambda operation, params: answer(operation, {**params, "page": 1})
    assert sorted(read(api)) == list(range(1, 11))


# While the listing moves


@pytest.mark.parametrize("headers", [True, False])
@pytest.mark.parametrize("when", range(1, 8))
@pytest.mark.parametrize("gone", [1, 10, 11, 25, 40])
def test_a_deletion_makes_no_other_record_vanish(when, gone, headers):
    def before(number):
        if number == when:
            api.records.pop(gone, None)

    api = FakeApi(range(1, 46), before=before, headers=headers)
    got = read(api)
    assert set(range(1, 46)) - {gone} <= set(got)
    assert len(got) == len(set(got))


@pytest.mark.parametrize("when", range(1, 8))
@pytest.mark.parametrize("gone", [1, 10, 11, 25, 40])
def test_a_deletion_hidden_by_an_addition_is_noticed(when, gone):
    def before(number):
        if number == when:
            api.records.pop(gone, None)
            api.add(1000 + number)

    api = FakeApi(range(1, 46), before=before)
    got = read(api)
    assert set(range(1, 46)) - {gone} <= set(got)


def test_deleting_before_every_request_still_ends():
    def before(number):
        api.records.pop(number, None)

    api = FakeApi(range(1, 101), before=before)
    got = read(api)
    assert set(api.records) <= set(got)


def test_without_order_a_count_that_falls_in_every_reading_is_refused():
    def before(_number):
        api.records.pop(next(iter(api.records)), None)

    api = FakeApi(range(1, 2001), before=before, sorts=())
    with pytest.raises(UnavailableError, match="changed in each of 20 readings"):
        read(api, page_size=200, depth=4)


@pytest.mark.parametrize("seed", range(60))
def test_what_is_read_again_comes_once(seed):
    rng = random.Random(seed)  # noqa: S311 - no secret

    def before(number):
        if rng.random() < 0.5 and number < 20 and len(api.records) > 1:
            api.records.pop(rng.choice(list(api.records)[:9]))
        if rng.random() < 0.3:
            api.add(1000 + number)

    api = FakeApi(range(1, 41), before=before)
    got = read(api, page_size=3)
    assert {i for i in api.records if i < 1000} <= set(got)
    assert len(got) == len(set(got))


def test_an_addition_that_is_gone_again_does_not_pass_for_none():
    def before(number):
        if number == 5:
            api.records.pop(7)
            api.add(1000)
        elif number == 7:
            api.records.pop(1)
        elif number == 8:
            # It was on the page before; from now on it looks as if nothing had come.
            api.records.pop(1000)

    api = FakeApi(range(1, 20), before=before)
    assert set(range(1, 20)) - {7} <= set(read(api, page_size=3))


def test_a_list_that_is_emptied_while_it_is_read():
    def before(number):
        if number == 4:
            api.records.clear()

    api = FakeApi(range(1, 41), before=before)
    assert set(read(api)) <= set(range(1, 41))


def test_replacing_before_every_request_still_ends():
    def before(number):
        api.records.pop(number, None)
        api.add(1000 + number)

    api = FakeApi(range(1, 61), before=before)
    got = read(api)
    assert {i for i in api.records if i < 1000} <= set(got)


def test_additions_alone_cost_nothing_more_than_a_second_look():
    def before(number):
        api.add(1000 + number)

    api = FakeApi(range(1, 46), before=before)
    assert set(range(1, 46)) <= set(read(api))
    assert len(api.requests) <= 5 + 2 + 1


change = st.tuples(st.sampled_from(["delete", "add"]), st.integers(1, 60), st.integers(1, 14))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 60), st.lists(change, max_size=6), st.sampled_from([1, 3]), st.booleans())
def test_whatever_happens_between_requests_what_stays_is_read_once(count, changes, depth, believe):
    def before(number):
        for kind, record_id, when in changes:
            if when == number:
                if kind == "delete":
                    api.records.pop(record_id, None)
                else:
                    api.add(1000 + len(api.records) + number)

    # Pages that are full to the last place, where a count is believed, are the likeliest to slip.
    count -= count % 10 if believe else 0
    api = FakeApi(range(1, count + 1), before=before, pages=True)
    got = read(api, depth=depth, believe_count=believe)
    assert {i for i in api.records if i < 1000} <= set(got)
    assert len(got) == len(set(got))


@pytest.mark.parametrize("when", range(2, 6))
@pytest.mark.parametrize("gone", [1, 10, 11, 20, 21, 30])
def test_where_a_count_is_believed_a_hidden_deletion_is_noticed_all_the_same(when, gone):
    def before(number):
        if number == when:
            api.records.pop(gone)
            api.add(1000)

    api = FakeApi(range(1, 41), before=before, pages=True)
    assert set(range(1, 41)) - {gone} <= set(read(api, believe_count=True))


def test_a_count_that_is_believed_saves_the_request_beyond_full_pages():
    api = FakeApi(range(1, 41), pages=True)
    assert read(api, believe_count=True) == list(range(1, 41))
    assert len(api.requests) == 4
    # Without a number of pages that agrees it is not believed.
    api = FakeApi(range(1, 61), counted=lambda _: 40)
    assert read(api, believe_count=True) == list(range(1, 61))


# What is new


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


@pytest.mark.parametrize("server", [{}, {"headers": False}, {"sorts": ()}, {"direction": False},
                                    {"cap": 7}, {"strict": True}, {"refuses": ("id",)},
                                    {"counted": lambda count: max(count - 25, 1)},
                                    {"counted": lambda count: count + 35}])  # fmt: skip
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
@given(st.integers(0, 60), st.lists(change, max_size=6), st.integers(0, 60))
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


# The newest by date


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
@given(st.lists(change, max_size=5), st.integers(40, 60))
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
