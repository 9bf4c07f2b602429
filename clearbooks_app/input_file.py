"""The file that `clearbooks plan` and `clearbooks write` are given, as messages for the target."""

from __future__ import annotations

import shlex
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clearbooks_files.errors import FileError, MappingError
from clearbooks_files.mapping import load_mapping, presets
from clearbooks_files.readers import kind_of
from clearbooks_files.readers.tables import fold
from clearbooks_files.source import SourceFile
from target_clearbooks.line_faults import LineError, decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from clearbooks_files.source import Counts

_LINES = (".jsonl", ".ndjson", ".singer")
# What messages are called that hold no record; those of a record of ours, such as a stock item, may
# have a type, too.
_TYPES = ("SCHEMA", "STATE", "ACTIVATE_VERSION", "BATCH")


@dataclass(frozen=True, slots=True)
class Input:
    """Messages, and what is to be said of where they come from.

    Attributes:
        messages: RECORD messages, or whatever a file of Singer messages holds.
        about: One line each: what was read, how, and which totals were right.
    """

    messages: Iterable[Mapping[str, Any]]
    about: list[str] = field(default_factory=list)


@contextmanager
def open_input(
    path: Path, how: str | None, stream: str | None, options: Mapping[str, str]
) -> Iterator[Input]:
    """Read a file, and check it against its own totals.

    Args:
        path: The file.
        how: The preset or mapping; where it is left out, the preset that knows the file's header.
        stream: Of a file of JSON lines: the stream of records that are no messages.
        options: Values for the options of the mapping.

    Raises:
        FileError: it cannot be read so, or does not come to its own totals.
        MappingError: there is no such mapping, or several presets know the file.
    """
    if how is None and path.suffix.lower() in _LINES:
        yield Input(_messages(path, stream), [f"{path.name}: JSON lines"])
        return
    if stream is not None:
        raise FileError("--stream: goes with JSON lines; of another file the mapping tells streams")
    name = how or _known_by(path)
    with closing(SourceFile(path, load_mapping(name), options)) as source:
        mapping = source.mapping
        yield Input(
            ({"type": "RECORD", "stream": s, "record": r} for s, r in source.records()),
            [f"{path.name}, read as {name} ({mapping.title}): {_told(source.counts)}"],
        )


def _told(counts: Counts) -> str:
    parts = [f"{counts.rows} rows"]
    parts += [
        f"{number} {what}"
        for number, what in (
            (counts.left_out, "left out by the mapping"),
            (counts.blank, "blank"),
            (counts.totals, "of totals"),
        )
        if number
    ]
    checked = [f"{name}: {amount}" for name, amount in counts.checked]
    return ", ".join(parts) + (f"; checked: {'; '.join(checked)}" if checked else "")


def _known_by(path: Path) -> str:
    """The preset that reads a file of this kind, or with this header.

    Raises:
        MappingError: there is none, or there are several.
    """
    kind = kind_of(path)
    found = []
    for name in presets():
        layout = load_mapping(name).file
        by_header = kind in ("csv", "sheet") and layout.header and _has(path, kind, layout.header)
        if by_header or (layout.kind == kind and not layout.header):
            found.append(name)
    if len(found) == 1:
        return found[0]
    if found:
        raise MappingError(f"{path.name}: may be read as {' or '.join(found)}; say which by --as")
    raise MappingError(
        f"{path.name}: no preset knows its columns; give one by --as, or make a mapping: "
        f"`clearbooks mapping guess {shlex.quote(str(path))}`"
    )


def _has(path: Path, kind: str, header: tuple[str, ...]) -> bool:
    """Whether one of the first rows holds all columns of a header."""
    wanted = {fold(name) for name in header}
    return any(wanted <= {fold(cell) for cell in cells} for cells in first_rows(path, kind))


def first_rows(path: Path, kind: str) -> list[list[Any]]:
    """The cells of the first rows of a table, by every separator that text may have."""
    if kind == "sheet":
        from clearbooks_files.readers.sheets import first_cells

        return first_cells(path)
    from clearbooks_files.readers.text import first_cells as of_text

    return of_text(path)


def _messages(path: Path, stream: str | None) -> Iterator[Mapping[str, Any]]:
    """The messages of a file of JSON lines; records that are none are wrapped."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    found = decode(line)
                except LineError as error:
                    raise FileError(f"{path.name} line {number}: {error}") from None
                if found is None:
                    continue
                if found.get("type") in _TYPES or ("type" in found and "record" in found):
                    yield found
                elif stream is None:
                    raise FileError(
                        f"{path.name} line {number}: is a record and no Singer message; name its "
                        "stream by --stream, such as --stream customers"
                    )
                else:
                    yield {"type": "RECORD", "stream": stream, "record": found}
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from None


def parsed_options(given: Iterable[str]) -> dict[str, str]:
    """The options of `--set NAME=VALUE`.

    Raises:
        MappingError: one has no `=`.
    """
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise MappingError(f"--set {text}: should be NAME=VALUE")
        found[name.strip()] = value.strip()
    return found
