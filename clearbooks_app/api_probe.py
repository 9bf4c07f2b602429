"""`clearbooks doctor --api`: does the live API behave as docs/live-api.md assumes?

Only reads. What comes out are verdicts, counts, the names of streams and the API's own words and
keys: no name, no ID and no amount of anybody's books, so that the report can be handed on.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from msgspec import MsgspecError

from clearbooks.errors import ClearBooksError, NotFoundError
from clearbooks.scopes import cheapest_params
from clearbooks_app.doctor_checks import Check
from target_clearbooks.ledger.matching import is_voided

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from clearbooks.client import Client
    from clearbooks.contract import Contract, Operation, Resource
    from clearbooks.replies import Reply

    Record = dict[str, Any]
    Outcome = Literal["as assumed", "not so", "cannot tell"]

_LIMIT = 200
_SORTED = 50
# IDs missing from a listing that are asked for by themselves, for each stream.
_GAPS = 3
# What may stand in a report of the API's own: a status, the key of a VAT treatment.
_WORD = re.compile(r"[A-Za-z][A-Za-z _-]{0,24}")
_SEE = "see docs/live-api.md"


@dataclass(slots=True)
class _Fact:
    """What was found of one assumption, stream by stream."""

    outcomes: dict[Outcome, list[str]] = field(default_factory=dict)

    def note(self, outcome: Outcome, stream: str) -> None:
        self.outcomes.setdefault(outcome, []).append(stream)

    def judge(self, stream: str, *, holds: bool | None) -> None:
        """Note whether it holds for a stream; None where its records do not tell."""
        words: dict[bool | None, Outcome] = {True: "as assumed", False: "not so"}
        self.note(words.get(holds, "cannot tell"), stream)

    def check(self, name: str, remedy: str) -> Check:
        found = "; ".join(f"{words}: {', '.join(s)}" for words, s in self.outcomes.items())
        return _check(name, found, remedy, holds=self.holds)

    @property
    def holds(self) -> bool | None:
        if "not so" in self.outcomes:
            return False
        return True if "as assumed" in self.outcomes else None


def _check(name: str, found: str, remedy: str, *, holds: bool | None) -> Check:
    if holds is None:
        return Check(name, "skipped", found or "nothing here that would tell")
    return Check(name, "ok" if holds else "warning", found, "" if holds else remedy)


@dataclass(slots=True)
class _Sample:
    """What was read of a paged list.

    Attributes:
        within: Path parameters of the list.
        reply: Its first page as it comes, of which `rows` are the records.
        newest: The newest records by ID, once sorting was looked at.
    """

    resource: Resource
    within: Mapping[str, Any]
    reply: Reply
    rows: list[Record]
    newest: list[Record] = field(default_factory=list)


class ApiProbe:
    """One look at the API, by way of the first business that may be read.

    Attributes:
        settings: After `checks`: what to change in the settings of tap and target.
    """

    def __init__(self, client: Client, business: int, granted: frozenset[str] | None) -> None:
        self.settings: dict[str, Any] = {}
        self._client = client
        self._contract: Contract = client.contract
        self._business = business
        self._granted = granted
        self._paths = _Fact()
        self._samples: dict[str, _Sample] = {}

    def checks(self) -> Iterator[Check]:
        """Read, and judge one assumption after the other."""
        self._read_lists()
        self._read_single_records()
        yield self._paths.check("paths", "fill in api_paths below, or leave these streams out")
        by_id, by_date = self._sorting()
        yield by_id.check("sorting by ID", f"lists are read whole each time: {_SEE}")
        yield by_date.check("sorting by date", f"the lookback costs more requests: {_SEE}")
        yield self._headers()
        yield self._counts().check("counts in the headers", f"they are not relied on: {_SEE}")
        yield self._voided()
        yield self._lines().check(
            "line items in lists", f"these streams lack them; tell us: {_SEE}"
        )
        yield self._statuses()
        yield self._treatments()
        yield self._headings()

    def _get(self, operation: Operation, params: Mapping[str, Any]) -> Reply:
        return self._client.get(operation.id, params, business_id=self._business)

    def _try(self, operation: Operation, params: Mapping[str, Any], name: str) -> Reply | None:
        """An answer; None where there is none, which is noted of the path."""
        if self._granted is not None and operation.scope not in self._granted:
            self._paths.note("cannot tell", name)
            return None
        try:
            reply = self._get(operation, params)
        except NotFoundError:
            self._paths.note("not so", name)
            self.settings.setdefault("api_paths", {})[operation.id] = "/…"
            return None
        except ClearBooksError:
            self._paths.note("cannot tell", name)
            return None
        self._paths.note("as assumed", name)
        return reply

    def _read_lists(self) -> None:
        for name, resource in self._contract.resources.items():
            if not resource.readable:
                continue
            operation = resource.operations["list"]
            below = {
                ("salesType", "invoices"): "sales_invoices",
                ("purchaseType", "bills"): "bills",
            }
            parents = {
                pair: self._samples[stream].rows[0]["id"]
                for pair, stream in below.items()
                if stream in self._samples and self._samples[stream].rows
            }
            params = cheapest_params(resource, parents)
            if params is None:
                self._paths.note("cannot tell", name)
                continue
            if operation.paged:
                params["limit"] = _LIMIT
            reply = self._try(operation, params, name)
            if reply is not None and operation.paged:
                within = {k: v for k, v in params.items() if k in operation.path_parameters}
                self._samples[name] = _Sample(resource, within, reply, _rows(reply))

    def _read_single_records(self) -> None:
        """One record by its ID, where the path for that is assumed."""
        asked = set()
        for name, sample in self._samples.items():
            operation = sample.resource.operation("get")
            if operation is None or not operation.assumed or operation.id in asked:
                continue
            if not sample.rows:
                self._paths.note("cannot tell", f"one of {name}")
                continue
            asked.add(operation.id)
            self._try(operation, self._one(sample, sample.rows[0]["id"]), f"one of {name}")

    def _one(self, sample: _Sample, record_id: Any) -> dict[str, Any]:
        id_name = sample.resource.operations["get"].path_parameters[-1]
        return {**sample.within, id_name: record_id}

    def _sorting(self) -> tuple[_Fact, _Fact]:
        by_id, by_date = _Fact(), _Fact()
        for name, sample in self._samples.items():
            resource = sample.resource
            if set(resource.dimensions) & set(resource.operations["list"].path_parameters):
                continue  # below one document: too short to tell
            known = resource.schema["properties"]
            key = "id" if "id" in known else "transactionId"
            holds, sample.newest = self._is_sorted(sample, key)
            by_id.judge(name, holds=holds)
            date = next((f for f in ("accountingDate", "date") if f in known), None)
            if name == "payments":
                date = "date"  # which the tap goes by; it has an accounting date, too
            if date:
                by_date.judge(name, holds=self._is_sorted(sample, date)[0])
        return by_id, by_date

    def _is_sorted(self, sample: _Sample, by: str) -> tuple[bool | None, list[Record]]:
        """Whether both directions are kept, with the records of the descending one."""
        operation, found = sample.resource.operations["list"], []
        for direction in ("ascending", "descending"):
            params = {"limit": _SORTED, "sortBy": by, "sortDirection": direction}
            try:
                found.append(_rows(self._get(operation, {**sample.within, **params})))
            except ClearBooksError:
                return False, []
        first, last = ([_value(record.get(by)) for record in page] for page in found)
        if len({*first, *last}) <= 1:
            return None, found[1]
        kept = _rises(first) and _rises(last[::-1]) and first[0] < last[0]
        return kept, found[1]

    def _headers(self) -> Check:
        """Whether the headers come, and pages are as long as was asked for."""
        fact, limits = _Fact(), set()
        for name, sample in self._samples.items():
            reply = sample.reply
            fact.judge(name, holds=None not in (reply.total, reply.limit, reply.pages))
            if reply.limit is not None and reply.limit != _LIMIT:
                limits.add(reply.limit)
        if limits:
            self.settings["page_size"] = max(1, min(limits))
            found = f"pages hold {min(limits)} records where {_LIMIT} were asked for"
            return _check("pagination headers", found, "set page_size", holds=False)
        return fact.check("pagination headers", f"lists are read twice without: {_SEE}")

    def _counts(self) -> _Fact:
        fact = _Fact()
        for name, sample in self._samples.items():
            total, size = sample.reply.total, sample.reply.limit or _LIMIT
            if total is None or (total and not sample.rows):
                fact.judge(name, holds=None if total is None else False)
            elif total <= size:
                fact.judge(name, holds=total == len(sample.rows))
            else:
                last = -(-total // size)
                params = {**sample.within, "limit": _LIMIT, "page": last}
                try:
                    rows = _rows(self._get(sample.resource.operations["list"], params))
                except ClearBooksError:
                    fact.judge(name, holds=None)
                else:
                    fact.judge(name, holds=len(rows) == total - (last - 1) * size)
        return fact

    def _documents(self) -> dict[str, _Sample]:
        kinds = ("salesType", "purchaseType")
        return {n: s for n, s in self._samples.items() if s.resource.fixed.keys() & {*kinds}}

    def _voided(self) -> Check:
        """Whether voided documents and earlier revisions stay in the lists."""
        listed, missing = Counter[str](), Counter[str]()
        for name, sample in self._documents().items():
            listed[name] += sum(map(is_voided, _distinct(sample)))
            missing[name] += 0 if listed[name] else self._voided_and_not_listed(sample)
        if any(listed.values()):
            names = ", ".join(name for name, count in listed.items() if count)
            found = f"listed, although they are voided: {sum(listed.values())} of {names}"
            return _check("voided documents", found, f"filter by status: {_SEE}", holds=False)
        names = ", ".join(name for name, count in missing.items() if count)
        found = f"not listed, though they can be read by ID: of {names}" if names else ""
        return _check("voided documents", found, "", holds=True if names else None)

    def _voided_and_not_listed(self, sample: _Sample) -> int:
        """How many of some IDs that the newest page leaves out are those of voided documents."""
        ids = (str(record.get("id")) for record in sample.newest or sample.rows)
        there = sorted({int(text) for text in ids if text.isdigit()})
        gaps = [n for low, high in pairwise(there) for n in range(low + 1, min(high, low + 3))]
        count = 0
        for number in gaps[-_GAPS:]:
            operation = sample.resource.operations["get"]
            try:
                record = self._get(operation, self._one(sample, number)).record()
            except (ClearBooksError, MsgspecError):
                continue
            count += is_voided(record) or str(record.get("id")) != str(number)
        return count

    def _lines(self) -> _Fact:
        fact = _Fact()
        for name, sample in self._samples.items():
            known = sample.resource.schema["properties"]
            line = next((f for f in ("lineItems", "lines") if f in known), None)
            if line:
                holds = all(record.get(line) for record in sample.rows) if sample.rows else None
                fact.judge(name, holds=holds)
        return fact

    def _statuses(self) -> Check:
        """The words for a status, with what is due; nobody has published them."""
        words = {"draft", "approved", "paid", "voided"}
        seen = Counter[tuple[str, str]]()
        for sample in self._documents().values():
            seen.update((_word(r.get("status")), _how_paid(r)) for r in _distinct(sample))
        found = ", ".join(f"{s} ({paid}): {count}" for (s, paid), count in sorted(seen.items()))
        holds = {s for s, _ in seen} <= words if seen else None
        return _check("statuses", found, f"tell us of other words: {_SEE}", holds=holds)

    def _treatments(self) -> Check:
        keys: dict[str, None] = {}
        operation = self._contract.operations["listVatTreatments"]
        for side in ("sales", "purchases"):
            try:
                rows = _rows(self._get(operation, {"vatType": side}))
            except ClearBooksError:
                continue
            keys |= dict.fromkeys(_word(record.get("key")) for record in rows)
        remedy = f"S and P in front are no matter; translate other keys by references: {_SEE}"
        holds = "UK" in keys if keys else None
        return _check("VAT treatments", ", ".join(keys), remedy, holds=holds)

    def _headings(self) -> Check:
        """Whether a heading is the first four digits of an account code."""
        sample = self._samples.get("account_codes")
        rows = sample.rows if sample else []
        codes = [str(r["id"])[:4] == str(r.get("heading")) for r in rows if r.get("id")]
        found = f"{sum(codes)} of {len(codes)} are the first four digits of the code"
        remedy = f"give `heading` with new account codes: {_SEE}"
        return _check("headings of accounts", found, remedy, holds=all(codes) if codes else None)


def _rows(reply: Reply) -> list[Record]:
    found = reply.json()
    return [r for r in found if isinstance(r, dict)] if isinstance(found, list) else []


def _distinct(sample: _Sample) -> list[Record]:
    return list({str(record.get("id")): record for record in sample.rows + sample.newest}.values())


def _value(value: Any) -> tuple[int, str]:
    """Something to compare by, also where IDs come as strings."""
    text = str(value)
    return (int(text), "") if text.isdigit() else (0, text)


def _rises(values: Sequence[tuple[int, str]]) -> bool:
    return all(low <= high for low, high in pairwise(values))


def _word(value: Any) -> str:
    """The API's own word, or what stands for one that may be anything."""
    text = str(value or "none")
    return text if _WORD.fullmatch(text) else "(another word)"


def _how_paid(record: Record) -> str:
    if record.get("due") is None:
        return "without due"
    try:
        due, gross = (Decimal(str(record.get(name) or 0)) for name in ("due", "gross"))
    except ArithmeticError:
        return "due unknown"
    if not due:
        return "nothing due"
    return "all due" if due == gross else "a part due"
