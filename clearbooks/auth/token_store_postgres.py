"""Tokens in a PostgreSQL database, for programs on several machines.

Each connection has a row and an advisory lock of its own. The lock is held in one open
transaction while the token is read, refreshed and written; the write goes through a link of its
own and is committed before anybody uses the token. So a lost link never loses a token, and a
pooler in transaction mode does no harm.
"""

from __future__ import annotations

import hashlib
import threading
from contextlib import closing, contextmanager, suppress
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from typing_extensions import override

from clearbooks.auth.chain import decode_chains, encode_chains
from clearbooks.auth.token_store import LOCK_TIMEOUT, TokenStore
from clearbooks.errors import TokenStoreError
from clearbooks.postgres import connect, keep_open, make_table, psycopg, reason, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from clearbooks.auth.chain import Chain, Name

TABLE = "clearbooks_tokens"
_COLUMNS = (
    "name text PRIMARY KEY, document text NOT NULL, saved_at timestamptz NOT NULL DEFAULT now()"
)
# The row that held all chains before each connection had one; no name is like it.
_ALL = "default"
_LOCKS = b"clearbooks"


class PostgresTokenStore(TokenStore):
    """See `TokenStore`; the table `clearbooks_tokens` is made on first use."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.location = shown(url)
        self._seen = threading.local()

    @override
    @contextmanager
    def lock(self, name: Name) -> Iterator[None]:
        # Holds off every machine that uses the database.
        try:
            guard = connect(self._url, autocommit=False)
        except psycopg.Error as error:
            raise self._trouble("cannot be reached", error) from None
        with closing(guard):
            self._take(guard, str(name))
            try:
                yield
            finally:
                self._seen.__dict__.pop(str(name), None)
                with suppress(psycopg.Error):
                    guard.rollback()

    def _take(self, guard: psycopg.Connection, row: str) -> None:
        try:
            # The transaction is idle while the token endpoint answers.
            keep_open(guard)
            guard.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT:.0f}s'".encode())
            guard.execute("SELECT pg_advisory_xact_lock(%s)", [_number(row)])
        except psycopg.errors.LockNotAvailable:
            raise TokenStoreError(
                f"token_store: {self.location} has been locked by another program for "
                f"{LOCK_TIMEOUT:.0f} s; pg_locks tells which"
            ) from None
        except psycopg.Error as error:
            raise self._trouble("cannot be locked", error) from None

    @override
    def chains(self) -> list[Chain]:
        # No table is an empty store.
        try:
            with closing(connect(self._url)) as link:
                rows = self._rows(link, b"")
                if _ALL in rows:
                    self._divide(link)
                    rows = self._rows(link, b"")
        except psycopg.Error as error:
            raise self._trouble("cannot be read", error) from None
        return [chain for document in rows.values() for chain in self._decode(document)]

    @override
    def read(self, name: Name) -> list[Chain]:
        try:
            with closing(connect(self._url)) as link:
                document = self._read(link, str(name))
        except psycopg.Error as error:
            raise self._trouble("cannot be read", error) from None
        setattr(self._seen, str(name), document)
        return [] if document is None else self._decode(document)

    def _decode(self, document: str) -> list[Chain]:
        return decode_chains(document, self.location)

    def _read(self, link: psycopg.Connection, row: str) -> str | None:
        found = self._rows(link, b"WHERE name IN (%s, %s)", row, _ALL)
        if _ALL in found:
            self._divide(link)
            return self._read(link, row)
        return found.get(row)

    def _rows(self, link: psycopg.Connection, where: bytes, *values: str) -> dict[str, str]:
        statement = f"SELECT name, document FROM {TABLE} ".encode() + where
        try:
            return dict(link.execute(statement + b" ORDER BY name", values).fetchall())
        except psycopg.errors.UndefinedTable:
            return {}

    def _divide(self, link: psycopg.Connection) -> None:
        """Give each connection its row, where all of them stand in one."""
        with link.transaction():
            taken = link.execute(
                f"DELETE FROM {TABLE} WHERE name = %s RETURNING document".encode(), [_ALL]
            ).fetchone()
            chains = sorted(self._decode(str(taken[0])), key=_by_name) if taken else []
            for name, group in groupby(chains, _by_name):
                link.execute(
                    f"INSERT INTO {TABLE} (name, document) VALUES (%s, %s)".encode(),
                    [str(name), encode_chains(group).decode()],
                )

    @override
    def write(self, name: Name, chains: Sequence[Chain]) -> None:
        try:
            with closing(connect(self._url)) as link:
                self._write(link, str(name), encode_chains(chains).decode() if chains else None)
        except psycopg.Error as error:
            raise self._trouble("cannot be written", error) from None

    def _write(self, link: psycopg.Connection, row: str, document: str | None) -> None:
        make_table(link, TABLE, _COLUMNS)
        if row not in self._seen.__dict__:
            setattr(self._seen, row, self._read(link, row))
        # Where the lock was lost with its link, what others wrote meanwhile stays.
        values = {"row": row, "new": document, "old": self._seen.__dict__[row]}
        with link.transaction():
            link.execute("SET LOCAL synchronous_commit = on")
            if document is None:
                changed = link.execute(
                    f"DELETE FROM {TABLE} WHERE name = %(row)s AND document = %(old)s".encode(),
                    values,
                ).rowcount
                lost = bool(values["old"]) and not changed
            else:
                changed = link.execute(
                    f"INSERT INTO {TABLE} AS t (name, document) VALUES (%(row)s, %(new)s) "
                    "ON CONFLICT (name) DO UPDATE SET document = %(new)s, saved_at = now() "
                    "WHERE t.document IN (%(old)s, %(new)s)".encode(),
                    values,
                ).rowcount
                lost = not changed
        if lost:
            raise TokenStoreError(
                f"token_store: {self.location} was changed by another program while the "
                "connection to it was lost; what that program wrote was kept"
            )
        setattr(self._seen, row, document)

    def _trouble(self, what: str, error: psycopg.Error) -> TokenStoreError:
        return TokenStoreError(f"token_store: {self.location} {what}: {reason(error, self._url)}")


_by_name = attrgetter("name")


def _number(row: str) -> int:
    """The advisory lock of a row: a number that other users of the database hardly take."""
    return int.from_bytes(hashlib.sha256(_LOCKS + row.encode()).digest()[:8], signed=True)
