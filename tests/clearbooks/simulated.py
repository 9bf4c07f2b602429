"""Processes that share a budget, and a server with a limit, on a clock of their own."""

import heapq
import itertools
import random
import threading

from clearbooks.pacing import Pacer


class Bucket:
    """A server that allows `rate` requests a second on average, `burst` at once."""

    def __init__(self, rate, burst):
        self.rate, self.burst, self.tokens, self.at = rate, burst, burst, None

    def admits(self, now):
        if self.at is not None:
            self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Machine:
    """Runs processes that pace themselves by one file; one thread at a time, so repeatably.

    Attributes:
        now: Seconds since the epoch; it moves only when everybody waits.
        refused: When each 429 came.
        ended: When each process did, in the order of the shares.
    """

    def __init__(self, path, server, *, latency, seed=1):
        self.path, self.server, self.latency = path, server, latency
        self.now, self.refused, self.ended = 1e6, [], {}
        self._random = random.Random(seed)  # noqa: S311 - jitter
        self._events, self._order = [], itertools.count()
        self._idle = threading.Semaphore(0)

    def run(self, processes, requests, in_flight=8, shares=()):
        """Make so many requests in all; returns the seconds that it took.

        `shares` are those of the budget that each process takes; all of it without.
        """
        start = self.now
        for number, share in enumerate(shares or (1.0,) * processes):
            gate = threading.Semaphore(0)
            thread = threading.Thread(
                target=self._process,
                args=(gate, requests // processes, in_flight, share, number),
                daemon=True,
            )
            thread.start()
            self._at(self.now, gate)
        while self._events:
            self.now, _, event = heapq.heappop(self._events)
            if isinstance(event, threading.Semaphore):
                event.release()
                self._idle.acquire()
            else:
                event()
        return self.now - start

    def _at(self, when, event):
        heapq.heappush(self._events, (max(when, self.now), next(self._order), event))

    def _sleep(self, seconds):
        gate = threading.Semaphore(0)
        self._at(self.now + seconds, gate)
        self._park(gate)

    def _park(self, gate):
        self._idle.release()
        gate.acquire()

    def _process(self, gate, left, in_flight, share, number):
        gate.acquire()
        pacer = Pacer(self.path, clock=lambda: self.now, sleep=self._sleep, share=share)
        under_way, parked = 0, None

        def arrive(sent, takes):
            good = self.server is None or self.server.admits(self.now)
            self._at(self.now + takes / 2, lambda: reply(sent, good))

        def reply(sent, good):
            nonlocal under_way, left, parked
            under_way -= 1
            if good:
                pacer.succeeded()
            else:
                left += 1
                self.refused.append(self.now)
                pacer.limited(sent, None)
            if parked:
                self._at(self.now, parked)
                parked = None

        while left or under_way:
            if not left or under_way == in_flight:
                parked = threading.Semaphore(0)
                self._park(parked)
                continue
            left -= 1
            under_way += 1
            sent, takes = pacer.wait(), self.latency * self._random.uniform(0.8, 1.2)
            self._at(sent + takes / 2, lambda sent=sent, takes=takes: arrive(sent, takes))
        pacer.close()
        self.ended[number] = self.now
        self._idle.release()
