"""Processes of one application find the limit together, with few refusals."""

import random

import pytest

from tests.clearbooks.simulated import Bucket, Machine


@pytest.fixture
def pace():
    """As it is."""


@pytest.fixture(autouse=True)
def _same_jitter():
    random.seed(1)


@pytest.mark.parametrize(
    ("rate", "latency", "over"), [(20, 0.1, 1.02), (20, 0.2, 1.02), (50, 0.1, 1.08)]
)
def test_four_processes_that_know_nothing(tmp_path, rate, latency, over):
    """At most 1 % of 2,000 requests are refused, the finding of the limit included."""
    machine = Machine(tmp_path / "p.json", Bucket(rate, 20), latency=latency)
    seconds = machine.run(4, 2000)
    assert seconds < (2000 - 20) / rate * over
    assert len(machine.refused) <= 20


@pytest.mark.parametrize("latency", [0.02, 0.1, 0.2])
def test_a_small_run_after_one_that_met_the_limit_once(tmp_path, latency):
    machine = Machine(tmp_path / "p.json", Bucket(20, 10), latency=latency)
    machine.run(1, 33)
    assert machine.refused
    machine.refused.clear()
    machine.now += 10
    assert machine.run(1, 33) < 1.8
    assert not machine.refused


@pytest.mark.parametrize(("requests", "seconds"), [(30, 1.2), (550, 7.9)])
def test_nothing_is_slow_without_a_limit(tmp_path, requests, seconds):
    """At 200 ms, 16 in flight could do 550 requests in 6.9 s."""
    assert Machine(tmp_path / "p.json", None, latency=0.2).run(1, requests, 16) < seconds


def test_a_backfill_has_its_share_and_all_of_it_when_it_is_alone(tmp_path):
    """Two of 200 requests at a fifth beside one of 200: 20 a second, 16 of them for that one."""
    machine = Machine(tmp_path / "p.json", Bucket(20, 20), latency=0.1)
    machine.run(1, 400)
    begin = machine.now
    seconds = machine.run(3, 600, shares=(0.2, 1.0, 0.2))
    assert machine.ended[1] - begin == pytest.approx(200 / 16, rel=0.1)
    # Those with a share have made a fourth as many by then, and have the budget from then on.
    assert seconds < 600 / 20 * 1.1
