"""The pacer finds a limit that it was not told, keeps to it, and shares it."""

from __future__ import annotations

import heapq
import multiprocessing
import random
import time

import pytest

from clearbooks.pacing import START_RATE, Budget, Pacer, open_pacer
from clearbooks.settings import Connection
from tests.clearbooks.simulated import Bucket


@pytest.fixture
def pace():
    """As it is."""


def run(budget, server, requests, *, workers=16, latency=0.2, wait=1, now=1e6, seed=1):
    """Requests through the budget on a clock of their own; returns (seconds, answers of 429)."""
    rng = random.Random(seed)  # noqa: S311 - jitter
    start, done, refused, under_way, order = now, 0, 0, 0, 0
    events = []

    def send():
        nonlocal under_way, order
        while under_way < workers and under_way + done < requests:
            order += 1
            under_way += 1
            heapq.heappush(events, (max(budget.reserve(now), now), order, "leave", 0.0))

    budget.begin(now)
    send()
    while done < requests:
        now, _, kind, sent = heapq.heappop(events)
        order += 1
        if kind == "leave":
            if budget.hold_until > now:
                heapq.heappush(events, (budget.reserve(now), order, "leave", 0.0))
                continue
            takes = latency * rng.uniform(0.8, 1.2)
            kind = "good" if server is None or server.admits(now + takes / 2) else "limited"
            heapq.heappush(events, (now + takes, order, kind, now))
            continue
        under_way -= 1
        if kind == "good":
            done += 1
            budget.succeeded(now)
        else:
            refused += 1
            budget.refused(sent, now, wait)
        send()
    return now - start, refused


@pytest.mark.parametrize("wait", [1, None])
@pytest.mark.parametrize(
    ("rate", "burst", "loss"), [(5, 10, 1.05), (5, 20, 1.05), (10, 20, 1.05), (2, 4, 1.08)]
)
def test_an_unknown_limit_is_found_and_used(rate, burst, loss, wait):
    budget = Budget()
    seconds, _ = run(budget, Bucket(rate, burst), 550, wait=wait)
    assert seconds < 550 / rate * loss
    assert budget.limit == pytest.approx(rate, rel=0.1)


@pytest.mark.parametrize(("rate", "burst"), [(5, 10), (5, 20), (10, 20)])
def test_the_next_run_knows_the_limit(rate, burst):
    budget = Budget()
    run(budget, Bucket(rate, burst), 550)
    budget.used_at = 1e6 + 1000
    seconds, refused = run(budget, Bucket(rate, burst), 550, now=1e6 + 2000)
    assert seconds < 550 / rate * 1.05
    assert refused <= 2


def test_without_a_limit_the_rate_grows_as_fast_as_the_workers_can():
    seconds, _ = run(Budget(), None, 550)
    assert seconds < 1.3 * 550 / 16 * 0.2


def test_it_starts_gently():
    budget = Budget()
    assert [budget.reserve(100.0) for _ in range(3)] == pytest.approx(
        [99.9, 99.9 + 1 / START_RATE, 99.9 + 2 / START_RATE]
    )


def test_a_429_halves_the_rate_and_holds_everybody():
    budget = Budget()
    for n in range(100):
        budget.succeeded(10.0 + n / 40)
    before = min(budget.rate, 40.0)
    budget.refused(sent=12.0, now=12.5, wait=7.0)
    assert budget.rate <= before / 2 + 1
    assert budget.reserve(12.6) == pytest.approx(19.5)


def test_requests_that_were_under_way_at_a_429_count_once():
    budget = Budget()
    for n in range(100):
        budget.succeeded(10.0 + n / 40)
    budget.refused(sent=12.0, now=12.5, wait=1.0)
    rate = budget.rate
    budget.refused(sent=12.1, now=12.6, wait=3.0)
    assert budget.rate == rate
    assert budget.hold_until == pytest.approx(15.6)
    assert budget.limited == 2


def test_a_slot_that_was_taken_before_a_429_belongs_to_it():
    """Another process may sleep until its slot, and leave although everybody is to wait."""
    budget = Budget()
    for n in range(100):
        budget.succeeded(10.0 + n / 40)
    budget.refused(sent=12.4, now=12.5, wait=None)
    limit = budget.limit
    budget.refused(sent=12.55, now=12.7, wait=None)
    assert (budget.limit, budget.cuts, budget.limited) == (limit, 1, 2)
    late = budget.hold_until + 0.1
    budget.refused(sent=late, now=late + 0.1, wait=None)
    assert budget.cuts == 2


def test_without_retry_after_pauses_grow_until_an_answer_is_good():
    budget, now, pauses = Budget(), 100.0, []
    for _ in range(4):
        budget.refused(sent=now, now=now, wait=None)
        pauses.append(budget.hold_until - now)
        now = budget.hold_until + 0.1
    assert pauses == sorted(pauses)
    assert pauses[-1] > 2.5
    budget.succeeded(now)
    budget.refused(sent=now, now=now, wait=None)
    assert budget.hold_until - now < 1


def test_a_server_that_becomes_generous_is_noticed():
    budget = Budget()
    run(budget, Bucket(5, 10), 300)
    seconds, _ = run(budget, None, 3000, now=1e6 + 500)
    assert seconds < 3000 / 5 * 0.7


def test_the_ceiling_of_the_settings_holds(tmp_path):
    pacer, slept = fake_pacer(tmp_path, ceiling=4)
    for _ in range(21):
        pacer.wait()
        pacer.succeeded()
    assert sum(slept) == pytest.approx(5.0, abs=0.3)
    pacer.close()


def fake_pacer(tmp_path, **arguments):
    slept = []
    pacer = Pacer(
        tmp_path / "pace.json", clock=lambda: 1e6 + sum(slept), sleep=slept.append, **arguments
    )
    return pacer, slept


def test_what_was_found_is_remembered(tmp_path):
    pacer, _ = fake_pacer(tmp_path)
    pacer.limited(1e6, 30.0)
    pacer.close()
    again, slept = fake_pacer(tmp_path)
    again.wait()
    assert sum(slept) >= 29
    assert again.found().limited == 1
    again.close()


def test_a_damaged_file_begins_anew(tmp_path):
    (tmp_path / "pace.json").write_text("{half")
    pacer, _ = fake_pacer(tmp_path)
    assert pacer.found().rate == START_RATE
    pacer.close()


def test_a_directory_that_cannot_be_written_paces_this_process(tmp_path):
    pacer = Pacer(tmp_path / "no" / "such" / "pace.json", sleep=lambda _: None)
    pacer.wait()
    assert pacer.found().rate == START_RATE
    pacer.close()


def _send(path, count):
    pacer = Pacer(path, ceiling=50)
    for _ in range(count):
        pacer.wait()
        pacer.succeeded()
    pacer.close()


def test_processes_share_one_budget(tmp_path):
    """Three processes with 20 requests each, at 50 a second together, need 1.2 s."""
    start = time.monotonic()
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_send, args=(tmp_path / "p.json", 20)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert time.monotonic() - start > 1.1


def test_each_application_has_a_budget_of_its_own(tmp_path):
    store = str(tmp_path / "tokens.json")
    one, other = (
        open_pacer(Connection(client_id=name, token_store=store)) for name in ("app-1", "app-2")
    )
    one.limited(time.time(), 30.0)
    held, free = one.found(), other.found()
    assert held.limited == 1
    assert held.hold_until > time.time() + 25
    assert (free.limited, free.hold_until) == (0, 0.0)
    same = open_pacer(Connection(client_id="app-1", connection="zoe", token_store=store))
    assert same.found().limited == 1
    for pacer in (one, other, same):
        pacer.close()
