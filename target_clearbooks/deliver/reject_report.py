"""Where a refusal is told: the reject file (in a dry run the plan), the log, and a caller."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_clearbooks.deliver.dry_run import DryRun
    from target_clearbooks.deliver.reject_file import RejectFile
    from target_clearbooks.deliver.task import Task

logger = logging.getLogger("target-clearbooks")

INPUT = "input"
"""Stands for the stream of a line that is no message."""

MOST_LOGGED = 20
_LONGEST = 500

Told = Callable[[str, "Task | None"], None]
"""Called with what was refused and why, and the task where it is a record."""


class RejectReport:
    """Tells of each record and line that is not written, the first twenty in the log.

    Args:
        file: The reject file.
        dry_run: Takes its place in a dry run.

    Attributes:
        told: Called with every refusal.
        number: How many refusals there were.
    """

    def __init__(self, file: RejectFile, dry_run: DryRun | None = None) -> None:
        self._file = file
        self._dry_run = dry_run
        self.told: Told | None = None
        self.number = 0

    def record(
        self,
        business_id: int,
        task: Task,
        kind: str,
        reasons: Iterable[str],
        candidates: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        """Tell of a record that is not written, before the store notes it."""
        reasons = list(reasons)
        self._tell(f"{task.stream} {task.source_key}: {'; '.join(reasons)}", task)
        if self._dry_run is not None:
            self._dry_run.refuse(
                business_id, task.stream, task.source_key, kind, reasons, list(candidates)
            )
        else:
            self._file.record(business_id, task, kind, reasons, candidates)

    def line(self, business_id: int, number: int, text: bytes, reason: str) -> None:
        """Tell of a line that is no message."""
        self._tell(reason, None)
        if self._dry_run is not None:
            self._dry_run.refuse(business_id, INPUT, f"line {number}", "invalid", [reason], ())
        else:
            self._file.line(number, text, reason)

    def _tell(self, words: str, task: Task | None) -> None:
        self.number += 1
        # One line each, whatever a key or a name holds.
        words = "".join(c if c.isprintable() else " " for c in words[:_LONGEST])
        if self.number <= MOST_LOGGED:
            logger.warning("not written: %s", words)
        if self.told is not None:
            self.told(words, task)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
