"""The threads in which requests are made."""

import threading

from clearbooks.threads import RequestThreads

THREADS = 8


def test_all_threads_are_there_whatever_ran_before():
    with RequestThreads(THREADS) as pool:
        for _ in range(500):
            pool.submit(int).result()
        together = threading.Barrier(THREADS)
        begun = [pool.submit(together.wait, 20) for _ in range(THREADS)]
        assert sorted(future.result() for future in begun) == list(range(THREADS))
