"""Serving the sandbox: for people from the command line, for tests from a thread."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from clearbooks_sandbox.accounting.engine import AccountingEngine
from clearbooks_sandbox.http.api import TRANSPORT
from clearbooks_sandbox.http.app import create_app
from clearbooks_sandbox.options import API_PATH, CONSENT_PATH, TOKEN_PATH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.applications import Starlette
    from starlette.types import Receive, Scope, Send

    from clearbooks_sandbox.dialects import Dialects
    from clearbooks_sandbox.http.faults import Faults
    from clearbooks_sandbox.http.oauth import OAuth
    from clearbooks_sandbox.http.request_log import RequestLog
    from clearbooks_sandbox.options import Options

KEEP_ALIVE = 75
_TIMEOUT = 10


@dataclass(slots=True)
class RunningSandbox:
    """A sandbox that is being served.

    Attributes:
        url: Base of the API, ends in `/v1`.
        site: Root of everything, without a slash at its end.
        requests: What was asked, oldest first.
        options: May be changed while it runs.
    """

    url: str
    site: str
    token_url: str
    authorize_url: str
    engine: AccountingEngine
    oauth: OAuth
    faults: Faults
    dialects: Dialects
    options: Options
    requests: RequestLog


class DroppableProtocol(H11Protocol):
    """HTTP that lets the application close the connection, for the faults that do."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Add the transport to the scope of every request."""
        super().connection_made(transport)
        app: Any = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope[TRANSPORT] = transport
            await app(scope, receive, send)

        self.app = with_transport


class _QuickServer(uvicorn.Server):
    """Stops within milliseconds, since tests start and stop many servers."""

    async def main_loop(self) -> None:
        """As uvicorn's loop, but check `should_exit` every 5 ms."""
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 1) % 864_000
            for _ in range(20):
                if self.should_exit:
                    break
                await asyncio.sleep(0.005)


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=DroppableProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=1,
    )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        OSError: the port is taken, or the host is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only for sockets that name TCP: 40 ms a request.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(512)
    except BaseException:
        listener.close()
        raise
    return listener


def serve(app: Starlette, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM."""
    uvicorn.Server(_config(app)).run(sockets=[listener])


@contextmanager
def running(
    engine: AccountingEngine | None = None, options: Options | None = None
) -> Iterator[RunningSandbox]:
    """Serve a sandbox on a free loopback port for as long as the block runs.

    Without an engine there is a new one in memory, with one business.
    """
    owned = engine is None
    if engine is None:
        engine = AccountingEngine()
        engine.add_business("Sandbox Limited")
    app = create_app(engine, options)
    listener = listen("127.0.0.1", 0)
    server = _QuickServer(_config(app))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + _TIMEOUT
        while not server.started:
            if time.monotonic() > deadline or not thread.is_alive():
                raise RuntimeError("the sandbox did not start")
            time.sleep(0.002)
        site = f"http://127.0.0.1:{listener.getsockname()[1]}"
        yield RunningSandbox(
            url=site + API_PATH,
            site=site,
            token_url=site + TOKEN_PATH,
            authorize_url=site + CONSENT_PATH,
            engine=engine,
            oauth=app.state.oauth,
            faults=app.state.faults,
            dialects=app.state.dialects,
            options=app.state.options,
            requests=app.state.requests,
        )
    finally:
        app.state.api.closing = True
        server.should_exit = True
        thread.join(_TIMEOUT)
        listener.close()
        if owned:
            engine.close()
