"""Filters above a listing: the fields of a form, and what was entered there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a filter.

    Attributes:
        name: Its name in the query.
        label: What people read.
        type: `search`, `date`, or `select` with its options.
        options: Values and their labels.
    """

    name: str
    label: str
    type: str = "search"
    options: tuple[tuple[str, str], ...] = ()


SINCE, UNTIL = Field("since", "From", "date"), Field("until", "Up to", "date")


class Filter:
    """What was entered into the fields of a filter.

    Attributes:
        query: What was entered, by field.
        values: The same, without what is no date in a field for one.
        problem: What is wrong with it; empty where nothing is.
    """

    def __init__(self, fields: Sequence[Field], entered: Mapping[str, str]) -> None:
        self.fields = fields
        self.query = {field.name: entered.get(field.name, "") for field in fields}
        self.values, self.problem = dict(self.query), ""
        for field in fields:
            if field.type == "date" and not _is_date(self.query[field.name]):
                self.problem = f"{self.query[field.name]} is not a date. Write it as 2010-12-31."
                self.values[field.name] = ""

    @property
    def status(self) -> int:
        """Status of the page that shows it."""
        return 400 if self.problem else 200

    @property
    def used(self) -> bool:
        """Whether anything was entered."""
        return any(self.query.values())


def within(day: str, entered: Mapping[str, str]) -> bool:
    """Whether an ISO date lies between `SINCE` and `UNTIL`, both included."""
    return entered["since"] <= day <= (entered["until"] or "9999-12-31")


def _is_date(text: str) -> bool:
    try:
        return not text or date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
