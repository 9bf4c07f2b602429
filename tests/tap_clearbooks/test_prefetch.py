"""Readings follow each other without a pause, and never run far ahead of the writer."""

from __future__ import annotations

import threading
import time

import pytest

from tap_clearbooks.prefetch import AHEAD, READY, READY_NEXT, Reading, Readings


def patient(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


class Source:
    """Yields numbers, says that it is drained after `drains_at` of them, and counts."""

    def __init__(self, count, drains_at=None):
        self.count, self.drains_at, self.made = count, drains_at, 0

    def __call__(self, reading):
        for n in range(self.count):
            if n == self.drains_at:
                reading.drained()
            self.made += 1
            yield n


@pytest.fixture
def plan():
    made = []

    def make(*sources):
        readings = Readings({n: Reading(source) for n, source in enumerate(sources)})
        made.append(readings)
        return readings

    yield make
    for readings in made:
        readings.close()


def test_results_come_in_order_and_whole(plan):
    readings = plan(*(Source(50, drains_at=40) for _ in range(5)))
    for n in range(5):
        assert list(readings.take(n)) == list(range(50))


def test_what_comes_next_is_read_ahead_a_little(plan):
    sources = [Source(100) for _ in range(5)]
    first = plan(*sources).take(0)
    next(first)
    # Besides what is ready, one result is on its way into the queue.
    wanted = [1 + READY + 1] + [READY + 1] * AHEAD + [0] * (4 - AHEAD)
    assert patient(lambda: [s.made for s in sources] == wanted)
    time.sleep(0.05)
    assert [s.made for s in sources] == wanted


def test_when_all_is_under_way_the_next_one_goes_on(plan):
    sources = [Source(5, drains_at=3), *(Source(100) for _ in range(4))]
    first = plan(*sources).take(0)
    next(first)
    wanted = [4, READY_NEXT + 1, *[READY + 1] * (AHEAD - 1), *[0] * (4 - AHEAD)]
    assert patient(lambda: [s.made for s in sources] == wanted)
    time.sleep(0.05)
    assert [s.made for s in sources] == wanted


def test_short_readings_do_not_set_off_all_that_follow(plan):
    sources = [Source(3, drains_at=1) for _ in range(20)]
    first = plan(*sources).take(0)
    next(first)
    begun = [source for source in sources if patient(lambda s=source: s.made, 0.1)]
    assert len(begun) == 1 + AHEAD


def test_a_reading_that_is_begun_twice_runs_once(plan):
    for _ in range(50):
        source = Source(10)
        reading = Reading(source)
        threads = [threading.Thread(target=reading.start) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert list(reading) == list(range(10))
        assert source.made == 10
