"""The threads in which requests are made."""

import threading

import pytest

from clearbooks.threads import RequestThreads

THREADS = 8


def test_all_threads_are_there_whatever_ran_before():
    with RequestThreads(THREADS) as pool:
        for _ in range(500):
            pool.submit(int).result()
        together = threading.Barrier(THREADS)
        begun = [pool.submit(together.wait, 20) for _ in range(THREADS)]
        assert sorted(future.result() for future in begun) == list(range(THREADS))


def test_a_machine_that_gives_no_more_threads_is_an_error_and_not_a_wait(monkeypatch):
    before, start = set(threading.enumerate()), threading.Thread.start

    def start_some(thread):
        if len(set(threading.enumerate()) - before) == THREADS - 1:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_some)
    pools, init = [], RequestThreads.__init__
    monkeypatch.setattr(
        RequestThreads, "__init__", lambda self, n: (pools.append(self), init(self, n))[-1]
    )
    with pytest.raises(RuntimeError, match="new thread"):
        RequestThreads(THREADS)
    # Would never return where the threads that were started wait.
    pools[0].shutdown(wait=True)
