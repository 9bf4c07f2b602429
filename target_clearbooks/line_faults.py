"""A line of the input that nobody can use: why not, and what it looks like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from clearbooks.errors import ClearBooksError
from clearbooks.exact_json import loads

LONGEST = 64 * 1024 * 1024
"""Bytes of the longest line that is read; an attachment of 20 MiB fits well."""

LINE = "LINE"
"""Type of an entry of the reject file that holds a line which is no message, in `text`."""

ADVICE = (
    "The target takes Singer messages, one JSON object a line, such as "
    '{"type": "RECORD", "stream": "customers", "record": {"externalId": "C-1", "name": "Ada"}}; '
    "let a tap read other files and pipe its output in"
)

# The usual kind first: to ask an abstract one takes long.
_OBJECT = (dict, Mapping)
_BOM = b"\xef\xbb\xbf"
_MOST_LEVELS = 64
TOO_DEEP = f"nested more than {_MOST_LEVELS} levels deep"
_MOST_SHOWN = 60
_NUL_WITHIN = 200
# What each type of message must hold.
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "SCHEMA": ("stream", "schema"),
    "RECORD": ("stream", "record"),
    "STATE": ("value",),
    "ACTIVATE_VERSION": (),
}
# What a line of JSON raises that cannot be decoded.
_FAILURES = (msgspec.DecodeError, UnicodeError, RecursionError, ArithmeticError)
_ENVELOPE = re.compile(r'\{.{0,2000}?"type"\s*:\s*"(?:SCHEMA|RECORD|STATE|ACTIVATE_VERSION)"')
_SURROGATE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_NO_NUMBER = re.compile(r"[:,\[]\s*(-?(?:NaN|Infinity|inf))\b", re.IGNORECASE)
_BEGINNINGS = {"PK": "an Excel or ZIP file", "%PDF": "a PDF file", "<": "XML or HTML"}
_SEPARATORS = (",", ";", "\t", "|")


class InputError(ClearBooksError):
    """The input is not what the Singer specification asks for."""

    exit_code = 2


class LineError(InputError):
    """One message of the input cannot be used; the run can go on without it.

    Args:
        reason: Why not, and what it looks like; without its contents.
        message: What the message would be, where its encoding alone is wrong.
        is_message: Whether it is meant to be a Singer message.
    """

    def __init__(
        self, reason: str, message: dict[str, Any] | None = None, *, is_message: bool = True
    ) -> None:
        super().__init__(reason)
        self.message = message
        self.is_message = is_message


def decode(line: bytes) -> dict[str, Any] | None:
    """The message of a line; None for a blank one. A byte order mark in front is skipped.

    Raises:
        LineError: it is none.
    """
    try:
        found = loads(line)
    except _FAILURES as error:
        whole = line.strip()
        rest = whole.removeprefix(_BOM)
        if not rest:
            return None
        if len(rest) < len(whole):
            return decode(rest)
        raise _explained(rest, error) from None
    if not isinstance(found, dict):
        words = "a JSON array: write one message a line" if isinstance(found, list) else "a value"
        raise LineError(f"no Singer message but {words}", is_message=False)
    if line.count(b"[") + line.count(b"{") > _MOST_LEVELS and is_too_deep(found):
        raise LineError(TOO_DEEP)
    return found


def check_message(message: Any) -> None:
    """Make sure that a message holds what its type asks for.

    Raises:
        LineError: it does not.
        InputError: it is of a type that no run can go on without.
    """
    if not isinstance(message, _OBJECT):
        raise LineError("no Singer message", is_message=False)
    kind = message.get("type")
    if kind == "BATCH":
        raise InputError("BATCH messages are not supported; send RECORD messages")
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise LineError(
            f"a message of type {repr(kind)[:_MOST_SHOWN]} is none that a Singer target knows",
            is_message=False,
        )
    for name in _FIELDS[kind]:
        if name not in message:
            raise LineError(f"a {kind} message lacks {name}")
    if "stream" in _FIELDS[kind]:
        _check_stream(kind, message)


def _check_stream(kind: str, message: Mapping[str, Any]) -> None:
    stream, keys = message["stream"], message.get("key_properties")
    if not stream or not isinstance(stream, str):
        raise LineError(f"the stream of a {kind} message should be its name")
    for name in ("schema", "record"):
        if name in message and not isinstance(message[name], _OBJECT):
            raise LineError(f"the {name} of a {kind} message of {stream} is no object")
    if not isinstance(message.get("schema", {}).get("properties", {}), _OBJECT):
        raise LineError(f"the properties in the schema of {stream} are no object")
    if keys is not None and not (
        isinstance(keys, (list, tuple)) and all(isinstance(key, str) for key in keys)
    ):
        raise LineError(f"key_properties of {stream} should be a list of names of fields")


def is_too_deep(value: Any) -> bool:
    """Whether a value is nested deeper than any message is."""
    level = [value]
    for _ in range(_MOST_LEVELS):
        level = [
            item
            for holder in level
            for item in (holder.values() if isinstance(holder, dict) else holder)
            if isinstance(item, (dict, list))
        ]
        if not level:
            return False
    return True


def too_long() -> LineError:
    """What is wrong with a line that is longer than `LONGEST`."""
    return LineError(f"longer than {LONGEST // 1024 // 1024} MiB")


def _explained(line: bytes, error: Exception) -> LineError:
    if line[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in line[:_NUL_WITHIN]:
        words = "not UTF-8: it looks like UTF-16; save or convert it as UTF-8"
        return LineError(words, is_message=False)
    try:
        text = line.decode()
    except UnicodeDecodeError as fault:
        return _of_another_encoding(line, fault)
    is_message = _ENVELOPE.match(text) is not None
    return LineError(_reason(text, error), is_message=is_message)


def _of_another_encoding(line: bytes, fault: UnicodeDecodeError) -> LineError:
    words = f"not UTF-8 (byte 0x{line[fault.start]:02x} at {fault.start})"
    try:
        text = line.decode("cp1252")
    except UnicodeDecodeError:
        kind = _kind(line.decode("latin-1"))
        return LineError(
            f"{words}; it looks like {kind or 'no text'}",
            is_message=_ENVELOPE.match(line.decode("latin-1")) is not None,
        )
    words += "; it looks like Windows-1252"
    if kind := _kind(text):
        words += f" and {kind}"
    try:
        message = loads(text)
    except _FAILURES:
        message = None
    return LineError(
        words,
        message if isinstance(message, dict) and not is_too_deep(message) else None,
        is_message=_ENVELOPE.match(text) is not None,
    )


def _kind(text: str) -> str:
    """What a line that is no JSON looks like; empty where that is not clear."""
    for beginning, kind in _BEGINNINGS.items():
        if text.startswith(beginning):
            return kind
    if text[:1] not in "{[" and any(text.count(mark) for mark in _SEPARATORS):
        return "CSV"
    return ""


def _reason(text: str, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return TOO_DEEP
    if isinstance(error, (msgspec.ValidationError, ArithmeticError)):
        return "a number has more digits than can be read"
    if kind := _kind(text):
        return f"no JSON: it looks like {kind}"
    if any(found[1] for found in _SURROGATE.finditer(text)):
        return r"no JSON: it holds half a character, such as \ud800 alone"
    if found := _NO_NUMBER.search(text):
        return f"no JSON: {found[1]} is no number; send null"
    return f"no JSON: {error}"
