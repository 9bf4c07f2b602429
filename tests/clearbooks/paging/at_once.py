"""How many requests a sandbox had under way at once."""

from __future__ import annotations


def most_at_once(requests):
    """The most, by when each request came and how long it was with the server."""
    events = [(r.at, 1) for r in requests] + [(r.at + r.ms / 1000, -1) for r in requests]
    now = most = 0
    for _, step in sorted(events):
        now += step
        most = max(most, now)
    return most
