"""PostgreSQL for what several machines share: how to connect, and how faults are told."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from clearbooks.distribution import install
from clearbooks.errors import SettingError

try:
    import psycopg
    from psycopg import conninfo
except ImportError:  # pragma: no cover - the extra is there in tests
    raise SettingError(
        f"a postgresql:// URL (token_store, state_store) needs its driver: {install('postgres')}"
    ) from None

if TYPE_CHECKING:
    from typing import Any

# With `psycopg`, so that whoever imports this gets its message where the driver is missing.
__all__ = [
    "checked_url",
    "connect",
    "has_table",
    "keep_open",
    "make_table",
    "psycopg",
    "reason",
    "shown",
]

CONNECT_TIMEOUT = 10
_NEWEST_GUARDS = 170000


def checked_url(url: str, setting: str = "token_store") -> dict[str, Any]:
    """The parts of a URL as the driver wants them.

    Raises:
        SettingError: it cannot be read. Its text is not repeated: it may hold the password.
    """
    wrong = SettingError(
        f"{setting}: the PostgreSQL URL cannot be read; it should look like "
        "postgresql://user:password@host/database, with special characters of the password "
        "percent-encoded (@ as %40)"
    )
    # An @ or / in a password would make the rest of it a host name, and part of messages.
    parts = urlsplit(url)
    if parts.netloc.count("@") > 1 or "@" in parts.path:
        raise wrong
    try:
        return dict(conninfo.conninfo_to_dict(url))
    except psycopg.Error:
        raise wrong from None


def shown(url: str, setting: str = "token_store") -> str:
    """The URL without user, password and options, for messages."""
    parts = checked_url(url, setting)
    host, port = str(parts.get("host", "")), parts.get("port")
    place = host if "/" not in host else ""
    return f"postgresql://{place}{f':{port}' if port else ''}/{parts.get('dbname', '')}"


def connect(
    url: str,
    *,
    autocommit: bool = True,
    setting: str = "token_store",
    options: str = "",
    application_name: str = "clearbooks",
) -> psycopg.Connection:
    """A new connection, with a time limit.

    Args:
        url: Of the database.
        autocommit: Whether each statement stands by itself.
        setting: The setting that holds the URL, for messages.
        options: Further options of the session, beside those of the URL.
        application_name: What others see of this program.

    Raises:
        SettingError: the URL cannot be read.
        psycopg.OperationalError: the database cannot be reached.
    """
    given = checked_url(url, setting)
    parts = {"connect_timeout": CONNECT_TIMEOUT, "application_name": application_name, **given}
    if options:
        parts["options"] = f"{given.get('options', '')} {options}".strip()
    # Nothing is prepared: a pooler may answer the next statement from another session.
    return psycopg.connect(autocommit=autocommit, prepare_threshold=None, **parts)


def keep_open(link: psycopg.Connection) -> None:
    """Let a transaction last however long it is idle, whatever the database sets by default."""
    link.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    link.execute("SET LOCAL statement_timeout = 0")
    if link.info.server_version >= _NEWEST_GUARDS:
        link.execute("SET LOCAL transaction_timeout = 0")


def reason(error: psycopg.Error, url: str) -> str:
    """The first line of what the driver says, without the password."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    secret = urlsplit(url).password
    for word in {secret, unquote(secret)} if secret else ():
        text = text.replace(word, "***")
    return text


def has_table(link: psycopg.Connection, name: str) -> bool:
    """Whether there is a table."""
    return link.execute("SELECT to_regclass(%s)", [name]).fetchone() != (None,)


def make_table(link: psycopg.Connection, name: str, columns: str, *views: str) -> None:
    """Make a table where there is none, and its views; two programs may do so at once."""
    if has_table(link, name):
        return
    with link.transaction():
        # CREATE TABLE IF NOT EXISTS alone fails when two run it at the same moment.
        link.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [name])
        link.execute(f"CREATE TABLE IF NOT EXISTS {name} ({columns})".encode())
        for view in views:
            link.execute(f"CREATE OR REPLACE VIEW {view}".encode())
