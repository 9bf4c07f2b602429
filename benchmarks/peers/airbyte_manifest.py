# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = ["airbyte-cdk==7.39.1"]
# ///
"""airbyte-cdk's declarative source with the manifest beside it (`airbyte_manifest.yaml`).

The streams of the manifest come from one template, filled in here with name, path and schema, so
that nothing but these differs between them. Called with a JSON file: url, token, business,
schemas, listings.
"""

from __future__ import annotations

import copy
import json
import sys
import tempfile
from pathlib import Path

import yaml
from airbyte_cdk.entrypoint import launch
from airbyte_cdk.models import ConfiguredAirbyteCatalogSerializer
from airbyte_cdk.sources.declarative.concurrent_declarative_source import (
    ConcurrentDeclarativeSource,
)


def main() -> None:
    with open(sys.argv[1]) as file:
        config = json.load(file)
    listings, schemas = config.pop("listings"), config.pop("schemas")
    manifest = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())
    template = manifest["streams"][0]
    manifest["streams"] = []
    configured = []
    for name, path in listings.items():
        stream = copy.deepcopy(template)
        stream["name"] = name
        stream["retriever"]["requester"]["path"] = path
        stream["schema_loader"]["schema"] = schemas[name]
        manifest["streams"].append(stream)
        configured.append(
            {
                "stream": {
                    "name": name,
                    "json_schema": schemas[name],
                    "supported_sync_modes": ["full_refresh"],
                },
                "sync_mode": "full_refresh",
                "destination_sync_mode": "overwrite",
            }
        )
    catalog = {"streams": configured}
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{name}.json" for name in ("config", "catalog")}
        paths["config"].write_text(json.dumps(config))
        paths["catalog"].write_text(json.dumps(catalog))
        source = ConcurrentDeclarativeSource(
            catalog=ConfiguredAirbyteCatalogSerializer.load(catalog),
            config=config,
            state=[],
            source_config=manifest,
        )
        launch(
            source,
            ["read", "--config", str(paths["config"]), "--catalog", str(paths["catalog"])],
        )


if __name__ == "__main__":
    main()
