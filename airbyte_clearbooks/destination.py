"""`destination-clearbooks`: the target as an Airbyte destination."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airbyte_clearbooks import command
from airbyte_clearbooks.spec import destination_spec

if TYPE_CHECKING:
    from airbyte_clearbooks.protocol import Output


class Destination:
    """The commands of the destination."""

    name = "destination-clearbooks"
    commands = {  # noqa: RUF012 - as the protocol declares it
        "spec": (),
        "check": ("config",),
        "discover": ("config",),
        "write": ("config", "catalog"),
    }

    def run(self, command: str, output: Output, files: dict[str, Any]) -> None:
        """See `command.Connector`."""
        from target_clearbooks.settings import target_properties
        from target_clearbooks.writable import WRITABLE

        spec = destination_spec(target_properties(), WRITABLE)
        if command == "spec":
            output.message("SPEC", spec=spec)
            return
        from airbyte_clearbooks.config import Config

        config = Config(files["config"], spec)
        if command == "discover":
            from airbyte_clearbooks import operations

            businesses = config.settings.get("business_ids") or ()
            catalog = operations.catalog(config.streams, businesses)
            output.message("DESTINATION_CATALOG", destination_catalog=catalog)
            return
        # From here on the SDK is needed, which takes a second to load.
        from airbyte_clearbooks import writing

        if command == "check":
            writing.check(config, output)
        else:
            writing.write(config, output, files["catalog"])


def main() -> None:
    """Run `destination-clearbooks`."""
    command.main(Destination())
