"""Token buckets: how many requests an application may make."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Bucket:
    """Holds up to `burst` requests and gains `rate` a second."""

    rate: float
    burst: int
    level: float = field(init=False)
    at: float = field(init=False)

    def __post_init__(self) -> None:
        self.level, self.at = float(self.burst), time.monotonic()

    def take(self) -> float:
        """Take one; 0 where it was there, otherwise the seconds until it will be."""
        now = time.monotonic()
        self.level = min(self.burst, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level >= 1:
            self.level -= 1
            return 0.0
        return (1 - self.level) / self.rate
