"""Serving the sandbox: for people from the command line, for tests from a thread."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.app import Options
from clearbooks_sandbox.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class Running:
    """A sandbox that is being served.

    Attributes:
        url: Base of the API, ends in `/v1`.
        site: Root of everything, without a slash at its end.
        requests: What was asked: `method`, `path`, `query`, `status`, `ms`, `business`.
    """

    url: str
    site: str
    token_url: str
    authorize_url: str
    engine: Engine
    oauth: Any
    faults: Any
    dialects: Any
    requests: Any


@contextmanager
def running(engine: Engine | None = None, options: Options | None = None) -> Iterator[Running]:
    """Serve a sandbox on a free loopback port for as long as the block runs.

    Without an engine there is a new one in memory, with one business.
    """
    raise NotImplementedError
    yield
