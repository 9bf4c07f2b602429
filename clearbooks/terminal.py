"""Text that fits the terminal on which it is shown."""

from __future__ import annotations

import re
import shutil
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

_CODE = re.compile(r"`[^`\n]*`")
# Stands for a space of a command, which is not broken, since people copy it.
_KEPT = "\0"


def width(stream: TextIO | None) -> int | None:
    """Columns of the terminal behind a stream; None where the stream goes elsewhere."""
    if stream is None or not stream.isatty():
        return None
    return shutil.get_terminal_size().columns


def fit(text: str, columns: int | None, *, taken: int = 0, indent: int = 0) -> str:
    """Text with its lines broken between words; a path and what stands in backticks stay whole.

    Args:
        text: One or more lines.
        columns: How many there are; None leaves the text as it is.
        taken: Columns of the first line that are used by something else.
        indent: Of the lines that follow the first.
    """
    if columns is None:
        return text
    whole = _CODE.sub(lambda found: found.group().replace(" ", _KEPT), text)
    wrapper = textwrap.TextWrapper(
        columns,
        initial_indent=" " * taken,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    lines: list[str] = []
    for line in whole.split("\n"):
        lines += wrapper.wrap(line) or [""]
        wrapper.initial_indent = " " * indent
    return "\n".join(lines)[taken:].replace(_KEPT, " ")
