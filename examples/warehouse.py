"""The warehouse of the examples: runs an example's models and exports what they hold.

`python examples/warehouse.py online-sales --folder output` loads the CSV into
`output/online-sales/warehouse.duckdb`, runs `models/*.sql` in the order of their names, then
`export.sql`, which writes the records beside it. Where you have a warehouse, it and dbt or the
like do all this.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import duckdb

EXAMPLES = Path(__file__).resolve().parent
DATA = EXAMPLES.parent / "clearbooks_sandbox" / "demo" / "data"
SOURCES = {"online-sales": DATA / "online_retail.csv", "supplier-spend": DATA / "gla_spend.csv"}
# What the first model keeps of the file as it is.
FILE_TABLES = {"online-sales": "sales_file", "supplier-spend": "spend_file"}
DATABASE = "warehouse.duckdb"
_TRUE = {"1", "true", "yes"}


def build(example: str, folder: Path, source: Path, *, whole: bool) -> None:
    """Make the warehouse of an example and export its records as JSON lines.

    Args:
        example: Name of its folder.
        folder: Where warehouse and files are put, in a folder of the example's name.
        source: The CSV file.
        whole: All of the file, not only the slice that the first model chooses.
    """
    home = EXAMPLES / example
    place = folder.resolve() / example
    (place / "records").mkdir(parents=True, exist_ok=True)
    source = source.resolve()
    # Files that `export.sql` names lie in its working directory.
    os.chdir(place)
    with duckdb.connect(DATABASE) as db:
        settings = {"example": str(home), "source": str(source), "whole": whole}
        for name, value in settings.items():
            db.execute(f"SET VARIABLE {name} = ?", [value])
        for script in (*sorted((home / "models").glob("*.sql")), home / "export.sql"):
            db.execute(script.read_text(encoding="utf-8"))
        _tell_what_is_left_out(db, example, source)


def _tell_what_is_left_out(db: duckdb.DuckDBPyConnection, example: str, source: Path) -> None:
    """Say how many rows of the file the models take."""
    table = FILE_TABLES[example]
    (taken,) = db.table(table).aggregate("count(*)").fetchall()[0]
    (there,) = db.execute(
        "SELECT count(*) FROM read_csv(?, header = true, all_varchar = true)", [str(source)]
    ).fetchall()[0]
    rest = "" if taken == there else f"; {there - taken:,} are left out: --whole takes all"
    print(f"{example}: {taken:,} of {there:,} rows of {source.name}{rest}", file=sys.stderr)


def main() -> int:
    """The command line; a setting that is not given comes from the environment."""
    env = os.environ.get
    parser = argparse.ArgumentParser(description="Builds the warehouse of an example.")
    parser.add_argument("example", choices=sorted(SOURCES))
    parser.add_argument("--folder", type=Path, default=Path(env("WAREHOUSE_FOLDER") or "output"))
    parser.add_argument("--source", type=Path, help="another CSV file of the same columns")
    parser.add_argument(
        "--whole", action="store_true", default=env("WAREHOUSE_WHOLE", "").lower() in _TRUE
    )
    options = parser.parse_args()
    named = env(f"WAREHOUSE_{options.example.upper().replace('-', '_')}_CSV")
    source = options.source or (Path(named) if named else SOURCES[options.example])
    # The slice is one of the example's own file: it has days of its own.
    whole = options.whole or source.resolve() != SOURCES[options.example].resolve()
    try:
        build(options.example, options.folder, source, whole=whole)
    except (duckdb.Error, OSError) as error:
        print(f"{options.example}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
