"""Records that are not written: refused, left to a person, or waiting for a parent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_clearbooks.intent import Missing, Outcome, Quarantined, Rejected, Waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_clearbooks.deliver.business import Engine
    from target_clearbooks.deliver.reject_file import Rejects
    from target_clearbooks.deliver.task import Task
    from target_clearbooks.plan import Planner


class Refusals:
    """Puts down why records of an engine are not written.

    Args:
        engine: Whose records.
        rejects: The reject file.
        planner: The plan of a dry run, which lists them in the file's place.
    """

    def __init__(self, engine: Engine, rejects: Rejects, planner: Planner | None) -> None:
        self.engine = engine
        self.rejects = rejects
        self.planner = planner
        self.rejected = 0

    def refuse(self, task: Task, outcome: Outcome) -> None:
        """Note a record that is not written."""
        assert not isinstance(outcome, Missing)  # noqa: S101 - made, not refused
        if isinstance(outcome, Waiting):
            states = {
                parent: self.engine.outbox.last_state(self.engine.business_id, *parent)
                for parent in outcome.on
            }
            refused = [
                f"{stream} {key!r} was not written"
                for (stream, key), state in states.items()
                if state in ("rejected", "quarantined")
            ]
            if not refused:
                self._wait(task, outcome)
                return
            outcome = Rejected((*outcome.reasons, *refused), "blocked")
        state = "quarantined" if isinstance(outcome, Quarantined) else "rejected"
        candidates = outcome.candidates if isinstance(outcome, Quarantined) else ()
        self.refused(task, state, outcome.kind, outcome.reasons, candidates)

    def refused(
        self,
        task: Task,
        state: str,
        kind: str,
        reasons: Iterable[str],
        candidates: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        """Put a refusal on disk and into the reject file, then let go of the task."""
        reasons, candidates = tuple(reasons), tuple(candidates)
        known = task.recovered and task.row is not None and task.row.state == state
        if self.planner is not None:
            self.planner.refuse(self.engine.business_id, task, kind, reasons, candidates)
        elif not known:
            self.rejects.write(self.engine.business_id, task, kind, reasons, candidates)
        with self.engine.outbox.transaction():
            if task.row is None or task.row.state == "waiting":
                self.engine.outbox.supersede(self.engine.business_id, task.stream, task.source_key)
                task.row = self.engine.outbox.add(self.engine.row(task, kind, reasons), state=state)
            self.engine.outbox.close(
                task.row, state, kind=kind, reasons=reasons, candidates=candidates
            )
            self.engine.outbox.audit(task.row, state, kind=kind)
            if state == "rejected":
                self.engine.outbox.count(self.engine.business_id, task.stream, state)
                self.rejected += 1
        if task.row.sent is not None and state == "quarantined":
            self.engine.unsettled[task.stream, task.source_key] = task.row
        self.engine.settled(task, None)

    def _wait(self, task: Task, outcome: Waiting) -> None:
        with self.engine.outbox.transaction():
            if task.row is None or task.row.state != "waiting":
                self.engine.outbox.supersede(self.engine.business_id, task.stream, task.source_key)
                task.row = self.engine.outbox.add(
                    self.engine.row(task, outcome.kind, outcome.reasons), state="waiting"
                )
                self.engine.outbox.audit(task.row, "waiting")
            self.engine.outbox.wait(task.row, outcome.on)
        self.engine.let_go(task)
