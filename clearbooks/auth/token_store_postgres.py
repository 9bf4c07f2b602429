"""Tokens in a PostgreSQL database, for programs on several machines.

An advisory lock is held in one open transaction while the token is read, refreshed and written;
the write goes through a connection of its own and is committed before anybody uses the token.
So a lost connection never loses a token, and a pooler in transaction mode does no harm.
"""

from __future__ import annotations

import threading
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

from clearbooks.auth.chain import decode_chains, encode_chains
from clearbooks.auth.token_store import LOCK_TIMEOUT, TokenStore
from clearbooks.errors import TokenStoreError
from clearbooks.postgres import connect, keep_open, make_table, psycopg, reason, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clearbooks.auth.chain import Chain

TABLE = "clearbooks_tokens"
_COLUMNS = (
    "name text PRIMARY KEY, document text NOT NULL, saved_at timestamptz NOT NULL DEFAULT now()"
)
_ROW = "default"
# Any number that other users of the database do not take by chance.
_LOCK = 0x636C656172626F6F % 2**62


class PostgresTokenStore(TokenStore):
    """See `TokenStore`; one row of the table `clearbooks_tokens`, made on first use."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.location = shown(url)
        self._seen = threading.local()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """See `TokenStore.lock`; holds off every machine that uses the database."""
        try:
            guard = connect(self._url, autocommit=False)
        except psycopg.Error as error:
            raise self._trouble("cannot be reached", error) from None
        with closing(guard):
            self._take(guard)
            try:
                yield
            finally:
                self._seen.__dict__.clear()
                with suppress(psycopg.Error):
                    guard.rollback()

    def _take(self, guard: psycopg.Connection) -> None:
        try:
            # The transaction is idle while the token endpoint answers.
            keep_open(guard)
            guard.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT:.0f}s'".encode())
            guard.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        except psycopg.errors.LockNotAvailable:
            raise TokenStoreError(
                f"token_store: {self.location} has been locked by another program for "
                f"{LOCK_TIMEOUT:.0f} s; pg_locks tells which"
            ) from None
        except psycopg.Error as error:
            raise self._trouble("cannot be locked", error) from None

    def chains(self) -> list[Chain]:
        """See `TokenStore.chains`; no table is an empty store."""
        try:
            with closing(connect(self._url)) as link:
                document = self._read(link)
        except psycopg.Error as error:
            raise self._trouble("cannot be read", error) from None
        self._seen.document = document
        return [] if document is None else decode_chains(document, self.location)

    def _read(self, link: psycopg.Connection) -> str | None:
        try:
            row = link.execute(
                f"SELECT document FROM {TABLE} WHERE name = %s".encode(),
                [_ROW],
            ).fetchone()
        except psycopg.errors.UndefinedTable:
            return None
        return None if row is None else str(row[0])

    def replace(self, chains: list[Chain]) -> None:
        """See `TokenStore.replace`."""
        try:
            with closing(connect(self._url)) as link:
                self._write(link, encode_chains(chains).decode())
        except psycopg.Error as error:
            raise self._trouble("cannot be written", error) from None

    def _prepare(self, chains: list[Chain]) -> None:
        self.replace(chains)

    def _write(self, link: psycopg.Connection, document: str) -> None:
        make_table(link, TABLE, _COLUMNS)
        if not hasattr(self._seen, "document"):
            self._seen.document = self._read(link)
        with link.transaction():
            link.execute("SET LOCAL synchronous_commit = on")
            # Where the lock was lost with its connection, what others wrote meanwhile stays.
            done = link.execute(
                f"INSERT INTO {TABLE} AS t (name, document) VALUES (%(name)s, %(new)s) "
                "ON CONFLICT (name) DO UPDATE SET document = %(new)s, saved_at = now() "
                "WHERE t.document IN (%(old)s, %(new)s)".encode(),
                {"name": _ROW, "new": document, "old": self._seen.document},
            )
        if not done.rowcount:
            raise TokenStoreError(
                f"token_store: {self.location} was changed by another program while the "
                "connection to it was lost; what that program wrote was kept"
            )
        self._seen.document = document

    def _trouble(self, what: str, error: psycopg.Error) -> TokenStoreError:
        return TokenStoreError(f"token_store: {self.location} {what}: {reason(error, self._url)}")
