"""What an error answer says: each fault as plain text, and the field that it is about."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import msgspec

from clearbooks.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_FAULTS = 20
_MOST_WORDS = 300
# Only what can be a tag: "quantity < 5 or > 9" holds none.
_BREAK = re.compile(r"</?(?:br|p|div|li|ul|ol|tr|td|h[1-6])\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z][^<>]*>", re.IGNORECASE)
_INDEX = re.compile(r"\[(\d+)\]")
# Under which names an object tells what a fault is about.
_POINTERS = ("pointer", "field", "path", "property", "parameter", "name", "source")
# What stands before the field in the path of some APIs: the request, and not a field of it.
_ROOTS = frozenset({"", "#", "$", "body", "request", "data", "attributes"})


def read_faults(body: bytes) -> list[Fault]:
    """The faults of an error body; empty where it is not JSON.

    Known shapes: `{"errors": [{errorCode, errorMessage, source}]}`, a bare array of such objects,
    one object, the `{error, error_description}` of RFC 6749, arrays of strings. Everything else,
    such as a login page, is left out: it may hold personal data.
    """
    try:
        data = msgspec.json.decode(body)
    except msgspec.MsgspecError:
        return []
    return list(_faults(data))[:_MOST_FAULTS]


def _faults(data: Any) -> Iterator[Fault]:
    if isinstance(data, list):
        for item in data:
            yield from _faults(item)
    elif isinstance(data, str):
        yield Fault("", plain_text(data))
    elif isinstance(data, dict):
        for name in ("errors", "error"):
            if isinstance(data.get(name), (list, dict)):
                yield from _faults(data[name])
                return
        code = data.get("errorCode", data.get("code", data.get("error", "")))
        words = data.get("errorMessage", data.get("message", data.get("error_description", "")))
        if code or words:
            yield Fault(
                str(code)[:_MOST_WORDS],
                plain_text(str(words)),
                field_path(data.get("source"))[:_MOST_WORDS],
            )


def plain_text(words: str) -> str:
    """A message without the HTML that the API may put into it.

    >>> plain_text("<p>The <b>name</b> is missing.<br/>Smith &amp; Co</p>")
    'The name is missing. Smith & Co'
    """
    words = html.unescape(_TAG.sub("", _BREAK.sub(" ", words)))
    return " ".join(words.split())[:_MOST_WORDS]


def field_path(source: Any) -> str:
    """The field that a fault names, as a path; empty where it names none.

    The reference does not say how `source` is written, so that a path with dots or brackets, a
    JSON pointer, a list of its parts, and an object that holds one of these are all understood.

    >>> field_path("lineItems[0].vatRateKey"), field_path("/lineItems/0/vatRateKey")
    ('lineItems[0].vatRateKey', 'lineItems[0].vatRateKey')
    """
    if isinstance(source, dict):
        found = (field_path(source[name]) for name in _POINTERS if name in source)
        return next((path for path in found if path), "")
    if isinstance(source, str):
        text = _INDEX.sub(r".\1", source.strip())
        source = text.split("/" if "/" in text else ".")
    if not isinstance(source, list):
        return ""
    parts = [str(part) for part in source if isinstance(part, (str, int))]
    while parts and parts[0] in _ROOTS:
        parts.pop(0)
    path = ""
    for part in parts:
        path += f"[{part}]" if part.isdigit() else f".{part}" if path else part
    return path
