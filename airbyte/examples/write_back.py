"""Write what another Airbyte source has read into a Clear Books ledger, with PyAirbyte.

    AIRBYTE_OFFLINE_MODE=1 python write_back.py shop.json clearbooks.json shop.duckdb

The source's streams have to carry the names and fields of docs/write.md, and a key that tells
records apart (`externalId`). Run again, it sends what is new or has changed.
"""

import json
import sys
from pathlib import Path
from shutil import which

import airbyte
from airbyte.caches import DuckDBCache


def main(
    source_config: str,
    destination_config: str,
    database: str,
    source_name: str = "source-shop",
    source_executable: str | None = None,
    destination_executable: str | None = None,
) -> None:
    """Read the source into a cache, and write from there into the ledger."""
    source = airbyte.get_source(
        source_name,
        config=json.loads(Path(source_config).read_text(encoding="utf-8")),
        local_executable=source_executable or which(source_name),
        streams="*",
    )
    destination = airbyte.get_destination(
        "destination-clearbooks",
        config=json.loads(Path(destination_config).read_text(encoding="utf-8")),
        local_executable=destination_executable or which("destination-clearbooks"),
    )
    destination.check()
    result = destination.write(source, cache=DuckDBCache(db_path=database))
    print(json.dumps({"written": result.processed_records}))


if __name__ == "__main__":
    main(*sys.argv[1:])
