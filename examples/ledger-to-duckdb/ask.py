"""Prints what a query of this example answers: `python ask.py DATABASE QUERY`."""

import sys
from pathlib import Path

import duckdb

QUERIES = Path(__file__).resolve().parent / "queries"


def main() -> int:
    """Ask, and print the answer as DuckDB draws it."""
    names = sorted(path.stem for path in QUERIES.glob("*.sql"))
    match sys.argv[1:]:
        case [database, name] if name in names and Path(database).is_file():
            query = (QUERIES / f"{name}.sql").read_text(encoding="utf-8")
            with duckdb.connect(database, read_only=True) as db:
                db.sql(query).show(max_rows=200)
            return 0
    print(f"usage: ask.py DATABASE QUERY, an existing file and one of: {', '.join(names)}")
    return 2


if __name__ == "__main__":
    sys.exit(main())
