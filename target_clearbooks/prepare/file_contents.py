"""The bytes of a file to attach: base64, a file below one directory, or https from named hosts."""

from __future__ import annotations

import base64
import binascii
import contextlib
import ipaddress
import os
import socket
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import certifi
import urllib3
import urllib3.connection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_clearbooks.settings import TargetSettings

MOST_BYTES = 20 * 1024 * 1024
_TIMEOUT = 30.0
_CHUNK = 64 * 1024
_WAYS = ("content", "path", "url")
_HTTPS_PORT = 443
_OK = 200
_MOST_REDIRECTS = 5
# IPv6 addresses that lead to an IPv4 address written in them, which may be a private one.
_EMBEDDING = tuple(
    map(ipaddress.ip_network, ("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16"))
)


def read(record: Mapping[str, Any], settings: TargetSettings) -> bytes:
    """The bytes that a record holds or points to.

    Raises:
        ValueError: there are none, or they may not be had that way; the text says why.
    """
    given = [name for name in _WAYS if record.get(name) not in (None, "")]
    if len(given) != 1:
        raise ValueError(f"give one of {', '.join(_WAYS)}")
    value = record[given[0]]
    if not isinstance(value, str):
        raise ValueError(f"{given[0]}: should be text")  # noqa: TRY004 - one kind of fault
    if given[0] == "content":
        return _decoded(value)
    if given[0] == "path":
        return _file(value, settings.attachments_dir)
    return _fetched(value, settings)


def _limited(data: bytes) -> bytes:
    if len(data) > MOST_BYTES:
        raise ValueError(f"is larger than {MOST_BYTES // 1024 // 1024} MiB")
    if not data:
        raise ValueError("is empty")
    return data


def _decoded(text: str) -> bytes:
    try:
        return _limited(base64.b64decode("".join(text.split()), validate=True))
    except binascii.Error:
        raise ValueError("should be base64") from None


def _file(path: str, directory: str | None) -> bytes:
    """A file below the directory, also after every symbolic link was followed."""
    if not directory:
        raise ValueError("a path is read only where attachments_dir is set")
    try:
        root = Path(directory).expanduser().resolve(strict=True)
        wanted = (root / path).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        raise ValueError(f"there is no file {path!r} below attachments_dir") from None
    if not wanted.is_relative_to(root) or wanted == root:
        raise ValueError(f"{path!r} lies outside attachments_dir")
    try:
        # A link put in the file's place meanwhile, or a pipe, is not followed.
        descriptor = os.open(wanted, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise ValueError(f"{path!r} is no file")
            if about.st_nlink > 1:
                raise ValueError(f"{path!r} is a hard link to a file elsewhere: copy it instead")
            data = file.read(min(about.st_size, MOST_BYTES) + 1)
            if len(data) <= MOST_BYTES and len(data) != about.st_size:
                raise ValueError(f"{path!r} changed while it was read")
            return _limited(data)
    except OSError as error:
        raise ValueError(f"{path!r} cannot be read: {error.strerror}") from None


def _fetched(url: str, settings: TargetSettings) -> bytes:
    """A file of a named host by https, also by way of redirects among named hosts.

    Each step is checked like the first; what one host is sent, the next one is not.
    """
    for _ in range(_MOST_REDIRECTS + 1):
        found = _get(url, settings)
        if isinstance(found, bytes):
            return found
        url = urljoin(url, found)
    raise ValueError(f"is redirected more than {_MOST_REDIRECTS} times")


def is_named(host: str, names: Iterable[str]) -> bool:
    """Whether a host is one of those named; `*.example.com` names all below `example.com`.

    >>> [is_named(host, ["*.example.com"]) for host in ("a.b.example.com", "example.com")]
    [True, False]
    """
    known = [name.lower() for name in names]
    return host in known or any(host.endswith(name[1:]) for name in known if name.startswith("*."))


def _headers(host: str, settings: TargetSettings) -> dict[str, str]:
    """What is sent to a host alone, such as a token that it asks for."""
    return {
        name: str(value)
        for named, headers in settings.attachment_headers.items()
        if is_named(host, [named])
        for name, value in headers.items()
    }


def _get(url: str, settings: TargetSettings) -> bytes | str:
    """The file at an address, or the address that it is said to be at: no private network."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if parts.scheme != "https" or not host or parts.username or parts.password:
        raise ValueError("an address should be https:// without user and password")
    if not is_named(host, settings.attachment_hosts):
        raise ValueError(f"host {host} is not in attachment_hosts")
    port = parts.port or _HTTPS_PORT
    try:
        found = {str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except OSError:
        raise ValueError(f"host {host} is not known") from None
    for address in found:
        _check_public(host, address)
    # Straight to the address that was checked, by the name's certificate: a name that leads
    # elsewhere meanwhile, or a proxy, cannot change who answers.
    pool = _Pool(
        min(found),
        port,
        server_hostname=host,
        assert_hostname=host,
        cert_reqs="CERT_REQUIRED",
        ca_certs=certifi.where(),
        timeout=_TIMEOUT,
        retries=False,
    )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    name = host if port == _HTTPS_PORT else f"{host}:{port}"
    # A time-out of a socket counts from the last byte: a host that trickles would never meet it.
    data = b""
    watch = threading.Timer(_TIMEOUT, pool.cut)
    watch.daemon = True
    watch.start()
    try:
        reply = pool.urlopen(
            "GET",
            path,
            headers={**_headers(host, settings), "Host": name},
            redirect=False,
            preload_content=False,
        )
        if location := reply.get_redirect_location():
            reply.close()
            return location
        if reply.status != _OK:
            raise ValueError(f"{host} answered {reply.status}")
        data = _body(reply)
    except urllib3.exceptions.HTTPError as error:
        if not pool.was_cut:
            raise ValueError(f"{host} did not answer ({type(error).__name__})") from None
    finally:
        watch.cancel()
        pool.close()
    if pool.was_cut:
        # Where the answer tells no length, its body only seems to end there.
        raise ValueError(f"{host} took longer than {_TIMEOUT:.0f} s")
    return _limited(data)


class _Connection(urllib3.connection.HTTPSConnection):
    """A connection whose socket is known for as long as its answer is read."""

    kept: Any = None

    def connect(self) -> None:
        super().connect()
        self.kept = self.sock


class _Pool(urllib3.HTTPSConnectionPool):
    """Connections that another thread can cut, whatever they wait for."""

    ConnectionCls = _Connection

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.was_cut = False
        self._made: list[Any] = []

    def _new_conn(self) -> Any:
        self._made.append(super()._new_conn())
        return self._made[-1]

    def cut(self) -> None:
        """End what is under way: it fails at once."""
        self.was_cut = True
        for connection in self._made:
            with contextlib.suppress(OSError, AttributeError):
                # Of the socket below TLS, which has no lock that a reader could hold.
                socket.socket.shutdown(connection.kept or connection.sock, socket.SHUT_RDWR)


def _body(reply: urllib3.BaseHTTPResponse) -> bytes:
    data = bytearray()
    for chunk in reply.stream(_CHUNK):
        data += chunk
        if len(data) > MOST_BYTES:
            break
    reply.close()
    return bytes(data)


def _check_public(host: str, address: str) -> None:
    number = ipaddress.ip_address(address.partition("%")[0])
    number = getattr(number, "ipv4_mapped", None) or number
    if number.is_multicast or not number.is_global or any(number in net for net in _EMBEDDING):
        raise ValueError(f"host {host} has a private address")
