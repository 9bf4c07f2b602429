"""One request budget for every thread and process of an application.

Clear Books throttles above a limit that may change without notice and must not be hard-coded.
So the pacer looks for it: it starts gently, grows while answers are good, halves on 429, and waits
out `Retry-After` for everybody. The first 429 gives an estimate of the limit; it is measured
between one 429 and the next, when the server's bucket is empty at both ends. What was found is kept
for the next run.
"""

from __future__ import annotations

import random

import msgspec

START_RATE = 10.0
# Before the first 429: requests a second gained with each good answer; from `FAST` on a factor,
# since what is under way when the limit is met is refused.
GROWTH = 8.0
FAST = 45.0
SEARCH = 1.01
LEAST_RATE = 0.2
MOST_RATE = 5000.0
# Requests may leave this much after their slot without losing it.
SLACK = 0.1
# Share of the limit gained with each good answer near it, halved with each cut.
CREEP = 0.005
# Good answers that make a measurement, and how many of them the bucket may have gathered.
PROOF = 12
EDGE = 12.0
# Good answers that the bucket is taken to have held at the start.
BURST = 6.0
# Weight of what was measured before, each time a new measurement comes in.
MEMORY = 0.7
# Seconds after which a limit that nobody hit is doubted in earnest.
DOUBT = 120.0
# Seconds by which clocks of processes may differ before one counts as set back.
JUMP = 5.0
# Seconds between two refusals beyond which a rate is not measured: near the limit they come sooner.
LONGEST = 900.0
# Seconds without a request of a run that takes all it can get, after which nobody needs to yield.
BUSY = 2.0
# A limit older than this is looked for anew, gently.
FORGET = 24 * 3600.0
BACKOFF = 0.5
MOST_BACKOFF = 60.0


class Budget(msgspec.Struct, kw_only=True):
    """The state of the budget, as kept in the file. Times are seconds since the epoch.

    Attributes:
        rate: Requests a second allowed now.
        limit: Requests a second that the server was seen to allow; 0 while unknown.
        next_slot: When the next request may leave.
        hold_until: Nobody sends before this.
        cut_at: When the rate was last cut.
        resumed_at: When requests went on after it; answers to earlier ones say nothing new.
        good: Good answers since then.
        weight: Answers the measurement of `limit` rests on.
        measured: Seconds the measurement rests on.
        cuts: How often the rate was cut since the search for the limit began.
        limited: How often the server answered 429, in all.
        strikes: Cuts in a row without a good answer.
        busy_at: When a run last asked that takes all it can get.
        share_at: When the next one may ask that takes a share.
    """

    rate: float = msgspec.field(default_factory=lambda: START_RATE)
    limit: float = 0.0
    next_slot: float = 0.0
    hold_until: float = 0.0
    cut_at: float = 0.0
    resumed_at: float = 0.0
    used_at: float = 0.0
    good: float = 0.0
    weight: float = 0.0
    measured: float = 0.0
    cuts: int = 0
    limited: int = 0
    strikes: int = 0
    busy_at: float = 0.0
    share_at: float = 0.0

    @classmethod
    def decode(cls, record: bytes | str) -> Budget:
        """The budget that `encode` gave; one that knows nothing where it cannot be read.

        A process may have died while it wrote it, and another version may have written it.
        """
        try:
            return _DECODER.decode(record)
        except msgspec.MsgspecError:
            return cls()

    def encode(self) -> bytes:
        """The budget as one JSON object."""
        return _ENCODER.encode(self)

    def begin(self, now: float) -> None:
        """Called at the start of a run: make the memory of earlier runs fit for use."""
        if self.limit and now - self.used_at > FORGET:
            self.limit = self.weight = self.measured = 0.0
            self.rate, self.cuts = START_RATE, 0
        if now - self.used_at > 1.0:
            # Time without requests would count as a slow server.
            self.cut_at = 0.0
            self.good = 0.0
            self.strikes = 0
        self.hold_until = min(self.hold_until, now + MOST_BACKOFF)
        self.resumed_at = min(self.resumed_at, self.hold_until)
        self.next_slot = min(self.next_slot, now + 1.0)

    def follow(self, now: float) -> None:
        """Where the clock was set back since the budget was used, set back its times too."""
        back = self.used_at - now
        if back > JUMP:
            self.next_slot -= back
            self.hold_until -= back
            self.cut_at -= back if self.cut_at else 0.0
            self.resumed_at -= back
            self.busy_at -= back
            self.share_at -= back
            self.used_at = now

    def turn(self, now: float, share: float) -> float:
        """When a run may ask for a slot that takes `share` of the budget (1.0 is all of it).

        Those with a share yield while others ask; together they get no more than the share.
        """
        if share >= 1.0:
            self.busy_at = now
            return now
        if now - self.busy_at > BUSY:
            return now
        turn = max(self.share_at, now)
        if turn == now:
            self.share_at = now + 1.0 / (self.current(now) * share)
        return turn

    def reserve(self, now: float, ceiling: float | None = None) -> float:
        """Take the next slot; returns when it is."""
        rate = self.current(now)
        if ceiling is not None:
            rate = min(rate, ceiling)
        slot = max(self.next_slot, now - SLACK, self.hold_until)
        self.next_slot = slot + 1.0 / rate
        self.used_at = now
        return slot

    def current(self, now: float) -> float:
        """Requests a second allowed now."""
        if not self.limit or self.rate < self.limit:
            return self.rate
        # Near the limit: a little above it with each answer, less so the more often it was
        # measured; and with time in earnest, since the server may have become more generous.
        doubt = self.good * CREEP / 2.0 ** min(self.cuts, 8)
        doubt += ((now - self.cut_at) / DOUBT) ** 3 / 10.0 if self.cut_at else 0.0
        return min(self.limit * (1.0 + doubt), MOST_RATE)

    def succeeded(self, now: float, answers: int = 1) -> None:
        """`answers` came back without a 429."""
        self.good += answers
        self.strikes = 0
        if not self.cut_at:
            self.cut_at = now - 1.0 / self.rate
        if self.limit:
            # Back up to the limit within a few answers; `current` takes over from there.
            self.rate = min(self.rate * 1.25**answers, self.limit)
            if self.current(now) > 2.0 * self.limit:
                # Nothing of the old limit is left: look for it anew from here.
                self.rate, self.limit, self.cuts = self.current(now), 0.0, 0
        elif self.rate < FAST:
            self.rate += GROWTH * answers
        else:
            self.rate = min(self.rate * SEARCH**answers, MOST_RATE)

    def refused(self, sent: float, now: float, wait: float | None) -> None:
        """A 429 for a request that left at `sent`; `wait` is what `Retry-After` says."""
        self.limited += 1
        if sent < self.resumed_at and self.cuts:
            # Under way when the rate was cut, or of another process that had its slot by then.
            if wait is not None:
                self.hold_until = max(self.hold_until, now + wait)
            return
        elapsed = max(now - self.cut_at, 1e-3) if self.cut_at else 0.0
        if elapsed > LONGEST:
            # So long without a refusal: the clock was set forward, and says nothing of a rate.
            elapsed = 0.0
        if self.limit:
            if elapsed:
                self._measure(now, elapsed)
        else:
            # The most that the limit can be: what came through until the bucket was empty, less
            # what was in the bucket.
            came = max(self.good - BURST, self.good / 2.0)
            seen = came / elapsed if elapsed and came else self.rate
            self.limit = max(min(self.rate, seen), LEAST_RATE)
        self.rate = self.limit / 2.0
        self.cuts += 1
        self.strikes += 1
        if wait is None:
            wait = min(BACKOFF * 2.0 ** (self.strikes - 1), MOST_BACKOFF)
            wait *= random.uniform(0.75, 1.25)  # noqa: S311 - jitter, no secret
        self.hold_until = max(self.hold_until, now + wait)
        self.resumed_at = self.hold_until
        self.cut_at = now
        self.good = 0.0

    def _measure(self, now: float, elapsed: float) -> None:
        """Set the limit from what came through since the last 429.

        The server's bucket was empty at both ends. So all that came through is what it allows,
        or less where the bucket overflowed during the pause; and what came through while we were
        sending is what it allows, or more by what the bucket had gathered in the pause.
        """
        self.weight = self.weight * MEMORY + self.good
        self.measured = self.measured * MEMORY + elapsed
        sending = self.current(now)
        first = self.weight == self.good
        active = max(now - max(self.resumed_at, self.cut_at), 1e-3)
        if self.good >= PROOF:
            share = min(max(EDGE / self.good, 0.03), 0.2)
            least = min(sending, self.good / active) * (1.0 - share)
        else:
            least = self.limit * (0.5 if first else 0.85)
        self.limit = max(min(self.weight / self.measured, sending), least, LEAST_RATE)


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Budget)
