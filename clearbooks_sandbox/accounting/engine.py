"""Carries out operations of the contract on the books of businesses, without HTTP."""

from __future__ import annotations

import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from clearbooks.contract import load_contract
from clearbooks_sandbox.accounting import businesses, by_hand, changes, contacts, storage
from clearbooks_sandbox.accounting.books import Books
from clearbooks_sandbox.accounting.operations import HANDLERS
from clearbooks_sandbox.accounting.paging import Pager
from clearbooks_sandbox.accounting.session import Session
from clearbooks_sandbox.accounting.vat import TREATMENT_KEYS
from clearbooks_sandbox.dialects import Dialects
from clearbooks_sandbox.reply import Fault, RefusedError, Reply
from clearbooks_sandbox.validation import read_body, read_path, read_query

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path


class AccountingEngine:
    """Books of any number of businesses in one SQLite database.

    Safe to share between threads: one operation at a time, each in a transaction of its own.

    Args:
        path: Database file, or None for a database in memory.

    Raises:
        DatabaseInUseError: another process has the file open.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.db = storage.connect(path)
        # Of one that nobody closes, Python 3.13 would complain.
        weakref.finalize(self, self.db.close)
        self.pager = Pager(self.db)
        self.dialects = Dialects()
        self.pager.dialects = self.dialects
        self._operations = load_contract().operations
        self._bulk = False
        missing = set(self._operations) ^ set(HANDLERS)
        if missing:
            raise AssertionError(f"contract and sandbox differ: {sorted(missing)}")

    def call(
        self,
        operation_id: str,
        *,
        business_id: int,
        params: Mapping[str, Any] = {},
        query: Mapping[str, Any] = {},
        body: object | bytes | None = None,
        covered: Collection[int] | None = None,
    ) -> Reply:
        """Carry out an operation of the contract, without authorisation.

        Args:
            operation_id: Such as `createSalesDocument`.
            business_id: The business it is about.
            params: Values of the path's placeholders.
            query: Query parameters, as strings or as Python values.
            body: A JSON-like object, or bytes (JSON text, or a file's content).
            covered: Businesses that `listBusinesses` shows; all when None.

        Returns:
            Success or refusal; refusals are not raised.
        """
        return self._call(operation_id, business_id, params, query, body, covered=covered)

    def add_draft(
        self, operation_id: str, *, business_id: int, params: Mapping[str, Any], body: object
    ) -> Reply:
        """Make a document as a draft. The API cannot; on the live site people do it by hand."""
        return self._call(operation_id, business_id, params, {}, body, draft=True)

    def _call(
        self,
        operation_id: str,
        business: int,
        params: Mapping[str, Any],
        query: Mapping[str, Any],
        body: object | bytes | None,
        *,
        covered: Collection[int] | None = None,
        draft: bool = False,
    ) -> Reply:
        operation = self._operations[operation_id]
        reading = operation.method == "GET"
        try:
            arguments: list[Any] = [read_path(operation, params)]
            if reading and operation_id.startswith("list"):
                arguments.append(read_query(operation, query))
            elif operation.body:
                parsed = read_body(operation, body, check=not self._bulk)
                arguments.append(self.dialects.rewrite_body(parsed))
            with self.lock, self._transaction(reading):
                if not operation.path.startswith("/businesses"):
                    self._require_business(business)
                session = Session(self.db, self.pager, business, covered, self.dialects, draft)
                reply = HANDLERS[operation_id](session, *arguments)
        except RefusedError as error:
            return error.reply()
        if reply.body:
            reply.headers.setdefault("Content-Type", "application/json")
        return reply

    def _require_business(self, business: int) -> None:
        if not self.db.execute("SELECT 1 FROM businesses WHERE id = ?", (business,)).fetchone():
            raise RefusedError(404, [Fault("notFound", f"There is no business {business}.")])

    @contextmanager
    def _transaction(self, reading: bool = False) -> Iterator[None]:
        if reading:
            yield
            return
        begin, end, undo = "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"
        if self.db.in_transaction:
            begin, end, undo = "SAVEPOINT call", "RELEASE call", "ROLLBACK TO call; RELEASE call"
        self.db.execute(begin)
        try:
            yield
        except BaseException:
            for statement in undo.split("; "):
                self.db.execute(statement)
            raise
        self.db.execute(end)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the lock and one database transaction, for changes outside the API's operations."""
        with self.lock, self._transaction():
            yield

    def add_business(
        self,
        name: str,
        *,
        type: str = "LimitedCompany",  # noqa: A002 - the API's own name
        address: Mapping[str, str] | None = None,
        vat_treatments: Sequence[str] | None = None,
        features: Collection[str] = (),
    ) -> int:
        """Make a business with the default chart of accounts, VAT, and a current account.

        Args:
            name: Its name.
            type: As in the contract's `business`.
            address: As in the contract's `address`.
            vat_treatments: Keys of the VAT treatments it has; all when None.
            features: Names out of `FEATURES` that are on, such as `cis`.

        Returns:
            Its ID.

        Raises:
            ValueError: an unknown VAT treatment or feature.
        """
        unknown = set(vat_treatments or ()) - set(TREATMENT_KEYS)
        if unknown:
            raise ValueError(f"no VAT treatment {sorted(unknown)}; there are {TREATMENT_KEYS}")
        with self.transaction():
            number = storage.next_value(self.db, 0, "business", 101)
            session = Session(self.db, self.pager, number)
            fields = {"name": name, "type": type, "address": dict(address) if address else None}
            treatments = None if vat_treatments is None else list(vat_treatments)
            businesses.add(session, fields, treatments, features)
        return number

    def switch_on(self, business_id: int, *features: str) -> None:
        """Switch features of a business on, as a person does in its settings.

        Raises:
            ValueError: there is no such feature.
        """
        with self.transaction():
            businesses.switch_on(Session(self.db, self.pager, business_id), features)

    def finalise_vat(self, business_id: int, until: str) -> None:
        """Finalise the VAT returns of a business up to a day, `2026-03-31`.

        Documents with a date up to then can no longer be voided, nor their amounts changed.
        """
        with self.transaction():
            changes.finalise_vat(Session(self.db, self.pager, business_id), until)

    def set_terms(self, business_id: int, contact_id: int, days: int) -> None:
        """Set how many days after its date an invoice or bill of a contact is due."""
        with self.transaction():
            contacts.set_terms(Session(self.db, self.pager, business_id), contact_id, days)

    def edit_text(self, business_id: int, stream: str, record_id: int, **fields: object) -> None:
        """Change text of a document or payment in place, as a person does on the website.

        Nothing is posted and the ID stays: `description` and `reference` of documents,
        `description` and `paymentMethodId` of payments.
        """
        with self.transaction():
            by_hand.edit_text(Session(self.db, self.pager, business_id), stream, record_id, fields)

    def archive(self, business_id: int, stream: str, record_id: int) -> None:
        """Archive an account code, bank account or stock item: it is not listed any more."""
        with self.transaction():
            by_hand.archive(Session(self.db, self.pager, business_id), stream, record_id)

    def approve_draft(self, business_id: int, stream: str, record_id: int) -> None:
        """Approve a draft that `add_draft` made: it is posted and keeps its ID."""
        with self.transaction():
            session = Session(self.db, self.pager, business_id, dialects=self.dialects)
            by_hand.approve_draft(session, stream, record_id)

    def business_ids(self) -> list[int]:
        """IDs of all businesses."""
        with self.lock:
            return [row[0] for row in self.db.execute("SELECT id FROM businesses ORDER BY id")]

    def books(self, business_id: int) -> Books:
        """The books of a business, as the web pages show them.

        Raises:
            KeyError: no such business.
        """
        if business_id not in self.business_ids():
            raise KeyError(business_id)
        return Books(self.db, self.lock, business_id)

    @contextmanager
    def bulk(self) -> Iterator[None]:
        """Keep one database transaction open over many calls, to fill a ledger quickly.

        Bodies are not checked against the contract meanwhile; the ledger's rules are.
        """
        with self.lock, self._transaction():
            self._bulk = True
            try:
                yield
            finally:
                self._bulk = False

    def close(self) -> None:
        """Close the database."""
        with self.lock:
            self.db.close()
