"""What can be wrong with a record, and the errors of looking something up for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from decimal import Decimal

    from target_clearbooks.intent import Reference

T = TypeVar("T")


class NotFoundInLedgerError(Exception):
    """Nothing matches; the text says what there is."""


class AmbiguousError(Exception):
    """Several match, and none is chosen.

    Attributes:
        candidates: Each as `as_candidate` has it.
    """

    def __init__(self, words: str, candidates: list[dict[str, Any]]) -> None:
        self.candidates = candidates
        super().__init__(words)


class NotYetWrittenError(Exception):
    """A parent from the source that the ledger does not have yet.

    Attributes:
        stream: The parent's stream.
        keys: The source keys that it may have; the first is the one that was given.
    """

    def __init__(self, stream: str, keys: tuple[str, ...]) -> None:
        self.stream = stream
        self.keys = keys
        super().__init__(f"{stream} {keys[0]!r} is not in the ledger yet")


class MissingContactError(Exception):
    """A contact that has to be created first.

    Attributes:
        stream: `customers` or `suppliers`.
        record: Its record, with a source key in `externalId`.
    """

    def __init__(self, stream: str, record: dict[str, Any]) -> None:
        self.stream = stream
        self.record = record
        super().__init__(f"{stream}: {record.get('name')!r} is not in the ledger")


@dataclass(slots=True)
class Findings:
    """Everything that was noticed about one record.

    Attributes:
        faults: Why it cannot be sent.
        warnings: What a person should know; it is sent all the same.
        adjusted: VAT that is set by hand, so that a document comes to what the record says.
        rivals: Records of this run whose refusal would take a fault away.
        ambiguous: `(field, words, candidates)` of every name that fits several.
        waiting: `(field, stream, source keys)` of parents that are not there yet.
        missing: Contacts to be made first.
        depends_on: References that the map resolved.
        looked_in: Streams in which something was found by what it is called.
        expected: Totals that the answer is to be compared with.
        total: What the lines of a document come to, with VAT; None where that is not known.
    """

    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    adjusted: list[str] = field(default_factory=list)
    rivals: list[Reference] = field(default_factory=list)
    ambiguous: list[tuple[str, str, list[dict[str, Any]]]] = field(default_factory=list)
    waiting: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    missing: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    depends_on: list[Reference] = field(default_factory=list)
    looked_in: set[str] = field(default_factory=set)
    expected: dict[str, Any] = field(default_factory=dict)
    total: Decimal | None = None

    def attempt(self, where: str, look: Callable[..., T], *args: Any) -> T | None:
        """What `look(*args)` finds; what it ends in otherwise is noted under the field."""
        try:
            return look(*args)
        except AmbiguousError as error:
            self.ambiguous.append((where, str(error), error.candidates))
        except NotYetWrittenError as error:
            self.waiting.append((where, error.stream, error.keys))
        except MissingContactError as error:
            self.missing.append((error.stream, error.record))
        except (NotFoundInLedgerError, ValueError) as error:
            self.faults.append(f"{where}: {error}")
        return None

    def found_by(self, references: Sequence[Reference], *streams: str) -> None:
        """Note how a name was resolved.

        Args:
            references: Those of the map that led to it; empty where it was looked for.
            streams: Where it was looked for by what it is called.
        """
        self.depends_on.extend(references)
        if not references:
            self.looked_in.update(streams)

    def mentions(self, where: str) -> bool:
        """Whether something is noted about a field already: then "is required" is not added."""
        starts = (f"{where}:", f"{where}.", f"{where}[")
        return (
            any(fault.startswith(starts) for fault in self.faults)
            or any(path == where for path, _, _ in self.ambiguous)
            or any(path == where for path, _, _ in self.waiting)
        )
