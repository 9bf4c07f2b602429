"""`source-clearbooks`: the tap as an Airbyte source. `spec` is answered without the SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airbyte_clearbooks import command
from airbyte_clearbooks.spec import source_spec

if TYPE_CHECKING:
    from airbyte_clearbooks.protocol import Output


class Source:
    """The commands of the source."""

    name = "source-clearbooks"
    commands = {  # noqa: RUF012 - as the protocol declares it
        "spec": (),
        "check": ("config",),
        "discover": ("config",),
        "read": ("config", "catalog", "state"),
    }

    def run(self, command: str, output: Output, files: dict[str, Any]) -> None:
        """See `command.Connector`."""
        spec = source_spec()
        if command == "spec":
            output.message("SPEC", spec=spec)
            return
        # From here on the SDK is needed, which takes a second to load.
        from airbyte_clearbooks import checking, reading
        from airbyte_clearbooks.config import Config

        config = Config(files["config"], spec)
        if command == "check":
            checking.check(config, output)
        elif command == "discover":
            reading.discover(config, output)
        else:
            reading.read(config, output, files["catalog"], files["state"])


def main() -> None:
    """Run `source-clearbooks`."""
    command.main(Source())
