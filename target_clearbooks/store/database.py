"""What every state store offers, whichever database holds it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol, Self

from clearbooks.errors import ClearBooksError, SettingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager


class StoreError(ClearBooksError):
    """The state store failed while it was in use; what was not put down is settled next time."""


class NoStoreError(SettingError):
    """There is no state store yet where the setting points."""


class UnreachableStoreError(SettingError):
    """A database that should hold state or locks does not answer. It may do so later."""

    exit_code = 1


class BusyError(ClearBooksError):
    """Another program writes into this business."""

    @classmethod
    def held(cls, business_id: int, holder: str) -> Self:
        """Of a business into which somebody may not write while another one does."""
        return cls(
            f"business {business_id} is being written by {holder}; "
            "one program at a time may write into a business"
        )


class Rows(Protocol):
    """The answer to a statement."""

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, if there is one."""

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows that are left."""

    def __iter__(self) -> Iterator[tuple[Any, ...]]: ...


class Store(ABC):
    """A state store, brought to this version's format. Statements have `?` for their values.

    Attributes:
        location: Where it is, for messages; without a password.
    """

    location: str

    @abstractmethod
    def execute(self, statement: str, values: Sequence[Any] = ()) -> Rows:
        """Carry out a statement.

        Raises:
            StoreError: the database failed.
        """

    @abstractmethod
    def executemany(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Carry out a statement once a row.

        Raises:
            StoreError: the database failed.
        """

    @abstractmethod
    def transaction(self) -> AbstractContextManager[None]:
        """Everything inside is on disk when the block ends, or nothing is.

        Raises:
            StoreError: the database failed.
        """

    @abstractmethod
    def lock_writer(self, business_id: int) -> None:
        """Keep others that use this store from writing into a business, until it is closed.

        Raises:
            BusyError: another program does so.
            SettingError: no lock can be made.
        """

    @abstractmethod
    def check_writer(self, business_id: int) -> None:
        """Make sure that the lock of `lock_writer` is still held.

        Raises:
            BusyError: it was lost.
        """

    @abstractmethod
    def copy(self) -> Store:
        """A copy that goes when it is closed."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the database."""

    def _check_version(self, found: int, known: int) -> None:
        if found > known:
            raise SettingError(
                f"state_store: {self.location} has format {found}, this program knows up to "
                f"{known}; update clearbooks-connectors"
            )
