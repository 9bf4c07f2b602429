"""JSON that keeps every digit of a number: what has a fraction is a `Decimal`, both ways."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

encode = msgspec.json.Encoder(decimal_format="number").encode
"""A value as JSON, in bytes."""

encode_any = msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode
"""The same; a value of a type that JSON does not know becomes text."""

loads: Callable[[bytes | str], Any] = msgspec.json.Decoder(float_hook=Decimal).decode
"""The value of JSON, with numbers as `int` and `Decimal`.

Raises:
    msgspec.DecodeError: it is not JSON.
"""


def dumps(value: Any) -> str:
    """A value as JSON, in text."""
    return encode(value).decode()
