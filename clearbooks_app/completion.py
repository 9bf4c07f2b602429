"""`clearbooks completion`: what a shell needs to complete words."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from clearbooks_app.config import examples

SHELLS = ("bash", "zsh", "fish")


@click.command(
    short_help="Complete words in a shell.",
    epilog=examples(
        "clearbooks completion bash > ~/.local/share/bash-completion/completions/clearbooks",
        "clearbooks completion zsh > ~/.zfunc/_clearbooks",
        "clearbooks completion fish > ~/.config/fish/completions/clearbooks.fish",
    ),
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that makes SHELL complete the words of this program."""
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click knows these shells
    click.echo(kind(ctx.find_root().command, {}, "clearbooks", "_CLEARBOOKS_COMPLETE").source())
