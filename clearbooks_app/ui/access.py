"""Who may use the page: who has the printed address, the password, or the token of the API."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from clearbooks.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SESSION_SECONDS = 12 * 3600
# So many wrong passwords within so many seconds close the door for as long.
MOST_WRONG = 5
WRONG_SECONDS = 60
SHORTEST_PASSWORD = 12
SHORTEST_API_TOKEN = 20


@dataclass(slots=True)
class Session:
    """A browser that was let in.

    Attributes:
        csrf: What its forms carry.
        ends: When it ends, by the monotonic clock.
    """

    csrf: str
    ends: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """How the page is reached; checked on construction.

    Attributes:
        host: The address that is listened on.
        port: The port.
        public_url: The address of a proxy in front that speaks TLS; empty for none.
        password: What people sign in with beyond loopback; empty for none.
        api_token: What programs send; empty for none.
        certificate: PEM file; None where nothing is encrypted here.
        key: Its key.

    Raises:
        SettingError: it would be open to others without a password, or in clear text.
    """

    host: str = "127.0.0.1"
    port: int = 0
    public_url: str = ""
    password: str = field(default="", repr=False)
    api_token: str = field(default="", repr=False)
    certificate: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        beyond = not is_loopback(self.host) or self.public_url
        encrypted = self.certificate is not None or self.public_url.startswith("https://")
        if self.public_url and urlsplit(self.public_url).scheme not in ("http", "https"):
            raise SettingError(f"--public-url: {self.public_url!r} should begin with https://")
        if (self.certificate is None) != (self.key is None):
            raise SettingError("--tls-cert and --tls-key go together")
        if beyond and not encrypted:
            raise SettingError(
                "beyond this machine the page is served by TLS only: give --tls-cert and "
                "--tls-key, or the https address of a proxy as --public-url"
            )
        if beyond and not self.password:
            raise SettingError(
                "beyond this machine a password is needed: set CLEARBOOKS_UI_PASSWORD, or give "
                "--password-file"
            )
        if self.password and len(self.password) < SHORTEST_PASSWORD:
            raise SettingError(
                f"CLEARBOOKS_UI_PASSWORD: should have {SHORTEST_PASSWORD} characters or more"
            )
        if self.api_token and len(self.api_token) < SHORTEST_API_TOKEN:
            raise SettingError(
                f"CLEARBOOKS_UI_API_TOKEN: should have {SHORTEST_API_TOKEN} characters or more, "
                "such as those of `openssl rand -hex 24`"
            )

    @property
    def secure(self) -> bool:
        """Whether browsers reach it by TLS."""
        return self.certificate is not None or self.public_url.startswith("https://")

    @property
    def url(self) -> str:
        """Where browsers find it, without a slash at its end."""
        if self.public_url:
            return self.public_url.rstrip("/")
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{name}:{self.port}"

    def knows(self, host: str) -> bool:
        """Whether a `Host` header names this page."""
        name = _name(host)
        if self.public_url and name == urlsplit(self.public_url).hostname:
            return True
        if is_loopback(self.host):
            return is_loopback(name)
        # By a certificate of its own a server may have several names; it answers by TLS alone.
        return bool(name)


class Access:
    """Lets browsers and programs in.

    Args:
        doors: How the page is reached.
        tell: Called with each new address that lets one browser in.
    """

    def __init__(self, doors: Doors, tell: Callable[[str], None] = lambda _: None) -> None:
        self.doors = doors
        self.cookie = f"clearbooks_ui_{doors.port}"
        self._tell = tell
        self._lock = threading.Lock()
        self._token = ""
        self._sessions: dict[str, Session] = {}
        self._wrong: list[float] = []

    def new_address(self) -> str:
        """An address that lets one browser in; the one before is worth nothing from now on."""
        with self._lock:
            self._token = secrets.token_urlsafe(32)
            return f"{self.doors.url}/?token={self._token}"

    def by_token(self, token: str) -> str | None:
        """A session for whoever brings the token of the newest address; each works once."""
        with self._lock:
            right = bool(self._token) and _same(token, self._token)
            if not right:
                return None
            self._token = ""
        self._tell(self.new_address())
        return self._begin()

    def by_password(self, password: str) -> str | None:
        """A session for whoever knows the password.

        Raises:
            TooManyError: too many were wrong lately.
        """
        now = time.monotonic()
        with self._lock:
            self._wrong = [at for at in self._wrong if at > now - WRONG_SECONDS]
            if len(self._wrong) >= MOST_WRONG:
                raise TooManyError(
                    f"too many wrong passwords: try again in {WRONG_SECONDS} seconds"
                )
            if not self.doors.password or not _same(password, self.doors.password):
                self._wrong.append(now)
                return None
        return self._begin()

    def is_program(self, authorization: str) -> bool:
        """Whether an `Authorization` header carries the API's token."""
        scheme, _, token = authorization.partition(" ")
        known = self.doors.api_token
        return scheme.lower() == "bearer" and bool(known) and _same(token.strip(), known)

    def session(self, number: str) -> Session | None:
        """The session that a cookie names, if it has not ended."""
        with self._lock:
            found = self._sessions.get(number)
            if found is not None and found.ends < time.monotonic():
                del self._sessions[number]
                return None
            return found

    def end(self, number: str) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(number, None)

    def _begin(self) -> str:
        number = secrets.token_urlsafe(32)
        session = Session(secrets.token_urlsafe(32), time.monotonic() + SESSION_SECONDS)
        with self._lock:
            self._sessions[number] = session
        return number


class TooManyError(Exception):
    """Too many wrong passwords came lately."""


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def is_loopback(name: str) -> bool:
    """Whether a name or address is this machine's own."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
