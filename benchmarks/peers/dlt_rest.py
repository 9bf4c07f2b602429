# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = ["dlt==1.31.0"]
# ///
"""dlt's rest_api source, iterated over and nothing else: no normalising, no files, no loading.

So it does less than the others here. Resources are read side by side: `parallelized` is an argument
of the source; in `resource_defaults` it has no effect. It prints what it counted. Called with a
JSON file: url, token, business, listings.
"""

from __future__ import annotations

import json
import sys

from dlt.sources.rest_api import rest_api_source


def main() -> None:
    with open(sys.argv[1]) as file:
        config = json.load(file)
    found = {name: [0, 0] for name in config["listings"]}

    def counter(name: str):
        mine = found[name]
        key = "transactionId" if name == "transaction_lines" else "id"

        def count(record):
            mine[0] += 1
            mine[1] += record[key]
            return record

        return count

    source = rest_api_source(
        {
            "client": {
                "base_url": config["url"],
                "auth": {"type": "bearer", "token": config["token"]},
                "headers": {"X-Business-ID": str(config["business"])},
                "paginator": {
                    "type": "page_number",
                    "base_page": 1,
                    "page_param": "page",
                    "total_path": None,
                },
            },
            "resource_defaults": {
                "endpoint": {"params": {"limit": 200}, "data_selector": "$"},
            },
            "resources": [
                {
                    "name": name,
                    "endpoint": {"path": path.lstrip("/")},
                    "processing_steps": [{"map": counter(name)}],
                }
                for name, path in config["listings"].items()
            ],
        },
        parallelized=True,
    )
    for _ in source:
        pass
    print(json.dumps(found))


if __name__ == "__main__":
    main()
