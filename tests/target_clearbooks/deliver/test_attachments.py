"""Where the bytes of an attachment may come from."""

from __future__ import annotations

import datetime as dt
import http.server
import os
import ssl
import threading
import time

import pytest

from clearbooks.errors import SettingError
from target_clearbooks.prepare import file_contents
from target_clearbooks.settings import TargetSettings

x509 = pytest.importorskip("cryptography.x509")
BYTES = b"%PDF-1.7 bytes"


def certificate(folder):
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return path


class Files(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        moved = {
            "/moved": "/file.pdf",
            "/round": "/round",
            "/outside": "https://other.example/",
            "/plain": "http://localhost/file.pdf",
        }
        if self.path in moved:
            self.send_response(302)
            self.send_header("Location", moved[self.path])
            self.end_headers()
            return
        if self.path == "/locked" and self.headers.get("Authorization") != "Bearer sesame":
            self.send_error(403)
            return
        if self.path.startswith("/trickle"):
            self.trickle(b"HTTP/1.0 200 OK\r\n" + b"X-Y: z\r\n" * 99)
            return
        self.send_response(200)
        self.end_headers()
        self.wfile.write(BYTES if self.path in ("/file.pdf", "/locked") else b"x" * 5000)

    def trickle(self, head):
        """A byte now and then: each in time, the whole never."""
        if self.path == "/trickle":
            self.wfile.write(head + b"\r\n")
        for _ in range(100):
            try:
                self.wfile.write(head[:1] or b"x")
            except OSError:
                return
            head = head[1:]
            time.sleep(0.1)

    def log_message(self, *_):
        pass


@pytest.fixture
def site(tmp_path, monkeypatch):
    path = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    served.socket = context.wrap_socket(served.socket, server_side=True)
    thread = threading.Thread(target=served.serve_forever, args=(0.05,))
    thread.start()
    monkeypatch.setattr(file_contents.certifi, "where", lambda: str(path))
    yield f"https://localhost:{served.server_port}"
    served.shutdown()
    thread.join()
    served.server_close()


def read(url):
    return file_contents.read({"url": url}, TargetSettings(attachment_hosts=("localhost",)))


@pytest.fixture
def anywhere(monkeypatch):
    """Loopback counts as public, so that a server on this machine can stand in for one."""
    seen = []
    monkeypatch.setattr(file_contents, "_check_public", lambda _, address: seen.append(address))
    return seen


def test_a_file_of_a_named_host(site, anywhere):
    assert read(f"{site}/file.pdf") == BYTES
    assert "127.0.0.1" in anywhere


def test_a_redirect_is_followed_among_named_hosts(site, anywhere):
    assert read(f"{site}/moved") == BYTES


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("outside", "host other.example is not in attachment_hosts"),
        ("plain", "an address should be https://"),
        ("round", "is redirected more than 5 times"),
    ],
)
def test_a_redirect_leads_nowhere_else(site, anywhere, path, words):
    with pytest.raises(ValueError, match=words):
        read(f"{site}/{path}")


def test_a_header_is_sent_to_its_host_alone(site, anywhere):
    def locked(**headers):
        settings = TargetSettings(attachment_hosts=("localhost",), attachment_headers=headers)
        return file_contents.read({"url": f"{site}/locked"}, settings)

    token = {"Authorization": "Bearer sesame"}
    assert locked(localhost=token) == BYTES
    with pytest.raises(ValueError, match="answered 403"):
        locked(**{"other.example": token})
    assert "sesame" not in repr(TargetSettings(attachment_headers={"a.example": token}))


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("files.example.com", True),
        ("a.b.example.com", True),
        ("example.com", False),
        ("badexample.com", False),
        ("example.com.evil.org", False),
    ],
)
def test_hosts_below_a_name(host, named):
    assert file_contents.is_named(host, ["*.Example.com"]) is named


@pytest.mark.parametrize("host", ["*", "*.com*", "a.*.example.com", "*example.com"])
def test_a_pattern_that_means_too_much_is_refused(host):
    with pytest.raises(SettingError, match=r"attachment_hosts: .* should be a host"):
        TargetSettings(attachment_hosts=(host,))


def test_size(site, anywhere, monkeypatch):
    monkeypatch.setattr(file_contents, "MOST_BYTES", 4000)
    with pytest.raises(ValueError, match="larger than"):
        read(f"{site}/big")


@pytest.mark.parametrize("part", ["trickle", "trickle-header"])
def test_a_host_that_trickles_is_cut(part, site, anywhere, monkeypatch):
    monkeypatch.setattr(file_contents, "_TIMEOUT", 0.5)
    started = time.monotonic()
    with pytest.raises(ValueError, match="took longer than"):
        read(f"{site}/{part}")
    assert time.monotonic() - started < 4


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "::1",
        "::127.0.0.1",
        "100.64.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "ff02::1",
        "fd00::1",
        "fe80::1%eth0",
        "::ffff:10.0.0.1",
        "::",
    ],
)
def test_addresses_that_may_lead_inside(address):
    with pytest.raises(ValueError, match="private address"):
        file_contents._check_public("files.example", address)


def test_addresses_of_others():
    for address in ("93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"):
        file_contents._check_public("files.example", address)


def test_a_hard_link_is_refused(tmp_path):
    inside = tmp_path / "files"
    inside.mkdir()
    (tmp_path / "outside.pdf").write_bytes(b"secret")
    os.link(tmp_path / "outside.pdf", inside / "a.pdf")
    settings = TargetSettings(attachments_dir=str(inside))
    with pytest.raises(ValueError, match="hard link"):
        file_contents.read({"path": "a.pdf"}, settings)
    (inside / "b.pdf").write_bytes(b"mine")
    assert file_contents.read({"path": "b.pdf"}, settings) == b"mine"


def test_a_private_address_is_refused(site):
    with pytest.raises(ValueError, match="private address"):
        read(f"{site}/file.pdf")


def test_a_name_is_resolved_once(site, anywhere, monkeypatch):
    real = file_contents.socket.getaddrinfo
    asked = []

    def once(host, *args, **kwargs):
        asked.append(host)
        return real("127.0.0.1", *args, **kwargs)

    monkeypatch.setattr(file_contents.socket, "getaddrinfo", once)
    assert read(f"{site}/file.pdf") == BYTES
    assert asked.count("localhost") == 1


def test_a_certificate_of_another_name_is_refused(site, anywhere, monkeypatch):
    real = file_contents.socket.getaddrinfo
    monkeypatch.setattr(
        file_contents.socket,
        "getaddrinfo",
        lambda _host, *args, **kwargs: real("127.0.0.1", *args, **kwargs),
    )
    settings = TargetSettings(attachment_hosts=("files.example",))
    url = site.replace("localhost", "files.example") + "/file.pdf"
    with pytest.raises(ValueError, match="did not answer"):
        file_contents.read({"url": url}, settings)


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"content": "a", "path": "b"},
        {"content": "not base64!"},
        {"content": "===="},
        {"path": "x"},
        {"url": "https://elsewhere.example/x"},
        {"url": "https://a:b@localhost/x"},
        {"url": "http://localhost/x"},
        {"url": "file:///etc/passwd"},
        {"content": 7},
    ],
)
def test_everything_else_is_refused(record):
    with pytest.raises(ValueError):  # noqa: PT011 - the text says why, each its own
        file_contents.read(record, TargetSettings(attachment_hosts=("localhost",)))
