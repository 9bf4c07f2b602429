"""The kinds of files that can be read, each by a library that is kept up; `docs/files.md` says why.

A reader is imported when a file of its kind is read, so that text files need nothing beyond the
plain install.
"""

from __future__ import annotations

import zipfile
from importlib import import_module
from typing import TYPE_CHECKING

from clearbooks.distribution import install
from clearbooks_files.errors import FileError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from clearbooks_files.layout import Layout
    from clearbooks_files.rows import Row

_SAMPLE = 4096
KINDS = ("csv", "sheet", "ofx", "qif", "mt940", "camt053")
_ENDINGS = {
    **dict.fromkeys((".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"), "sheet"),
    **dict.fromkeys((".ofx", ".qfx"), "ofx"),
    **dict.fromkeys((".sta", ".mt940", ".940"), "mt940"),
    ".qif": "qif",
}
_STRANGE = {
    b"%PDF": "a PDF: export the same as CSV, OFX or a spreadsheet",
    b"\x1f\x8b": "compressed: unpack it first",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
}


def kind_of(path: Path) -> str:
    """What a file is, by its name and its first bytes.

    Raises:
        FileError: it cannot be opened, is empty, or is of a kind that nobody reads.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_SAMPLE)
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from None
    if not head.strip():
        raise FileError(f"{path.name}: is empty")
    for magic, words in _STRANGE.items():
        if head.startswith(magic):
            raise FileError(f"{path.name}: is {words}")
    if head.startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        if head.startswith(b"PK") and not zipfile.is_zipfile(path):
            raise FileError(f"{path.name}: is not whole: a spreadsheet that was cut off")
        return "sheet"
    return _by_text(head) or _ENDINGS.get(path.suffix.lower()) or "csv"


def _by_text(head: bytes) -> str:
    text = head.decode("latin-1").lstrip("\xef\xbb\xbf \r\n\t")
    if text.startswith("OFXHEADER") or "<OFX>" in text.upper():
        return "ofx"
    if text.startswith("!"):
        return "qif"
    if text.startswith("<") and "camt.05" in text:
        return "camt053"
    if text.startswith((":20:", "{1:")) or "\n:20:" in text[:500]:
        return "mt940"
    return ""


def read_rows(path: Path, layout: Layout) -> Iterator[Row]:
    """The rows of a file, as they are needed.

    Args:
        path: The file.
        layout: What the mapping says of it.

    Raises:
        FileError: it is another kind of file, or cannot be read.
    """
    kind = kind_of(path)
    wanted = layout.kind or kind
    if kind != wanted and {kind, wanted} != {"csv", "sheet"}:
        raise FileError(f"{path.name}: is {kind.upper()}, and the mapping reads {wanted.upper()}")
    try:
        module = import_module(f"clearbooks_files.readers.{_MODULES[kind]}")
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        raise FileError(
            f"{path.name}: reading {kind.upper()} needs {missing}: {install('files')}"
        ) from None
    try:
        rows: Iterator[Row] = module.read(path, layout)
        yield from rows
    except OSError as error:
        raise FileError(f"{path}: {error.strerror or error}") from None


_MODULES = {
    "csv": "text",
    "sheet": "sheets",
    "ofx": "ofx",
    "qif": "qif",
    "mt940": "mt940_statements",
    "camt053": "camt053",
}
