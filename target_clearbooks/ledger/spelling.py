"""Names compared as people mean them, and the closest of several."""

from __future__ import annotations

import difflib
import re
import unicodedata
from functools import lru_cache
from html import unescape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_NOT_WORD = re.compile(r"[^\w]+|_+")
_APOSTROPHES = re.compile(r"['’‘`´]")  # noqa: RUF001 - the ones that people type
_DOTTED = re.compile(r"\b(?:\w\.){2,}(?:\w\b)?")
_TRADING = re.compile(r"\bt/as?\b|\btrading as\b")
# What one company is called by several people; longer forms first.
_LONG_FORMS = (
    ("public limited company", "plc"),
    ("limited liability partnership", "llp"),
    ("community interest company", "cic"),
    ("cyfyngedig", "ltd"),
    ("cyf", "ltd"),
    ("limited", "ltd"),
    ("company", "co"),
    ("brothers", "bros"),
    ("incorporated", "inc"),
    ("corporation", "corp"),
    ("saint", "st"),
)
# Spellings whose form is remembered: enough for those that come again and again.
_MOST_KEPT = 4096
_FORMS = [(re.compile(rf"\b{long}\b"), short) for long, short in _LONG_FORMS]


@lru_cache(maxsize=_MOST_KEPT)
def normal_name(name: str) -> str:
    """A contact's name without what spellings differ in.

    Case, accents, punctuation, spaces, `&` and "and", a leading "The", "Limited" and "Ltd",
    "Public Limited Company" and "PLC" make no difference; "Smith Ltd" and "Smith" do.

    >>> normal_name("The Jones & Co. LIMITED") == normal_name("JONES AND COMPANY LTD")
    True
    """
    found = unicodedata.normalize("NFKD", unescape(name))
    found = "".join(c for c in found if not unicodedata.combining(c)).casefold()
    found = _DOTTED.sub(lambda m: m.group().replace(".", ""), found)
    found = _APOSTROPHES.sub("", found)
    found = _TRADING.sub(" ta ", found)
    found = found.replace("&", " and ").replace("+", " and ")
    found = " ".join(_NOT_WORD.sub(" ", found).split())
    found = found.removeprefix("the ")
    for pattern, short in _FORMS:
        found = pattern.sub(short, found)
    # "and" joins nothing where it stands at an end, as in "Smith & Sons & Ltd".
    return " ".join(found.split())


@lru_cache(maxsize=_MOST_KEPT)
def fold(name: str) -> str:
    """A label without case, punctuation and spaces: `unit_price`, `Unit price`, `unitPrice`."""
    return _NOT_WORD.sub("", unescape(name)).casefold()


@lru_cache(maxsize=_MOST_KEPT)
def digits(value: str) -> str:
    """Letters and digits alone, upper case: sort codes, account numbers, VAT numbers."""
    return "".join(c for c in value if c.isalnum()).upper()


def alike(one: str, other: str) -> bool:
    """Whether two texts may be one that a server has written its own way.

    HTML entities, case, punctuation and spaces make no difference, and letters outside ASCII may
    have lost their accents, or be gone altogether.

    >>> alike("Café 7 & Söhne", "Caf? 7 & S?hne"), alike("Café 7 & Söhne", "cafe 7 &amp; sohne")
    (True, True)
    >>> alike("PO 71", "PO 72")
    False
    """
    return not _ascii_forms(one).isdisjoint(_ascii_forms(other))


def _ascii_forms(text: str) -> set[str]:
    text = unescape(text).casefold()
    forms = (text, unicodedata.normalize("NFKD", text))
    return {"".join(c for c in form if c.isascii() and c.isalnum()) for form in forms}


def same_treatment(one: str, other: str, side: str | None = None) -> bool:
    """Whether two keys name one VAT treatment; an answer may put S or P in front of it.

    `side` is `sales` or `purchases`, whose letter alone is taken off; both where it is None.

    >>> same_treatment("UK", "SUK"), same_treatment("PUK", "uk", "purchases")
    (True, True)
    >>> same_treatment("PUK", "UK", "sales"), same_treatment("SE", "GE")
    (False, False)
    """
    one, other = fold(one), fold(other)
    prefixes = "sp" if side is None else side[0]
    return one == other or any(one == p + other or other == p + one for p in prefixes)


def vat_number(value: str, country: str = "GB") -> str:
    """A VAT number without spaces; the country's own prefix makes no difference."""
    return digits(value).removeprefix(country)


def company_number(value: str) -> str:
    """A company number; leading zeros, which spreadsheets drop, make no difference."""
    return digits(value).lstrip("0")


def email(value: str) -> str:
    """An e-mail address as it is compared."""
    return value.strip().casefold()


def closest(name: str, known: Iterable[str], likeness: float = 0.7) -> str | None:
    """The known name that was probably meant, or None; `likeness` is at most 1, the same."""
    by_fold = {fold(k): k for k in known}
    wanted = fold(name)
    if wanted in by_fold:
        return by_fold[wanted]
    found = difflib.get_close_matches(wanted, by_fold, n=1, cutoff=likeness)
    return by_fold[found[0]] if found else None


def join_names(names: Collection[str], most: int = 12) -> str:
    """Names for a message, cut where there are many."""
    some = list(names)[:most]
    rest = len(names) - len(some)
    return ", ".join(some) + (f" and {rest} more" if rest > 0 else "") if some else "none"
