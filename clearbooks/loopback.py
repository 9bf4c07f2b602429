"""A server on this machine that is not running: the sandbox was not started."""

from __future__ import annotations

import errno
from urllib.parse import urlsplit

import requests

from clearbooks.settings import is_loopback


def not_running(url: str, error: requests.RequestException) -> str:
    """What to say where nobody listens at an address of this machine; empty for all else.

    Another host may come back while it is tried again. Here nobody is going to start one.
    """
    host = urlsplit(url).hostname or ""
    if not is_loopback(host) or isinstance(error, requests.exceptions.ProxyError):
        return ""
    seen: BaseException | None = error
    for _ in range(8):
        if isinstance(seen, OSError) and seen.errno == errno.ECONNREFUSED:
            parts = urlsplit(url)
            address = f"{parts.scheme}://{parts.netloc}"
            port = f" --port {parts.port}" if parts.port else ""
            return f"no answer: nobody listens at {address}; is `clearbooks sandbox{port}` running?"
        if seen is None:
            break
        reason = getattr(seen, "reason", None) or (seen.args[0] if seen.args else None)
        cause = seen.__cause__ or seen.__context__
        seen = reason if isinstance(reason, BaseException) else cause
    return ""
