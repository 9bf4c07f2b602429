"""A plan counted: what is created, changed and refused, and what it comes to."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from target_clearbooks.ledger.amounts import ZERO, decimal
from target_clearbooks.plan import read_plan, read_refused
from target_clearbooks.prepare.shapes import folded_keys, from_json
from target_clearbooks.source_key import reversed_key
from target_clearbooks.worth import worth

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SHOWN = 3
MOST_REFUSED = 20
_WORDS = {
    "create": "create",
    "post": "create",
    "update": "change",
    "void": "void",
    "delete": "delete",
}
_CONTACTS = ("customer", "supplier", "contact")


@dataclass(slots=True)
class StreamPlan:
    """What a plan does to the records of one stream.

    Attributes:
        counts: Operations by what they do, and `refuse`.
        net: What the operations come to, without VAT; of payments and journals their amounts.
        gross: The same with VAT, of documents; None for others.
        first: Its first operations.
    """

    counts: Counter[str] = field(default_factory=Counter)
    net: Decimal = ZERO
    gross: Decimal | None = None
    first: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class PlanView:
    """A plan, counted.

    Attributes:
        streams: By stream, in the order of the plan.
        refused: The first of what is refused.
        warnings: What a person should know although it is written.
    """

    streams: dict[str, StreamPlan]
    refused: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def operations(self) -> int:
        """How many records would be written."""
        return sum(s.counts.total() - s.counts["refuse"] for s in self.streams.values())

    @property
    def refusals(self) -> int:
        """How many would not."""
        return sum(s.counts["refuse"] for s in self.streams.values())


def view_plan(path: Path, api_url: str) -> PlanView:
    """Read a plan.

    Raises:
        PlanError: it cannot be read, or is for another API.
    """
    streams: defaultdict[str, StreamPlan] = defaultdict(StreamPlan)
    view = PlanView(streams)
    for operation in read_plan(path, api_url):
        stream = streams[operation["stream"]]
        kind = kind_of(operation)
        stream.counts[kind] += 1
        if len(stream.first) < _SHOWN:
            stream.first.append(operation)
        body = operation["body"] or {}
        if kind != "reverse":
            stream.net += worth(body)
        gross = gross_planned(operation)
        if gross is not None and body.get("lineItems"):
            stream.gross = (stream.gross or ZERO) + gross
        key = operation["key"]
        view.warnings += [f"{operation['stream']} {key}: {w}" for w in operation["warnings"]]
    for refused in read_refused(path):
        streams[refused["stream"]].counts["refuse"] += 1
        if len(view.refused) < MOST_REFUSED:
            view.refused.append(refused)
    return view


def kind_of(operation: Mapping[str, Any]) -> str:
    """What an operation does, as a person calls it: a journal is reversed by another one."""
    return "reverse" if reversed_key(operation["key"]) else _WORDS[operation["operation"]]


def gross_planned(operation: Mapping[str, Any]) -> Decimal | None:
    """What an operation comes to with VAT: as its record states it, else as it was worked out.

    Plans of earlier versions have what the record states alone.
    """
    stated = gross_of(operation["record"])
    worked_out = operation.get("gross")
    return stated if stated is not None or worked_out is None else decimal(worked_out)


def gross_of(record: Mapping[str, Any]) -> Decimal | None:
    """What a record states as its total with VAT, or what its lines state."""
    given = folded_keys(record, ("gross", "lineItems"))
    try:
        if "gross" in given:
            return decimal(given["gross"])
        lines = from_json(given.get("lineItems"))
        parts = [folded_keys(line, ("gross", "grossUnitPrice", "quantity")) for line in lines or ()]
        if parts and all("gross" in p or "grossUnitPrice" in p for p in parts):
            return sum(
                (
                    decimal(p["gross"])
                    if "gross" in p
                    else decimal(p["grossUnitPrice"]) * decimal(p.get("quantity", 1))
                    for p in parts
                ),
                ZERO,
            )
    except (ValueError, InvalidOperation, AttributeError, TypeError):
        pass
    return None


def whom(record: Mapping[str, Any]) -> str:
    """Whom a record is about, as it calls them."""
    given = folded_keys(record, (*_CONTACTS, "name"))
    found = next((given[name] for name in (*_CONTACTS, "name") if name in given), "")
    if isinstance(found, dict):
        found = found.get("name") or found.get("email") or found.get("externalId") or ""
    return str("" if found is None else found)
