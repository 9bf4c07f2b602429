"""The engine: carries out operations of the contract on the books, without HTTP."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.books import Books
from clearbooks_sandbox.reply import Reply

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path


class Engine:
    """Books of any number of businesses in one SQLite database.

    Safe to share between threads: one operation at a time, each in a transaction of its own.

    Args:
        path: Database file, or None for a database in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.lock = threading.RLock()

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
        raise NotImplementedError

    def add_business(
        self,
        name: str,
        *,
        type: str = "LimitedCompany",  # noqa: A002 - the API's own name
        address: Mapping[str, str] | None = None,
        vat_treatments: Sequence[str] | None = None,
    ) -> int:
        """Make a business with a UK chart of accounts, VAT, and a current account.

        Args:
            name: Its name.
            type: As in the contract's `business`.
            address: As in the contract's `address`.
            vat_treatments: Keys of the VAT treatments it has; all when None.

        Returns:
            Its ID.
        """
        raise NotImplementedError

    def books(self, business_id: int) -> Books:
        """What people want to see of a business's books.

        Raises:
            KeyError: no such business.
        """
        return Books(self, business_id)

    @contextmanager
    def bulk(self) -> Iterator[None]:
        """Keep one database transaction open over many calls, to fill a ledger quickly.

        Bodies are not checked against the contract meanwhile; the ledger's rules are.
        """
        yield

    def close(self) -> None:
        """Close the database."""
