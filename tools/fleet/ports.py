"""Ports of the loopback address, for servers of others."""

from __future__ import annotations

import socket
import time

PATIENCE = 30.0


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def wait_for(port: int, program: str) -> None:
    """Wait until a program listens on a port.

    Raises:
        SystemExit: it does not.
    """
    until = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError as error:
            if time.monotonic() > until:
                raise SystemExit(f"{program} does not start: {error}") from error
            time.sleep(0.05)
        else:
            return
