"""The SQLite database: its tables, opening it, and sequences of IDs."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# Amounts are integer pennies, dates ISO text. `json` is the record as the API answers it, so that a
# page is made by joining them. `hidden` records keep their ID and are not listed.
SCHEMA = """
CREATE TABLE IF NOT EXISTS businesses (
  id INTEGER PRIMARY KEY, json BLOB NOT NULL, vat_treatments TEXT, features BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS sequences (
  business INTEGER, name TEXT, value INTEGER NOT NULL, PRIMARY KEY (business, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS account_codes (
  business INTEGER, id INTEGER, sales INTEGER, purchases INTEGER, role TEXT,
  hidden INTEGER DEFAULT 0, json BLOB NOT NULL, PRIMARY KEY (business, id)
);
CREATE TABLE IF NOT EXISTS bank_accounts (
  business INTEGER, id INTEGER, code INTEGER, currency TEXT, account_number TEXT, sort_code TEXT,
  hidden INTEGER DEFAULT 0, json BLOB NOT NULL, PRIMARY KEY (business, id)
);
CREATE TABLE IF NOT EXISTS contacts (
  business INTEGER, id INTEGER, kind TEXT, hidden INTEGER DEFAULT 0, json BLOB NOT NULL,
  PRIMARY KEY (business, id, kind)
);
CREATE TABLE IF NOT EXISTS terms (
  business INTEGER, contact INTEGER, days INTEGER NOT NULL, PRIMARY KEY (business, contact)
);
CREATE TABLE IF NOT EXISTS vat_returns (business INTEGER PRIMARY KEY, until TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS contacts_list ON contacts (business, kind, hidden, id);
CREATE TABLE IF NOT EXISTS stock_items (
  business INTEGER, id INTEGER, hidden INTEGER DEFAULT 0, json BLOB NOT NULL,
  PRIMARY KEY (business, id)
);
CREATE TABLE IF NOT EXISTS documents (
  business INTEGER, id INTEGER, side TEXT, kind TEXT, status TEXT, contact INTEGER, date TEXT,
  currency TEXT, rate TEXT, payable INTEGER, settled INTEGER DEFAULT 0, posting INTEGER,
  previous INTEGER, successor INTEGER, hidden INTEGER DEFAULT 0, json BLOB NOT NULL,
  PRIMARY KEY (business, id)
);
CREATE INDEX IF NOT EXISTS documents_list ON documents (business, side, kind, hidden, id);
CREATE INDEX IF NOT EXISTS documents_date ON documents (business, side, kind, hidden, date, id);
CREATE INDEX IF NOT EXISTS documents_contact ON documents (business, contact, id);
CREATE TABLE IF NOT EXISTS attachments (
  business INTEGER, id INTEGER, document INTEGER, sha256 TEXT, hidden INTEGER DEFAULT 0,
  json BLOB NOT NULL, PRIMARY KEY (business, id)
);
CREATE INDEX IF NOT EXISTS attachments_list ON attachments (business, document, hidden, id);
CREATE TABLE IF NOT EXISTS payments (
  business INTEGER, id INTEGER, contact INTEGER, bank INTEGER, date TEXT, currency TEXT,
  rate TEXT, amount INTEGER, settled INTEGER DEFAULT 0, posting INTEGER,
  hidden INTEGER DEFAULT 0, json BLOB NOT NULL, PRIMARY KEY (business, id)
);
CREATE INDEX IF NOT EXISTS payments_list ON payments (business, hidden, id);
CREATE INDEX IF NOT EXISTS payments_date ON payments (business, hidden, date, id);
CREATE INDEX IF NOT EXISTS payments_contact ON payments (business, contact, id);
CREATE TABLE IF NOT EXISTS allocations (
  business INTEGER, id INTEGER, side TEXT, type TEXT, invoice INTEGER, payment INTEGER,
  credit_note INTEGER, amount INTEGER, used INTEGER, posting INTEGER, hidden INTEGER DEFAULT 0,
  json BLOB NOT NULL, PRIMARY KEY (business, id)
);
CREATE INDEX IF NOT EXISTS allocations_list ON allocations (business, side, hidden, id);
CREATE INDEX IF NOT EXISTS allocations_invoice ON allocations (business, invoice, id);
CREATE INDEX IF NOT EXISTS allocations_payment ON allocations (business, payment, id);
CREATE INDEX IF NOT EXISTS allocations_credit ON allocations (business, credit_note, id);
CREATE TABLE IF NOT EXISTS transactions (
  business INTEGER, id INTEGER, date TEXT, source TEXT, source_id INTEGER, reverses INTEGER,
  hidden INTEGER DEFAULT 0, json BLOB NOT NULL, PRIMARY KEY (business, id)
);
CREATE INDEX IF NOT EXISTS transactions_list ON transactions (business, hidden, id, date);
CREATE INDEX IF NOT EXISTS transactions_date ON transactions (business, date, id);
CREATE INDEX IF NOT EXISTS transactions_source ON transactions (business, source, source_id, id);
CREATE TABLE IF NOT EXISTS lines (
  business INTEGER, id INTEGER, ordinal INTEGER, date TEXT, account INTEGER, amount INTEGER,
  contact INTEGER, PRIMARY KEY (business, id, ordinal)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS lines_date ON lines (business, date, account, amount);
CREATE INDEX IF NOT EXISTS lines_account ON lines (business, account, contact, amount);
CREATE TABLE IF NOT EXISTS journals (
  business INTEGER, id INTEGER, posting INTEGER, json BLOB NOT NULL, PRIMARY KEY (business, id)
);
CREATE TABLE IF NOT EXISTS feeds (
  business INTEGER, id TEXT, account INTEGER, json BLOB NOT NULL, PRIMARY KEY (business, id)
);
CREATE TABLE IF NOT EXISTS statements (
  business INTEGER, id INTEGER, feed TEXT, account INTEGER, month TEXT,
  PRIMARY KEY (business, id), UNIQUE (business, feed, month)
);
CREATE TABLE IF NOT EXISTS statement_lines (
  business INTEGER, feed TEXT, bank_id TEXT, statement INTEGER, date TEXT, description TEXT,
  amount INTEGER, PRIMARY KEY (business, feed, bank_id)
);
CREATE TABLE IF NOT EXISTS oauth_applications (
  client_id TEXT PRIMARY KEY, secret TEXT NOT NULL, name TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS oauth_pending (id TEXT PRIMARY KEY, json BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS oauth_codes (
  code TEXT PRIMARY KEY, client_id TEXT, json BLOB NOT NULL, expires REAL, used INTEGER DEFAULT 0
);
CREATE TABLE IF NOT EXISTS oauth_tokens (
  token TEXT PRIMARY KEY, kind TEXT, client_id TEXT, scopes TEXT, businesses TEXT, expires REAL,
  state TEXT, user TEXT NOT NULL DEFAULT 'you'
);
"""


# The table of each entity of the contract.
TABLES = {
    "account_code": "account_codes",
    "bank_account": "bank_accounts",
    "customer": "contacts",
    "supplier": "contacts",
    "sales_document": "documents",
    "purchase_document": "documents",
    "payment": "payments",
    "allocation": "allocations",
    "stock_item": "stock_items",
    "attachment": "attachments",
}


class DatabaseInUseError(Exception):
    """Another process holds the database."""


def connect(path: Path | None) -> sqlite3.Connection:
    """Open the database and create missing tables.

    Raises:
        DatabaseInUseError: another sandbox has it open.
    """
    if path:
        # Somebody's books may be tried here: for their owner's eyes only.
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        if os.name == "posix":
            os.fchmod(descriptor, 0o600)
        os.close(descriptor)
    db = sqlite3.connect(
        path or ":memory:", isolation_level=None, check_same_thread=False, timeout=2
    )
    try:
        if path:
            # One process at a time: two would number records twice.
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            db.execute("PRAGMA journal_mode = WAL")
        # A killed process loses nothing with NORMAL; only a power cut could.
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA cache_size = -65536")
        db.executescript("BEGIN IMMEDIATE;" + SCHEMA + "COMMIT;")
        columns = [row[1] for row in db.execute("PRAGMA table_info(oauth_tokens)")]
        if "user" not in columns:
            # Books that were begun when there was one user.
            db.execute("ALTER TABLE oauth_tokens ADD COLUMN user TEXT NOT NULL DEFAULT 'you'")
    except sqlite3.OperationalError as error:
        db.close()
        if "locked" in str(error):
            raise DatabaseInUseError(f"{path} is open in another process") from error
        raise
    return db


def next_value(db: sqlite3.Connection, business: int, name: str, first: int = 1) -> int:
    """The next number of a sequence of a business."""
    row = db.execute(
        "INSERT INTO sequences VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = value + 1 "
        "RETURNING value",
        (business, name, first),
    ).fetchone()
    return int(row[0])
