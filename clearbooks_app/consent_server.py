"""Receives the redirect from the consent page, which brings the authorisation code.

A server on loopback waits for the browser (RFC 8252, section 7.3). Where the browser runs on
another machine, a person pastes the address that it was sent to.
"""

from __future__ import annotations

import errno
import hmac
import html
import queue
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, urlsplit

from clearbooks.errors import ClearBooksError, NotAuthorisedError, SettingError
from clearbooks.program import connect_command

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CALLBACK = "/callback"
_MOST_CHARACTERS = 300
_HOSTS = ("127.0.0.1", "localhost")
_PAGE = """<!doctype html>
<html lang="en-GB">
<head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<style>body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 4rem auto;
padding: 0 1rem; overflow-wrap: anywhere }}</style></head>
<body><main><h1>{title}</h1><p>{text}</p>{businesses}<p>You may close this window.</p></main></body>
</html>
"""


class DeniedError(ClearBooksError):
    """The person at the consent page refused."""

    exit_code = 6


class StateError(ClearBooksError):
    """The redirect does not carry the `state` that was sent to the consent page."""

    exit_code = 7


class PortError(ClearBooksError):
    """The port to listen on is taken."""

    exit_code = 8


class NoAnswerError(ClearBooksError):
    """Nobody decided in time."""

    exit_code = 9


def authorisation_code(query: str, state: str) -> str:
    """The authorisation code in the query of the redirect.

    Raises:
        StateError: `state` is not the one that was sent.
        DeniedError: the person refused.
        NotAuthorisedError: any other refusal, in the server's words.
    """
    given = {name: values[0] for name, values in parse_qs(query).items()}
    if not _belongs(query, state):
        raise StateError(
            "the answer does not belong to this request (its state is another one), so it was "
            f"not used; run `{connect_command()}` again and use the newest "
            "consent page"
        )
    if given.get("error") == "access_denied":
        raise DeniedError("access was denied on the consent page; nothing was changed")
    if "error" in given:
        words = ": ".join(w for w in (given["error"], given.get("error_description")) if w)
        raise NotAuthorisedError(f"the consent page refused: {words[:_MOST_CHARACTERS]}")
    if "code" not in given:
        raise NotAuthorisedError("the redirected address holds no code; run it again")
    return given["code"]


def _belongs(query: str, state: str) -> bool:
    """Whether a redirect carries the `state` that was sent."""
    given = parse_qs(query).get("state", [""])[0]
    return hmac.compare_digest(given.encode(), state.encode())


def pasted_query(pasted: str) -> str:
    """The query of an address that a person pasted.

    Raises:
        SettingError: it has none.
    """
    query = urlsplit(pasted.strip()).query
    if not query:
        raise SettingError(
            "that is not the redirected address; copy all of it from the browser's address bar: "
            "it begins with the redirect URI and holds ?code=… and state=…"
        )
    return query


class Page(NamedTuple):
    """A page for the browser.

    Attributes:
        businesses: What the consent covers, as people read it.
    """

    title: str
    text: str
    businesses: Sequence[str] = ()

    def html(self) -> bytes:
        """The page as the browser gets it."""
        listed = "".join(f"<li>{html.escape(name)}</li>" for name in self.businesses)
        return _PAGE.format(
            title=html.escape(self.title),
            text=html.escape(self.text),
            businesses=f"<p>The consent covers:</p><ul>{listed}</ul>" if listed else "",
        ).encode()


@dataclass(slots=True)
class Answer:
    """The redirect that the browser followed, and the page that it is answered with.

    The main thread works on the query while the server's thread holds the browser's request open.

    Attributes:
        query: The query of the redirected address.
    """

    query: str
    _page: queue.Queue[Page] = field(default_factory=lambda: queue.Queue(1))
    _sent: threading.Event = field(default_factory=threading.Event)

    def show(self, page: Page) -> None:
        """Answer the browser with a page; returns when it was sent, or after 5 seconds."""
        self._page.put(page)
        self._sent.wait(5)

    def page(self) -> Page:
        """The page given to `show`; the thread that answers the browser waits for it."""
        return self._page.get(timeout=120)

    def sent(self) -> None:
        """Let `show` return: the thread that answers the browser has sent the page."""
        self._sent.set()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """Print no traceback for a browser that closed the connection."""


class Listener:
    """Waits for the redirect from the consent page; later ones are refused with 410.

    Any page in the browser can send somebody here. So what does not carry `state` is refused
    without ending the wait, and so is a request that names another host.

    Attributes:
        redirect_uri: What to tell the consent page.
        state: What the redirect must carry; set before the consent page is opened.
    """

    def __init__(self, server: ThreadingHTTPServer, redirect_uri: str) -> None:
        self._server = server
        self.redirect_uri = redirect_uri
        self.state = ""
        self.answers: queue.Queue[Answer] = queue.Queue()

    def wait(self, seconds: float) -> Answer:
        """The first answer.

        Raises:
            NoAnswerError: none came in time.
        """
        try:
            return self.answers.get(timeout=seconds)
        except queue.Empty:
            raise NoAnswerError(
                f"nobody decided on the consent page within {seconds:.0f} s; run it again, with "
                "--timeout for more time, or with --no-browser on a machine without one"
            ) from None


def _host_name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _handler(path: str, listener: Listener) -> type[BaseHTTPRequestHandler]:
    once = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if _host_name(self.headers.get("Host", "")) not in _HOSTS:
                self._send(403, Page("Not here", "This address is for this machine alone."))
            elif parts.path != path or not parts.query:
                self._send(
                    404, Page("Nothing here", "This address only waits for the consent page.")
                )
            elif not listener.state or not _belongs(parts.query, listener.state):
                words = "This answer is not that to the newest consent page, and was not used."
                self._send(400, Page("Another request", words))
            elif not once.acquire(blocking=False):
                self._send(410, Page("Answered already", "This request was answered before."))
            else:
                answer = Answer(parts.query)
                listener.answers.put(answer)
                try:
                    self._send(200, answer.page())
                finally:
                    answer.sent()

        def _send(self, status: int, page: Page) -> None:
            body = page.html()
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            # The address holds the code: it is neither kept nor passed on.
            self.send_header("Cache-Control", "no-store")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing: the address holds the code."""

    return Handler


@contextmanager
def listening(port: int, redirect_uri: str | None = None) -> Iterator[Listener]:
    """Listen on 127.0.0.1 while the block runs: on the redirect URI's port and path if it is given.

    Raises:
        PortError: the port is taken.
    """
    parts = urlsplit(redirect_uri or "")
    path = parts.path or (CALLBACK if redirect_uri is None else "/")
    port = parts.port or (80 if redirect_uri else port)
    try:
        # A thread for each connection, since browsers open some that they do not use.
        server = _Server(("127.0.0.1", port), BaseHTTPRequestHandler)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortError(
                f"port {port} is used by another program; choose another one with --port, or "
                "leave it out for a free one"
            ) from None
        raise PortError(
            f"cannot listen on 127.0.0.1:{port}: {error.strerror}; --port names another one"
        ) from None
    listener = Listener(server, redirect_uri or f"http://127.0.0.1:{server.server_port}{path}")
    server.RequestHandlerClass = _handler(path, listener)
    thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def can_listen(redirect_uri: str) -> bool:
    """Whether a registered redirect URI leads to this machine.

    Raises:
        SettingError: it is no address.
    """
    try:
        parts = urlsplit(redirect_uri)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known:
        raise SettingError(
            f"--redirect-uri: {redirect_uri!r} should be an address such as "
            "http://127.0.0.1:8400/callback, registered for your application"
        )
    return parts.scheme == "http" and parts.hostname in _HOSTS
