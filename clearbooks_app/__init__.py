"""The command line `clearbooks`. A subcommand's module is imported only when it is called.

It stands on top of tap, target and sandbox; nothing imports this package.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

from clearbooks import DISTRIBUTION, __version__
from clearbooks.errors import ClearBooksError
from clearbooks.terminal import fit, width

# By the group of the help, and by name: the module, its command, and the line that the help shows
# without importing it.
GROUPS = {
    "Start": {
        "sandbox": (
            "clearbooks_app.sandbox",
            "sandbox",
            "Run a stand-in Clear Books to try things on.",
        ),
        "connect": (
            "clearbooks_app.connect",
            "connect",
            "Connect an account: consent in a browser, tokens into the store.",
        ),
        "doctor": (
            "clearbooks_app.doctor",
            "doctor",
            "Look for what is wrong, and say what to do about it.",
        ),
        "ui": ("clearbooks_app.ui", "ui", "Open a page for people, with an API for programs."),
    },
    "Read": {
        "businesses": (
            "clearbooks_app.account",
            "businesses",
            "List the businesses that the authorisation covers.",
        ),
        "status": (
            "clearbooks_app.status",
            "status",
            "Show the connection, its scopes, businesses and newest syncs.",
        ),
        "meltano-config": (
            "clearbooks_app.meltano",
            "meltano_config",
            "Print the settings for Meltano: for .env or for meltano.yml.",
        ),
    },
    "Write": {
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
        "apply": (
            "clearbooks_app.apply",
            "apply",
            "Carry out a plan that a dry run or an undo has written.",
        ),
    },
    "Repair": {
        "syncs": (
            "clearbooks_app.syncs",
            "syncs",
            "List the runs of tap and target and what they did.",
        ),
        "map": (
            "clearbooks_app.map",
            "map_",
            "Show and set which source record is which in the ledger.",
        ),
        "undo": ("clearbooks_app.apply", "undo", "Plan how to take back what a run made."),
        "rebuild": (
            "clearbooks_app.map",
            "rebuild",
            "Restore the map of the target from the ledger.",
        ),
    },
    "Run": {
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
        "tokens": ("clearbooks_app.tokens", "tokens", "Move tokens from one store to another."),
        "completion": (
            "clearbooks_app.completion",
            "completion",
            "Print what makes a shell complete the words of this program.",
        ),
    },
}
COMMANDS = {name: entry for group in GROUPS.values() for name, entry in group.items()}
_START = """\b
Start here:
  clearbooks sandbox --demo        in a terminal of its own
  clearbooks connect --sandbox --write --save clearbooks.json
  clearbooks ui --config clearbooks.json"""


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
        from clearbooks_app import output

        try:
            return super().invoke(ctx)
        except ClearBooksError as error:
            output.error(str(error))
            code = error.exit_code
        except click.ClickException as error:
            taken = len(f"Error: {error.format_message()}") - len(error.message)
            if taken > 0 and "\n" not in error.message:
                fitted = fit(error.message, width(sys.stderr), taken=taken)
                error.message = fitted  # type: ignore[misc]
            raise
        except (click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except Exception as error:
            if os.environ.get("CLEARBOOKS_TRACEBACK"):
                raise
            # Its text is left out, since it may hold a token or personal data.
            output.error(
                f"a fault of this program ({type(error).__name__}); run it again with "
                "CLEARBOOKS_TRACEBACK=1 in the environment to see where"
            )
            code = 1
        raise click.exceptions.Exit(code)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help from the table, without importing anything."""
        del ctx
        # The module `map` of this package hides the function.
        width = max(len(name) for name in COMMANDS)
        for group, commands in GROUPS.items():
            with formatter.section(group):
                formatter.write_dl([(name.ljust(width), e[2]) for name, e in commands.items()])


@click.group(cls=LazyGroup, epilog=_START, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name=DISTRIBUTION)
def main() -> None:
    """Move the ledgers of Clear Books."""
