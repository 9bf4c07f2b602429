"""How far a command is, on a terminal; nothing where the output goes elsewhere."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def progress(doing: str, done: Callable[[], int], whole: int | None = None) -> Iterator[None]:
    """Show on standard error how many records are done, while the block runs.

    Args:
        doing: What is done with them: `writing`.
        done: How many are done, asked a few times a second.
        whole: How many there are, where that is known.
    """
    stream = sys.__stderr__
    if stream is None or not stream.isatty():
        yield
        return
    # Imported here, since it takes long and only a terminal needs it.
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    def shown() -> Text:
        of = f" of {whole}" if whole is not None else ""
        return Text(f"{doing}: {done()}{of} records")

    with Live(console=Console(file=stream), get_renderable=shown, transient=True):
        yield
