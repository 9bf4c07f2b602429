"""Compares an example's file with the ledger, to the penny.

`python examples/compare.py online-sales output/sandbox.duckdb` asks the queries in the example's
folder `checks`: each answers what it counts, what the file says, and what the ledger says as the
tap read it into that DuckDB file. The exit code is 1 where they differ.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    Pair = tuple[str, Decimal, Decimal]

EXAMPLES = Path(__file__).resolve().parent
CHECKS = ("counts", "totals", "accounts")


def compared(
    example: str, warehouse: Path, ledger: Path, business: int | None = None
) -> Iterator[tuple[str, list[Pair]]]:
    """The checks of an example, each with its rows: what it is, the file, the ledger.

    Args:
        example: Name of its folder.
        warehouse: Its DuckDB file.
        ledger: A DuckDB file that the tap was read into.
        business: ID of the business; the first one of the ledger when None.
    """
    with duckdb.connect() as db:
        for name, path in (("source", warehouse), ("ledger", ledger)):
            place = str(path).replace("'", "''")
            db.execute(f"ATTACH '{place}' AS {name} (READ_ONLY)")
        if business is None:
            found: Any = db.execute("SELECT min(id) FROM ledger.businesses").fetchone()
            business = found and found[0]
        db.execute("SET VARIABLE business = ?", [business])
        for check in CHECKS:
            query = EXAMPLES / example / "checks" / f"{check}.sql"
            rows: list[Any] = db.execute(query.read_text(encoding="utf-8")).fetchall()
            yield check, rows


def agree(rows: list[Pair]) -> bool:
    """Whether there is something to compare, and file and ledger are alike in all of it."""
    return bool(rows) and all(file == ledger for _, file, ledger in rows)


def main() -> int:
    """The command line; 0 where file and ledger agree."""
    parser = argparse.ArgumentParser(description="Compares an example's file with the ledger.")
    names = sorted(path.parent.name for path in EXAMPLES.glob("*/checks"))
    parser.add_argument("example", choices=names)
    parser.add_argument("ledger", type=Path, help="the DuckDB file that the tap was read into")
    parser.add_argument("--folder", type=Path, default=Path("output"), help="the warehouse's")
    parser.add_argument("--business", type=int, help="its ID, where the file holds several")
    options = parser.parse_args()
    warehouse = options.folder / options.example / "warehouse.duckdb"
    for path in (warehouse, options.ledger):
        if not path.exists():
            parser.error(f"there is no {path}; make it by a run first")
    alike = True
    try:
        checks = compared(options.example, warehouse, options.ledger, options.business)
        for check, rows in checks:
            print(f"{check:42}{'file':>16}{'ledger':>16}")
            for what, file, ledger in rows:
                mark = "" if file == ledger else "  differs"
                print(f"  {what or 'no account':40}{file:>16,}{ledger:>16,}{mark}")
            alike = alike and agree(rows)
    except duckdb.Error as error:
        print(f"{options.example}: {error}", file=sys.stderr)
        return 2
    print("The file and the ledger agree." if alike else "The file and the ledger DIFFER.")
    return 0 if alike else 1


if __name__ == "__main__":
    sys.exit(main())
