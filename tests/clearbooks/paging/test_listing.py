"""A listing is read whole and once, in order, at the least cost, also while it moves."""

from __future__ import annotations

import pytest

from clearbooks.errors import ApiError, RejectedError
from tests.clearbooks.paging.fake_api import FakeApi, read


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


@pytest.mark.parametrize("wrong", [-1, 2**64])
def test_an_id_that_no_ledger_gives_is_said(wrong):
    with pytest.raises(ApiError, match="numeric id"):
        read(FakeApi([*range(1, 15), wrong]))
