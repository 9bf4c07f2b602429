"""A clock that is wrong, or set while a run is under way, delays nothing and doubles nothing."""

from __future__ import annotations

import functools
import json
import time

import pytest

from clearbooks.pacing import Pacer
from tests.programs import DEVNULL, Process
from tests.target_clearbooks.conftest import (
    TARGET,
    TWO,
    book,
    check_book,
    customer,
    invoice,
    lines,
)


@pytest.fixture
def pace():
    """As it is."""


def put_forward(offset):
    real = time.time
    time.time = lambda: real() + offset


def start(run, messages, offset, **settings):
    config = run.directory / "config.json"
    config.write_text(json.dumps({**run.config, **settings}))
    source = run.directory / "input.jsonl"
    source.write_text(lines(*messages))
    before = functools.partial(put_forward, offset)
    return Process(TARGET, "--config", config, "--input", source, stdout=DEVNULL, before=before)


@pytest.mark.parametrize("offset", [600, -600])
def test_killed_while_the_clock_was_wrong(run, offset):
    run.sandbox.faults.plan("slow-after", seconds=30, method="POST", path="/accounting/sales")
    messages = [*TWO, customer(), invoice()]
    with start(run, messages, offset, settle_seconds=2) as process:
        while not run.invoices():
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    started = time.monotonic()
    with start(run, messages, 0, settle_seconds=2) as process:
        _, words = process.communicate(timeout=40)
    assert process.returncode == 0, words
    assert time.monotonic() - started < 20
    assert "waiting 2 s (settle_seconds)" in words
    assert len(run.invoices()) == 1


def test_runs_under_clocks_that_differ(run):
    run.sandbox.faults.add("drop-after:every=4,method=POST")
    for offset in (600, -600, 86_400, 0, -86_400):
        with start(run, book(4), offset, settle_seconds=1) as process:
            _, words = process.communicate(timeout=60)
        assert process.returncode in (0, 4), words
    run.sandbox.faults.clear()
    assert run(book(4)) == 0
    check_book(run, 4)


def test_the_pacer_waits_for_no_time_that_a_clock_has_left_behind(tmp_path):
    now, slept = [1_000_000.0], []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    pacer = Pacer(tmp_path / "pace.json", clock=lambda: now[0], sleep=sleep)
    for _ in range(5):
        pacer.wait()
        pacer.succeeded()
    now[0] -= 600.0
    slept.clear()
    for _ in range(5):
        pacer.wait()
        pacer.succeeded()
    assert sum(slept) < 2.0
    pacer.close()


@pytest.mark.parametrize("forward", [7_200.0, 30 * 86_400.0])
def test_a_clock_that_is_set_forward_is_no_slow_server(tmp_path, forward):
    """A server that allows 20 requests a second is found again at once."""
    now, bucket, limited = [1_000_000.0], [20.0], []

    def sleep(seconds):
        now[0] += seconds
        bucket[0] = min(bucket[0] + 20.0 * seconds, 20.0)

    pacer = Pacer(tmp_path / "pace.json", clock=lambda: now[0], sleep=sleep)

    def requests(number):
        started = now[0]
        for _ in range(number):
            while True:
                sent = pacer.wait()
                sleep(0.001)
                if bucket[0] >= 1.0:
                    break
                limited.append(sent)
                pacer.limited(sent, None)
            bucket[0] -= 1.0
            pacer.succeeded()
        return number / (now[0] - started)

    assert requests(600) > 14
    for jumps in range(3):
        now[0] += forward
        bucket[0] = 0.0
        requests(20)
        assert requests(400) > 12, jumps
    pacer.close()


def test_a_retry_after_outlives_the_clock(tmp_path):
    """What a 429 asks for is waited for, whatever the clock does meanwhile."""
    now, slept = [1_000_000.0], []

    def sleep(seconds):
        slept.append(seconds)
        now[0] += seconds

    pacer = Pacer(tmp_path / "pace.json", clock=lambda: now[0], sleep=sleep)
    pacer.limited(pacer.wait(), 20.0)
    now[0] -= 600.0
    slept.clear()
    pacer.wait()
    assert 19.0 < sum(slept) < 21.0
    pacer.close()
