"""A list that changes while it is read: what stays in it is read once."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearbooks.errors import UnavailableError
from tests.clearbooks.paging.fake_api import CHANGE, FakeApi, read


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


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 60), st.lists(CHANGE, max_size=6), st.sampled_from([1, 3]), st.booleans())
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
