"""`clearbooks`: the command line. Subcommands are imported only when they are asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

from clearbooks import DISTRIBUTION, __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

# Name -> (module, its command, the line that `clearbooks --help` shows without importing it).
COMMANDS = {
    "sandbox": (
        "clearbooks.cli.sandbox",
        "sandbox",
        "Run a stand-in Clear Books to try things on.",
    ),
}


class LazyGroup(click.Group):
    """A group that knows its subcommands by name and imports one when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all subcommands."""
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand, imported now."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - the table is ours
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help from the table, without importing anything."""
        with formatter.section("Commands"):
            rows: Sequence[tuple[str, str]] = [
                (name, COMMANDS[name][2]) for name in self.list_commands(ctx)
            ]
            formatter.write_dl(rows)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name=DISTRIBUTION)
def main() -> None:
    """Move the ledgers of Clear Books."""
