"""A server that answers from a script, one entry a request, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from clearbooks.settings import Connection

DROP = "drop"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else the body waits 40 ms for the header to be acknowledged.
    disable_nagle_algorithm = True

    def _serve(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        with self.server.lock:
            self.server.asked.append((self.command, self.path, dict(self.headers), body))
            script = self.server.script
            step = script.pop(0) if len(script) > 1 else script[0]
        if step == DROP:
            self.close_connection = True
            self.connection.close()
            return
        status, content, headers = (*step, {})[:3]
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", headers.get("X-Claim", str(len(content))))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - http.server's names

    def log_message(self, *_):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A dropped connection is wanted here."""


@contextmanager
def scripted(*script):
    """Run the server; the last entry of the script answers all further requests."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.script, server.asked, server.lock = list(script), [], threading.Lock()
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def connection(server, tmp_path, **more):
    """Settings for that server."""
    return Connection.from_config(
        {
            "api_url": f"{server.url}/v1",
            "token_url": f"{server.url}/oauth/token",
            "access_token": "token-1",
            "token_store": str(tmp_path / "tokens.json"),
            "request_timeout": 5,
            **more,
        }
    )
