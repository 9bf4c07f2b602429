"""Whole numbers in addresses, forms and files."""

from __future__ import annotations

# What JSON and every database hold exactly.
LARGEST = 2**53


def whole(text: str) -> int | None:
    """The number that a text is; None where it is no number from 0 to `LARGEST`."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST))):
        return None
    number = int(text)
    return number if number <= LARGEST else None
