"""Whatever happens while something is replaced, the next run ends with it as it should be."""

from __future__ import annotations

import pytest

from clearbooks.errors import ClearBooksError
from tests.target_clearbooks.conftest import allocation, customer, invoice, line, payment, schema
from tests.target_clearbooks.deliver.test_replacing import (
    FIRST,
    HEAD,
    SETTINGS,
    SHRUNK,
    sends_nothing,
    standing,
)

ALONE = [*HEAD, invoice("I1", "C1", line(80))]
"""The invoice without the payment and the allocation."""
CASES = {
    "all three": (SHRUNK, ([(96, 0)], [96], 96)),
    "invoice": (ALONE, ([(96, 0)], [120], 96)),
    "payment": ([*HEAD, payment(amount="100.00")], ([(120, 20)], [100], 100)),
    "allocation": ([*HEAD, allocation(amount="30.00")], ([(120, 90)], [120], 30)),
}


def go(run, messages):
    try:
        return run(messages, **SETTINGS)
    except ClearBooksError:
        return 1


def settled(run, messages):
    return any(go(run, messages) == 0 for _ in range(4))


def sums(run):
    """As `standing`, with what is allocated in one sum."""
    invoices, payments, allocations = standing(run)
    return invoices, payments, sum(allocations)


@pytest.fixture
def whole(run):
    assert run(FIRST) == 0
    return run


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("fault", ["drop-before", "drop-after", "error-after", "truncate"])
@pytest.mark.parametrize("dialects", [(), ("revision-renews",)], ids=" ".join)
def test_a_lost_reply_at_every_write(whole, dialects, fault, case):
    run, (messages, wanted) = whole, CASES[case]
    run.sandbox.dialects.on(*dialects)
    for method in ("PUT", "DELETE", "POST"):
        for nth in (1, 2):
            assert settled(run, FIRST), run.rejects
            assert sums(run) == ([(120, 0)], [120], 120)
            run.sandbox.faults.plan(fault, method=method, nth=nth)
            assert settled(run, messages), (method, nth)
            run.sandbox.faults.clear()
            assert sums(run) == wanted, (method, nth)
            assert sends_nothing(run, messages)
    assert not run.rejects


@pytest.mark.parametrize("fault", ["drop-before", "error"])
def test_a_fault_at_every_reading(whole, fault):
    run = whole
    for nth in range(1, 9):
        assert settled(run, FIRST)
        run.sandbox.faults.plan(fault, method="GET", nth=nth, times=3)
        go(run, SHRUNK)
        run.sandbox.faults.clear()
        assert settled(run, SHRUNK), nth
        assert sums(run) == ([(96, 0)], [96], 96), nth


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("dialects", [(), ("revision-frees",)], ids=" ".join)
def test_a_kill_at_every_write(whole, crash, dialects, after, case):
    run, (messages, wanted) = whole, CASES[case]
    run.sandbox.dialects.on(*dialects)
    nth, sent = 0, [None]
    while len(sent) > nth - 1:
        nth += 1
        assert settled(run, FIRST), run.rejects
        sent = crash(messages, nth, after=after, max_in_flight=1, **SETTINGS)
        assert settled(run, messages), (nth, run.rejects)
        assert sums(run) == wanted, nth
        assert sends_nothing(run, messages)
    assert nth > (2 if case == "allocation" else 4)
    assert not run.rejects


@pytest.mark.parametrize("after", [False, True])
def test_a_kill_whose_record_does_not_come_again(whole, crash, after):
    """What was freed is allocated again by the next run, whatever that brings."""
    run = whole
    for nth in (2, 3, 4):
        crash(ALONE, nth, after=after, max_in_flight=1, **SETTINGS)
        for _ in range(2):
            assert run(schema("customers")) == 0, nth
        invoices, payments, allocations = standing(run)
        [(gross, due)] = invoices
        assert (due, payments, allocations) == (0, [120], [gross]), nth
        assert settled(run, [*HEAD, customer(), *FIRST[len(HEAD) :]])
