"""A record of the ledger compared with what an intent wants: is it the one, and what differs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from html import unescape
from typing import TYPE_CHECKING, Any

import msgspec

from clearbooks import document_status
from target_clearbooks.intent import content_hash, is_marker
from target_clearbooks.ledger.amounts import decimal, money
from target_clearbooks.ledger.contact_keys import IDENTITIES, contact_key
from target_clearbooks.ledger.spelling import (
    alike,
    company_number,
    digits,
    fold,
    same_treatment,
    vat_number,
)
from target_clearbooks.writable import WRITABLE, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from target_clearbooks.intent import Intent

_PENNY = Decimal("0.01")
# No field of a ledger is shorter than this: what ends before was not cut, but is another's.
_SHORTEST_CUT = 15
# An API may write these its own way; otherwise one is found missing that stands there.
_SPELLINGS: Mapping[str, Callable[[str], str]] = {
    "vatNumber": vat_number,
    "companyNumber": company_number,
    "sortCode": digits,
    "accountNumber": digits,
    "iban": digits,
}
_NUMBERS = frozenset({"amount"})


def is_voided(record: Mapping[str, Any]) -> bool:
    """Whether a document no longer counts, although the API still shows it."""
    return document_status.is_voided(record.get("status"), record.get("formattedDocumentNumber"))


def is_paid(record: Mapping[str, Any]) -> bool:
    """Whether nothing is due any more: by the amounts, since words for it differ."""
    due, gross = record.get("due"), record.get("gross")
    return due is not None and not _number(due) and bool(_number(gross))


def identities(intent: Intent) -> list[str]:
    """What a create may have in common with another that the ledger could not tell from it.

    Two creates that share one of these are never in doubt at the same time.
    """
    if intent.marker:
        return [intent.marker]
    writable, body = WRITABLE[intent.stream], intent.body
    if writable.kind is Kind.JOURNAL:
        return [content_hash([body.get("accountingDate"), sorted(_sums(body["lines"]).items())])]
    if isinstance(body, bytes):
        return [content_hash([intent.params, len(body)])]
    if writable.contact:
        return [content_hash([body.get(writable.contact), body.get("date")])]
    if writable.kind is Kind.CONTACT:
        named = ((field, contact_key(field, body.get(field))) for field in IDENTITIES)
        return [content_hash(key) for key in named if key[1]] or [content_hash(body)]
    found = []
    for keys in writable.keys:
        values = [_compared(name, body.get(name)) for name in keys.split("+")]
        if all(values):
            found.append(content_hash([keys, values]))
    return found or [content_hash(body)]


def find_matches(records: Iterable[Mapping[str, Any]], intent: Intent) -> list[Mapping[str, Any]]:
    """The records that may be what the intent wanted.

    First by what identifies one, coarsely, since the API may have tidied what was sent: a missed
    record would be written twice. Only where several are left do their contents decide.
    """
    found = [record for record in records if _could_be(record, intent)]
    if len(found) > 1 and isinstance(intent.body, dict):
        exact = [record for record in found if not diff(record, intent.body)]
        return exact or found
    return found


def _could_be(record: Mapping[str, Any], intent: Intent) -> bool:
    if is_voided(record):
        return False
    if isinstance(intent.body, bytes):
        # A server may replace what it does not like in a file name.
        name = fold(str(intent.params.get("fileName")))
        equal_name = fold(str(record.get("name") or "")) == name
        return equal_name and _number(record.get("size")) == len(intent.body)
    marked = _marked(record, intent)
    if marked is not None and (not marked or is_marker(str(intent.marker))):
        return marked
    writable = WRITABLE[intent.stream]
    if writable.contact:
        return _equal_document(record, intent.body, writable.contact, numbered=not marked)
    return _equal_keys(record, intent.body, writable.keys)


def _marked(record: Mapping[str, Any], intent: Intent) -> bool | None:
    """Whether the record carries the marker; None where the intent has none."""
    name = WRITABLE[intent.stream].marker
    if not intent.marker or not name:
        return None
    text, marker = _text(record.get(name)), _text(intent.marker)
    if name == "description":
        return marker in text.split()
    # A reference of the record's own may hold letters that the server writes its own way.
    return text == marker or (not is_marker(str(intent.marker)) and alike(text, marker))


def resembles(record: Mapping[str, Any], intent: Intent) -> bool:
    """Whether a document or payment without our marker may be what the intent wants.

    It is of that contact and date, and has the same reference, or the same contents and no other
    reference or description.
    """
    writable = WRITABLE[intent.stream]
    if not writable.contact or not writable.marker:
        return False
    if _equal_text(record, intent.body, "reference"):
        return True
    here, there = (_own_text(found.get(writable.marker)) for found in (intent.body, record))
    # One that ends early may have been cut by the server.
    other = here and there and not (here.startswith(there) or there.startswith(here))
    return not other and _equal_document(record, intent.body, writable.contact)


def identified(record: Mapping[str, Any], intent: Intent) -> bool:
    """Whether one that `resembles` the intent also bears its number or reference."""
    contact = WRITABLE[intent.stream].contact
    return _equal_document(record, intent.body, str(contact)) and any(
        _equal_text(record, intent.body, name) for name in ("reference", "documentNumber")
    )


def _own_text(value: Any) -> str:
    """A reference or description without a marker of ours."""
    return _text(" ".join(word for word in str(value or "").split() if not is_marker(word)))


def _equal_text(record: Mapping[str, Any], body: Mapping[str, Any], name: str) -> bool:
    text = _text(body.get(name))
    return bool(text) and _text(record.get(name)) == text


def maybe_altered(record: Mapping[str, Any], intent: Intent) -> bool:
    """Whether a record is like the intent, but for a marker that may have been cut or dropped."""
    writable = WRITABLE[intent.stream]
    if not (intent.marker and writable.marker and writable.contact) or is_voided(record):
        return False
    text, whole = _text(record.get(writable.marker)), _text(intent.body.get(writable.marker))
    return (_cut(text, whole) or not text) and _equal_document(
        record, intent.body, writable.contact, numbered=False
    )


def _cut(text: str, whole: str) -> bool:
    """Whether a text may be what a server has left of another."""
    return len(text) >= _SHORTEST_CUT and text != whole and whole.startswith(text)


def _equal_document(
    record: Mapping[str, Any], body: Mapping[str, Any], contact: str, *, numbered: bool = True
) -> bool:
    """Whether a document or payment has the contact, date and contents of a body.

    Where it is `numbered`, an equal number stands for the contents, and another one tells it
    apart; else a server may have given it a number of its own.
    """
    names = [contact, "date"]
    number = body.get("documentNumber")
    if body.get("amount") is not None:
        names += ["amount", "bankAccountId"]
    elif numbered and number:
        names.append("documentNumber")
    elif not _equal_lines(record, body.get("lineItems", ())):
        return bool(number) and _equal_document(record, body, contact)
    return all(
        _compared(name, record.get(name)) == _compared(name, body.get(name)) for name in names
    )


def _equal_lines(record: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> bool:
    """Whether there are as many lines and the net is theirs, but for the pennies of rounding.

    A list may leave lines out: then the net alone decides.
    """
    if len(record.get("lineItems", lines)) != len(lines):
        return False
    net = sum(
        (_number(row.get("unitPrice")) * _number(row.get("quantity")) for row in lines), Decimal(0)
    )
    if record.get("net") is None:
        return True
    return abs(_number(record["net"]) - net) <= _PENNY * len(lines)


def _equal_keys(record: Mapping[str, Any], body: Mapping[str, Any], keys: tuple[str, ...]) -> bool:
    """Whether the first key that both have is the same."""
    for key in keys:
        names = key.split("+")
        mine = [_compared(name, body.get(name)) for name in names]
        theirs = [_compared(name, record.get(name)) for name in names]
        if all(mine) and all(theirs):
            return mine == theirs
    return False


def equal_journals(transactions: Iterable[Mapping[str, Any]], body: Mapping[str, Any]) -> list[int]:
    """IDs of the transactions that hold the postings of a journal."""
    wanted = _sums(body["lines"])
    return [
        found["id"]
        for found in transactions
        if found.get("accountingDate") == body["accountingDate"]
        and _sums(found.get("lines", ())) == wanted
    ]


def _sums(lines: Iterable[Mapping[str, Any]]) -> dict[int, Decimal]:
    """Sums by account: an API may merge two lines of an account, or drop one of 0."""
    sums: Counter[int] = Counter()
    for line in lines:
        sums[int(line["accountCodeId"])] += _number(line.get("amount"))  # type: ignore[assignment]
    return {account: Decimal(total).normalize() for account, total in sums.items() if total}


def _compared(name: str, value: Any) -> str:
    """A field's value, in the one spelling in which it is compared."""
    if name in _NUMBERS and value is not None:
        value = _number(value)  # some APIs send amounts as text
    spelling = _SPELLINGS.get(name)
    return spelling(str(value or "")) if spelling else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return f"{_number(value).normalize():f}"
    return " ".join(unescape(str(value)).split()).casefold() if value is not None else ""


def _number(value: Any) -> Decimal:
    try:
        return Decimal(str(value or 0))
    except InvalidOperation:
        return Decimal(0)


# What an update would change


@dataclass(frozen=True, slots=True)
class Change:
    """A field that an update would change, such as `lineItems[0].unitPrice`.

    `old` and `new` are None where the field was or becomes absent.
    """

    field: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.field}: {_in_words(self.old)} → {_in_words(self.new)}"

    def as_json(self) -> dict[str, Any]:
        """For a line of a plan; decimals as strings."""
        return {"field": self.field, "old": _as_json(self.old), "new": _as_json(self.new)}


def diff(old: Mapping[str, Any], body: Mapping[str, Any]) -> list[Change]:
    """What sending `body` would change in the remote record `old`, field by field.

    Fields that the body leaves out stay as they are, and so are no change. Lists are compared
    item by item, unless they hold the same in another order; what the API alone adds to an item is
    no change. Numbers compare by value, also where the API sent them as strings.
    """
    return list(_changes("", old, body))


def unchanged(record: Mapping[str, Any], body: Any) -> bool:
    """Whether a record of the ledger already is as the body wants it."""
    return isinstance(body, dict) and not diff(record, body)


def became(record: Mapping[str, Any], body: Any) -> bool:
    """Whether a new revision may be what a body became whose reply was lost.

    Its texts may be spelled in the server's own way, or cut.
    """
    return isinstance(body, dict) and not any(_changes("", record, body, _maybe_equal))


def _equal_values(old: Any, new: Any) -> bool:
    """Whether two plain values are equal; empty text and absence are alike, numbers go by value."""
    if old == new or (old in (None, "", [], {}) and new in (None, "", [], {})):
        return True
    if isinstance(old, str) and isinstance(new, str):
        return unescape(old) == unescape(new)
    if isinstance(new, (Decimal, int)) and not isinstance(new, bool) and old is not None:
        try:
            return decimal(old) == decimal(new)
        except ValueError:
            return False
    return False


def _maybe_equal(old: Any, new: Any) -> bool:
    if isinstance(old, str) and isinstance(new, str) and (alike(old, new) or _cut(old, new)):
        return True
    return _equal_values(old, new)


def _changes(
    where: str, old: Any, new: Any, equal: Callable[[Any, Any], bool] = _equal_values
) -> Iterator[Change]:
    if isinstance(new, dict) and isinstance(old, dict):
        for name, value in new.items():
            path = f"{where}.{name}" if where else name
            yield from _changes(path, old.get(name), value, equal)
    elif isinstance(new, list) and isinstance(old, list):
        if _same_items(where, old, new, equal):
            return
        for n, value in enumerate(new):
            before = old[n] if n < len(old) else None
            yield from _changes(f"{where}[{n}]", before, value, equal)
        for n in range(len(new), len(old)):
            yield Change(f"{where}[{n}]", old[n], None)
    elif where == "vatTreatment" and same_treatment(str(old), str(new)):
        return
    elif not equal(old, new):
        yield Change(where, old, new)


def _same_items(
    where: str, old: list[Any], new: list[Any], equal: Callable[[Any, Any], bool]
) -> bool:
    """Whether a list holds what is wanted, in whatever order."""
    left = list(old)
    for value in new:
        same = (n for n, item in enumerate(left) if not any(_changes(where, item, value, equal)))
        found = next(same, None)
        if found is None:
            return False
        del left[found]
    return not left


def _as_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _as_json(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_as_json(v) for v in value]
    return money(value) if isinstance(value, Decimal) else value


def _in_words(value: Any) -> str:
    if value is None:
        return "nothing"
    return msgspec.json.encode(_as_json(value)).decode()
