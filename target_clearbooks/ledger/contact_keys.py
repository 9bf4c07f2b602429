"""What identifies a customer or supplier: its fields, compared as people mean them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_clearbooks.ledger.spelling import (
    company_number,
    email,
    fold,
    normal_name,
    vat_number,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_SPELLINGS: Mapping[str, Callable[[str], str]] = {
    "vatNumber": vat_number,
    "companyNumber": company_number,
    "email": email,
    "name": normal_name,
}
IDENTITIES = tuple(_SPELLINGS)
"""Fields of a contact that say who it is, beside the source key; best first."""

# What people and programs write where they have no value, folded.
_PLACEHOLDERS = frozenset(
    {
        "na",
        "none",
        "null",
        "nil",
        "nan",
        "undefined",
        "unknown",
        "notknown",
        "notapplicable",
        "notavailable",
        "notprovided",
        "notregistered",
        "notvatregistered",
        "tbc",
        "tba",
        "tbd",
        "pending",
        "x",
        "xx",
        "xxx",
    }
)
# The same in front of the @ of an address.
_NOBODY = _PLACEHOLDERS | {"noemail", "nomail", "noreply", "donotreply", "nobody"}


def contact_key(field: str, value: Any) -> str | None:
    """A field of `IDENTITIES` as it is compared; None where it identifies nobody.

    >>> contact_key("email", " Bills@D.example"), contact_key("vatNumber", "N/A")
    ('bills@d.example', None)
    """
    text = "" if value is None else str(value)
    if not fold(text) or fold(text) in _PLACEHOLDERS:
        return None
    key = _SPELLINGS[field](text)
    if field == "email":
        mailbox, at, _ = key.partition("@")
        return key if at and fold(mailbox) not in _NOBODY else None
    if field != "name" and not any(c in "123456789" for c in key):
        return None  # a number of zeros, or none at all
    return key or None


def compared(
    one: Mapping[str, Any], other: Mapping[str, Any], fields: Iterable[str] = IDENTITIES
) -> tuple[list[str], list[str]]:
    """The fields that both have: those in which two contacts agree, and those that contradict."""
    agreeing: list[str] = []
    contradicting: list[str] = []
    for field in fields:
        ours, theirs = contact_key(field, one.get(field)), contact_key(field, other.get(field))
        if ours is not None and theirs is not None:
            (agreeing if ours == theirs else contradicting).append(field)
    return agreeing, contradicting


def is_somebody_else(agreeing: list[str], contradicting: list[str]) -> bool:
    """Whether two contacts of one source key are two: name and another field contradict.

    A name alone may have been changed, and so may an address.
    """
    return not agreeing and "name" in contradicting and len(contradicting) > 1
