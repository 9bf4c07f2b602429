"""Serving the page: from the command line, and in a thread for tests."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import uvicorn

from clearbooks_app.ui.access import Access, Doors
from clearbooks_app.ui.app import create_app
from clearbooks_app.ui.site import Site
from clearbooks_sandbox import listen

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from typing import Any

    from starlette.applications import Starlette

_STARTS = 10


def _server(app: Starlette, doors: Doors) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            # Addresses hold tokens.
            access_log=False,
            server_header=False,
            # What a proxy says of itself is not believed: nothing depends on it.
            proxy_headers=False,
            timeout_graceful_shutdown=2,
            ssl_certfile=None if doors.certificate is None else str(doors.certificate),
            ssl_keyfile=None if doors.key is None else str(doors.key),
        )
    )


def serve(site: Site, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM."""
    _server(create_app(site), site.access.doors).run(sockets=[listener])


@contextmanager
def running(doors: Doors | None = None, **site: Any) -> Iterator[Site]:
    """Serve a page on a free port for as long as the block runs.

    Args:
        doors: How it is reached; the port is filled in.
        **site: Fields of `Site`.
    """
    doors = doors or Doors()
    with listen(doors.host, 0) as listener:
        doors = replace(doors, port=listener.getsockname()[1])
        made = Site(access=Access(doors), **site)
        server = _server(create_app(made), doors)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            deadline = time.monotonic() + _STARTS
            while not server.started:
                if time.monotonic() > deadline or not thread.is_alive():
                    raise RuntimeError("the page did not start")
                time.sleep(0.005)
            yield made
        finally:
            server.should_exit = True
            thread.join(_STARTS)
