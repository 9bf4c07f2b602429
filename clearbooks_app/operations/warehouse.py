"""The books of a loaded warehouse, opened read-only for each question and closed again."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clearbooks.errors import ClearBooksError, SettingError
from clearbooks.settings import is_postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Ask = Callable[[str, Sequence[Any]], list[dict[str, Any]]]

_TEXT, _NAME = "'", '"'
# Milliseconds that a page waits where a table is being replaced.
_PATIENCE = 3000
_NOT_THERE = "the models of the dbt package are not there; build them, such as by `dbt build`"


class WarehouseError(ClearBooksError):
    """The warehouse cannot be read now."""


@dataclass(frozen=True, slots=True)
class Reports:
    """The reports of one business at one day.

    Attributes:
        businesses: Those of the warehouse, with their names.
        business: The one that is shown; None where there is none.
        dates: The days that reports are made for, newest first.
        date: The one that is shown.
        trial_balance: `account_id`, `account`, `class`, `debit`, `credit` of each account.
        debtors: `contact`, `total` and what of it is how old, largest first.
        vat: The boxes of each quarter, newest first.
    """

    businesses: dict[int, str] = field(default_factory=dict)
    business: int | None = None
    dates: list[str] = field(default_factory=list)
    date: str = ""
    trial_balance: list[dict[str, Any]] = field(default_factory=list)
    debtors: list[dict[str, Any]] = field(default_factory=list)
    vat: list[dict[str, Any]] = field(default_factory=list)


def reports(where: str, schema: str, business: int | None = None, date: str = "") -> Reports:
    """Read the reports.

    Args:
        where: A DuckDB file, or a `postgresql://` URL.
        schema: The schema that holds the marts.
        business: Which; the first where it is None.
        date: Which day; the newest where it is empty.

    Raises:
        SettingError: there is no such file, or what reads it is not installed.
        WarehouseError: it cannot be read, or holds no such models.
    """
    with opened(where, schema) as ask:
        known = {
            int(row["business_id"]): str(row["name"])
            for row in ask(
                "SELECT DISTINCT t.business_id, coalesce(b.name, '') AS name FROM trial_balance t "
                "LEFT JOIN stg_clearbooks__businesses b ON b.id = t.business_id "
                "ORDER BY t.business_id",
                (),
            )
        }
        if not known:
            return Reports()
        business = business if business in known else next(iter(known))
        dates = [
            str(row["date"])
            for row in ask(
                "SELECT DISTINCT date FROM trial_balance WHERE business_id = ? ORDER BY date DESC",
                (business,),
            )
        ]
        date = date if date in dates else dates[0]
        return Reports(
            known,
            business,
            dates,
            date,
            ask(
                "SELECT account_id, account, class, debit, credit, balance "
                "FROM trial_balance WHERE business_id = ? AND cast(date AS varchar) = ? "
                "AND (debit <> 0 OR credit <> 0) ORDER BY account_id",
                (business, date),
            ),
            ask(
                "SELECT * FROM aged_debtors WHERE business_id = ? "
                "AND cast(date AS varchar) = ? ORDER BY total DESC, contact_id",
                (business, date),
            ),
            ask(
                "SELECT * FROM vat_summary WHERE business_id = ? ORDER BY period_end DESC",
                (business,),
            ),
        )


@contextmanager
def opened(where: str, schema: str) -> Iterator[Ask]:
    """Ask a warehouse in SQL, with `?` for values; whoever loads it may do so meanwhile.

    Raises:
        SettingError: there is no such file, or what reads it is not installed.
        WarehouseError: it cannot be read, or holds no such models.
    """
    with (_postgres if is_postgres(where) else _duckdb)(where, schema) as ask:
        yield ask


@contextmanager
def _duckdb(where: str, schema: str) -> Iterator[Ask]:
    try:
        import duckdb
    except ModuleNotFoundError:
        raise SettingError("--warehouse: a DuckDB file is read by `pip install duckdb`") from None
    from fsspec.implementations.local import LocalFileSystem

    path = Path(where).expanduser().absolute()
    if not path.is_file():
        raise SettingError(f"--warehouse {where}: there is no such file")
    if _is_written(path):
        raise WarehouseError(
            f"{where} is being written by another program: look again when that has ended"
        )
    try:
        with duckdb.connect() as link:
            # DuckDB's own way to files takes a lock, and a load that begins meanwhile would fail.
            link.register_filesystem(LocalFileSystem())
            link.execute(f"ATTACH {_quoted(f'local://{path}', _TEXT)} AS warehouse (READ_ONLY)")
            link.execute(f"USE warehouse.{_quoted(schema, _NAME)}")

            def ask(statement: str, values: Sequence[Any]) -> list[dict[str, Any]]:
                cursor = link.execute(statement, list(values))
                names = [column[0] for column in cursor.description or ()]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

            yield ask
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise WarehouseError(f"{where}: {_NOT_THERE} ({_first_line(error)})") from None
    except duckdb.Error as error:
        raise WarehouseError(f"{where}: {_first_line(error)}") from None


def _is_written(path: Path) -> bool:
    """Whether another program has a DuckDB file open for writing."""
    try:
        import fcntl
    except ModuleNotFoundError:  # where files have no such locks, opening it fails instead
        return False
    try:
        with path.open("rb") as file:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        raise WarehouseError(f"{path}: cannot be read: {error.strerror}") from None
    return False


def _quoted(text: str, mark: str) -> str:
    return f"{mark}{text.replace(mark, mark * 2)}{mark}"


@contextmanager
def _postgres(where: str, schema: str) -> Iterator[Ask]:
    # Here, since the driver is an extra.
    from clearbooks.postgres import connect, psycopg, reason, shown

    try:
        with connect(where, autocommit=False, setting="--warehouse") as link:
            # One state of the books for all reports; and no waiting for what replaces a model.
            link.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            link.read_only = True
            link.execute("SELECT set_config('search_path', %s, true)", (_quoted(schema, _NAME),))
            link.execute(f"SET LOCAL lock_timeout = {_PATIENCE}")

            def ask(statement: str, values: Sequence[Any]) -> list[dict[str, Any]]:
                cursor = link.execute(statement.replace("?", "%s").encode(), list(values))
                names = [column.name for column in cursor.description or ()]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

            yield ask
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
        words = f"{_NOT_THERE} ({reason(error, where)})"
        raise WarehouseError(f"{shown(where)}: {words}") from None
    except psycopg.errors.LockNotAvailable:
        raise WarehouseError(
            f"{shown(where)} is being written by another program: look again when that has ended"
        ) from None
    except psycopg.Error as error:
        raise WarehouseError(f"{shown(where)}: {reason(error, where)}") from None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
