"""Calls ahead in a pool that others use too: none is waited for that nobody can begin."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor

import pytest

from clearbooks.paging import in_order


def squares(pool, numbers, depth=4):
    return list(in_order(pool, lambda n: n * n, numbers, lambda: depth))


@pytest.mark.parametrize("depth", [1, 3, 20])
def test_results_come_in_order(depth):
    with ThreadPoolExecutor(3) as pool:
        assert squares(pool, range(10), depth) == [n * n for n in range(10)]


@pytest.mark.parametrize("threads", [1, 4])
def test_readers_inside_the_pool_come_to_their_end(threads):
    with ThreadPoolExecutor(threads) as pool:
        # As many readers as threads: none is left for what they ask.
        begun = threading.Barrier(threads)

        def read():
            begun.wait(5)
            return squares(pool, range(20))

        readers = [pool.submit(read) for _ in range(threads)]
        assert [r.result(5) for r in readers] == [[n * n for n in range(20)]] * threads


def test_a_pool_that_was_shut_down_makes_no_further_calls():
    pool, called, going = ThreadPoolExecutor(1), [], threading.Event()
    pool.submit(going.wait, 5)
    results = in_order(pool, called.append, range(3), lambda: 3)
    waiting = []

    def depth():
        waiting.append(None)
        if len(waiting) == 3:
            pool.shutdown(wait=False, cancel_futures=True)
        return 3 if len(waiting) < 4 else 0

    results = in_order(pool, called.append, range(2), depth)
    with pytest.raises(CancelledError):
        next(results)
    going.set()
    assert called == []
