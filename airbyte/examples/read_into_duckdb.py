"""Read a Clear Books ledger into a DuckDB file with PyAirbyte; run it again for what is new.

    (PyAirbyte and this project need an environment each: see docs/airbyte.md.)
    AIRBYTE_OFFLINE_MODE=1 python read_into_duckdb.py config.json ledger.duckdb

`config.json` holds what `source-clearbooks spec` describes.
"""

import json
import sys
from pathlib import Path
from shutil import which

import airbyte
from airbyte.caches import DuckDBCache

STREAMS = ["customers", "sales_invoices", "payments", "transactions", "transaction_lines"]


def main(config: str, database: str, executable: str | None = None) -> None:
    """Read the streams and say how many records came."""
    source = airbyte.get_source(
        "source-clearbooks",
        config=json.loads(Path(config).read_text(encoding="utf-8")),
        local_executable=executable or which("source-clearbooks"),
        streams=STREAMS,
    )
    source.check()
    result = source.read(cache=DuckDBCache(db_path=database))
    held = {name: len(result[name].to_pandas()) for name in STREAMS}
    print(json.dumps({"read": result.processed_records, "held": held}))


if __name__ == "__main__":
    main(*sys.argv[1:])
