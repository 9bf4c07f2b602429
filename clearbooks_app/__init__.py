"""The command line `clearbooks`. A subcommand's module is imported only when it is called.

It stands on top of tap, target and sandbox; nothing imports this package.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

import click

from clearbooks import DISTRIBUTION, __version__
from clearbooks.errors import ClearBooksError

if TYPE_CHECKING:
    from collections.abc import Sequence

# Name -> (module, its command, the line that `clearbooks --help` shows without importing it).
COMMANDS = {
    "apply": (
        "clearbooks_app.apply",
        "apply",
        "Carry out a plan that a dry run or an undo has written.",
    ),
    "map": (
        "clearbooks_app.map",
        "map_",
        "Show and set which source record is which in the ledger.",
    ),
    "mapping": (
        "clearbooks_app.mapping",
        "mapping",
        "Look at, guess and check how files become records.",
    ),
    "plan": (
        "clearbooks_app.write",
        "plan",
        "Show what a file would write, and leave the plan.",
    ),
    "write": (
        "clearbooks_app.write",
        "write",
        "Write a file into the ledger, once a person has seen the plan.",
    ),
    "rebuild": (
        "clearbooks_app.map",
        "rebuild",
        "Restore the map of the target from the ledger.",
    ),
    "syncs": (
        "clearbooks_app.syncs",
        "syncs",
        "List the runs of tap and target and what they did.",
    ),
    "undo": (
        "clearbooks_app.apply",
        "undo",
        "Plan how to take back what a run made.",
    ),
    "businesses": (
        "clearbooks_app.account",
        "businesses",
        "List the businesses that the authorisation covers.",
    ),
    "completion": (
        "clearbooks_app.completion",
        "completion",
        "Print what makes a shell complete the words of this program.",
    ),
    "connect": (
        "clearbooks_app.connect",
        "connect",
        "Connect an account: consent in a browser, tokens into the store.",
    ),
    "connections": (
        "clearbooks_app.account",
        "connections",
        "List the token stores of this user and what they hold.",
    ),
    "disconnect": (
        "clearbooks_app.account",
        "disconnect",
        "Forget the tokens of an application.",
    ),
    "doctor": (
        "clearbooks_app.doctor",
        "doctor",
        "Look for what is wrong, and say what to do about it.",
    ),
    "meltano-config": (
        "clearbooks_app.meltano",
        "meltano_config",
        "Print the settings for Meltano: for .env or for meltano.yml.",
    ),
    "status": (
        "clearbooks_app.status",
        "status",
        "Show the connection, its scopes, businesses and newest syncs.",
    ),
    "tokens": (
        "clearbooks_app.tokens",
        "tokens",
        "Move tokens from one store to another.",
    ),
    "sandbox": (
        "clearbooks_app.sandbox",
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

    def invoke(self, ctx: click.Context) -> object:
        """Run the subcommand; whatever goes wrong ends in one line and the right exit code."""
        try:
            return super().invoke(ctx)
        except ClearBooksError as error:
            click.echo(f"Error: {error}", err=True)
            code = error.exit_code
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except Exception as error:
            if os.environ.get("CLEARBOOKS_TRACEBACK"):
                raise
            # Its text is left out, since it may hold a token or personal data.
            click.echo(
                f"Error: a fault of this program ({type(error).__name__}); run it again with "
                "CLEARBOOKS_TRACEBACK=1 in the environment to see where",
                err=True,
            )
            code = 1
        raise click.exceptions.Exit(code)

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
