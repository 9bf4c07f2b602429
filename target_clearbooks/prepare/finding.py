"""What looking for something can end in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class NotFoundInLedger(Exception):  # noqa: N818 - an outcome, not a fault of the program
    """Nothing matches; the text says what there is."""


class Ambiguous(Exception):  # noqa: N818 - as above
    """Several match, and none is chosen.

    Attributes:
        candidates: `id` or `key`, and a name, of each.
    """

    def __init__(self, words: str, candidates: list[dict[str, Any]]) -> None:
        self.candidates = candidates
        super().__init__(words)


class NotYet(Exception):  # noqa: N818 - as above
    """A parent from the source that the ledger does not have yet.

    Attributes:
        stream: The parent's stream.
        external_id: Its source key.
    """

    def __init__(self, stream: str, external_id: str) -> None:
        self.stream = stream
        self.external_id = external_id
        super().__init__(f"{stream} {external_id!r} is not in the ledger yet")


@dataclass(slots=True)
class Findings:
    """Everything that was noticed about one record.

    Attributes:
        faults: Why it cannot be sent.
        warnings: What a person should know; it is sent all the same.
        unclear: `(field, words, candidates)` of every name that fits several.
        waiting: `(stream, external id)` of parents that are not there yet.
    """

    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    unclear: list[tuple[str, str, list[dict[str, Any]]]] = field(default_factory=list)
    waiting: list[tuple[str, str]] = field(default_factory=list)

    def bad_under(self, path: str) -> bool:
        """Whether something is noted about a field already."""
        starts = (f"{path}:", f"{path}.", f"{path}[")
        return any(fault.startswith(starts) for fault in self.faults) or any(
            where == path for where, _, _ in self.unclear
        )
