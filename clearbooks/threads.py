"""The threads in which requests are made."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor


class RequestThreads(ThreadPoolExecutor):
    """A pool whose threads are all started at once, so that as many requests may be under way.

    One that grows when it has to takes a thread that is about to become busy for an idle one. On
    Python 3.13 and later it then stayed at six or seven threads of eight.
    """

    def __init__(self, threads: int) -> None:
        super().__init__(threads, thread_name_prefix="request")
        begun = threading.Event()
        try:
            # Each waits, so that the next one needs a thread of its own.
            for _ in range(threads):
                self.submit(begun.wait)
        finally:
            # Also where the machine gives no more threads: those that there are must end.
            begun.set()
