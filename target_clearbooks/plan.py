"""A plan: every operation of a dry run, written down, to be looked at and carried out later."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from clearbooks.contract import HOME_CURRENCY
from clearbooks.errors import SettingError
from clearbooks.exact_json import encode_any, loads
from target_clearbooks.intent import content_hash
from target_clearbooks.ledger.amounts import money
from target_clearbooks.ledger.matching import diff
from target_clearbooks.output_files import open_output, utc_now
from target_clearbooks.worth import worth

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from target_clearbooks.intent import Intent

VERSION = 1
_LONGEST_HEAD = 4096
FIRST = -1_000_000_000
PLANNED = {"planned": "id", "planned_account": "accountCode"}
"""Entries of an operation that stand for what it makes, and the field that has it then."""


class PlanError(SettingError):
    """A plan cannot be read, or the ledger is not any more as it was when it was made."""


class PlanFile:
    """Writes a plan line by line; the last line seals it.

    Args:
        path: Where to.
        api_url: The API that the plan is for.
        kind: `target` or `undo`.
    """

    def __init__(self, path: Path, api_url: str, kind: str) -> None:
        self.path = path
        self._file = os.fdopen(open_output("plan_path", path, os.O_TRUNC | os.O_WRONLY), "wb")
        self._seal = hashlib.sha256()
        self.totals: Counter[tuple[str, str]] = Counter()
        self._sums: dict[str, dict[str, Decimal]] = {}
        self._line(
            {
                "type": "plan",
                "version": VERSION,
                "kind": kind,
                "api_url": api_url,
                "made": utc_now(),
            }
        )

    def _line(self, value: Mapping[str, Any]) -> None:
        data = encode_any(value) + b"\n"
        self._seal.update(data)
        self._file.write(data)

    def operation(
        self,
        intent: Intent,
        *,
        planned: int | str | None,
        planned_account: int | None = None,
        before: Mapping[str, Any] | None = None,
    ) -> None:
        """Add an operation.

        Args:
            intent: What would be sent.
            planned: Stands for the ID of what it creates.
            planned_account: Stands for the account code that a new bank account comes with.
            before: What the ledger holds of it.
        """
        body = intent.body
        raw = isinstance(body, bytes)
        changes = diff(before or {}, body) if isinstance(body, dict) and before else []
        self.add(
            {
                "type": "operation",
                "business": intent.business_id,
                "stream": intent.stream,
                "key": intent.source_key,
                "operation": str(intent.operation),
                "params": dict(intent.params),
                "id": intent.remote_id,
                "planned": planned,
                "planned_account": planned_account,
                "body": None if raw else body,
                "sha256": hashlib.sha256(body).hexdigest() if isinstance(body, bytes) else None,
                "gross": intent.total,
                "diff": [change.as_json() for change in changes],
                "seen": content_hash(before) if before is not None else None,
                "marker": intent.marker,
                "depends_on": list(intent.depends_on),
                "warnings": [*intent.warnings, *intent.adjusted],
                "record": dict(intent.record),
            }
        )

    def add(self, operation: Mapping[str, Any]) -> None:
        """Add an operation as `read_plan` yields it."""
        stream, body = operation["stream"], operation["body"]
        self.totals[stream, operation["operation"]] += 1
        if isinstance(body, dict) and (sum_of := worth(body)):
            sums = self._sums.setdefault(stream, {})
            currency = str(body.get("currency") or HOME_CURRENCY)
            sums[currency] = sums.get(currency, Decimal(0)) + sum_of
        self._line(operation)

    def refused(
        self,
        business_id: int,
        stream: str,
        key: str,
        kind: str,
        reasons: Iterable[str],
        candidates: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        """Add what would not be written, and why."""
        self.totals[stream, kind] += 1
        self._line(
            {
                "type": "refused",
                "business": business_id,
                "stream": stream,
                "key": key,
                "class": kind,
                "reasons": list(reasons),
                "candidates": list(candidates),
            }
        )

    def comes_to(self) -> dict[str, dict[str, str]]:
        """What the operations on each stream come to, by currency."""
        return {
            stream: {currency: money(amount) for currency, amount in sums.items()}
            for stream, sums in self._sums.items()
        }

    def seal(self) -> None:
        """Write the totals and the seal: without them `read_plan` refuses the plan."""
        totals: dict[str, dict[str, int]] = {}
        for (stream, what), number in sorted(self.totals.items()):
            totals.setdefault(stream, {})[what] = number
        end = {
            "type": "end",
            "totals": totals,
            "comes_to": self.comes_to(),
            "sha256": self._seal.hexdigest(),
        }
        self._file.write(encode_any(end) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def is_planned(remote_id: Any) -> bool:
    """Whether an ID stands for a record that the plan itself creates."""
    return isinstance(remote_id, int) and remote_id < FIRST


def planned_ids(operation: Mapping[str, Any]) -> set[int]:
    """Negative IDs in an operation that stand for what the plan itself makes."""
    return set(_integers([operation["id"], operation["params"], operation["body"]]))


def _integers(value: Any) -> Iterator[int]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _integers(item)
    elif (number := planned_number(value)) is not None:
        yield number


def planned_number(value: Any) -> int | None:
    """The planned ID that a value is, also as text where the API's ID is text."""
    if isinstance(value, str) and value[:1] == "-" and value[1:].isdigit():
        value = int(value)
    return value if isinstance(value, int) and value < FIRST else None


def is_plan(path: Path) -> bool:
    """Whether a file begins as a plan does."""
    try:
        with path.open("rb") as file:
            head = loads(file.readline(_LONGEST_HEAD))
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError, ArithmeticError):
        return False
    return isinstance(head, dict) and head.get("type") == "plan"


def read_plan(path: Path, api_url: str) -> Iterator[dict[str, Any]]:
    """The operations of a plan, after its seal was checked.

    Raises:
        PlanError: it is none, was changed, or is for another API.
    """
    seal = hashlib.sha256()
    last: dict[str, Any] = {}
    try:
        with path.open("rb") as file:
            previous = b""
            for line in file:
                if previous:
                    seal.update(previous)
                previous = line
            last = loads(previous)
        with path.open("rb") as file:
            head = loads(file.readline())
    except OSError as error:
        raise PlanError(f"{path}: {error.strerror}") from None
    except (msgspec.MsgspecError, ValueError, RecursionError, ArithmeticError):
        raise PlanError(f"{path} is not a plan") from None
    if not isinstance(head, dict) or head.get("type") != "plan" or head.get("version") != VERSION:
        raise PlanError(f"{path} is not a plan of version {VERSION}")
    if not isinstance(last, dict) or last.get("type") != "end":
        raise PlanError(f"{path} is not whole: what wrote it did not come to its end; make it anew")
    if last.get("sha256") != seal.hexdigest():
        raise PlanError(f"{path} was changed since it was made; make it again")
    if head["api_url"] != api_url:
        raise PlanError(f"{path} is for {head['api_url']}, not for {api_url}")
    return _of_type(path, "operation")


def read_refused(path: Path) -> Iterator[dict[str, Any]]:
    """What a plan that `read_plan` has checked would not write, and why."""
    return _of_type(path, "refused")


def _of_type(path: Path, kind: str) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            value = loads(line)
            if value["type"] == kind:
                yield value
