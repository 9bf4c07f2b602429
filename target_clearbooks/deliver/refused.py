"""What follows from a write that the API has refused: it surely was not carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_clearbooks.allocation_ends import allocation_ends
from target_clearbooks.deliver import refusals
from target_clearbooks.deliver.decision import Done, Gone, Hold
from target_clearbooks.deliver.refusals import Kept
from target_clearbooks.deliver.replacing import freed_first, is_replaced
from target_clearbooks.intent import OUTCOMES, Rejected, WriteOperation

if TYPE_CHECKING:
    from clearbooks.errors import ApiError
    from target_clearbooks.deliver.decision import Decision
    from target_clearbooks.deliver.reconcile import Reconciler
    from target_clearbooks.deliver.recorder import Recorder
    from target_clearbooks.deliver.task import Task
    from target_clearbooks.ledger.lookups import Lookups
    from target_clearbooks.settings import TargetSettings


class Refused:
    """Decides what becomes of records that the API has refused.

    Args:
        settings: Of the target.
        reconciler: Reads the ledger.
        recorder: Puts down what was learnt of it.
        lookups: The ledger's lists, as this run has read them.
    """

    def __init__(
        self,
        settings: TargetSettings,
        reconciler: Reconciler,
        recorder: Recorder,
        lookups: Lookups,
    ) -> None:
        self._settings = settings
        self._reconciler = reconciler
        self._sender = reconciler.sender
        self._map = reconciler.map
        self._recorder = recorder
        self._lookups = lookups

    def decide(self, task: Task, error: ApiError, *, ends: bool) -> Decision:
        """What is to become of a record.

        Args:
            task: The record.
            error: The refusal.
            ends: Whether the run is ending, so that nothing is begun again.
        """
        if not ends and self._follows_revision(task, error):
            return Hold()
        if refusals.is_gone(task, error, self._sender):
            lost = task.sends + task.recovered > 1
            if lost:
                self._recorder.count(task.stream, "recovered")
            return Done({}, OUTCOMES[task.wanted.operation] if lost else "unchanged")
        kept = refusals.kept_by(task, error, self._sender, self._map)
        again = None if ends else self._again(task, kept)
        if again is not None:
            self._not_carried_out(task, error)
            return again
        return Rejected(refusals.reasons(task, error, kept), "rejected")

    def _again(self, task: Task, kept: Kept | None) -> Decision | None:
        """What takes away the reason against an update, where that may be done."""
        update = task.wanted.operation is WriteOperation.UPDATE
        if not update or task.fixed or not is_replaced(task, self._settings):
            return None
        if kept is Kept.GONE:
            return Gone()
        if kept is None and not task.replaced and allocation_ends(task.stream):
            # What kept it may have been taken back meanwhile, for another record.
            task.replaced = True
            return Hold()
        freed = kept in (Kept.PAID, Kept.ALLOCATED)
        return freed_first(task, self._map) if freed else None

    def _follows_revision(self, task: Task, error: ApiError) -> bool:
        """Whether somebody made a newer revision, so that the record is prepared again."""
        newer = refusals.newer_revisions(task, error, self._reconciler)
        for stream, key, old, record in newer:
            self._recorder.moved(stream, key, old, record["id"])
            self._lookups.wrote(stream, record, replaces=old)
        if newer:
            self._not_carried_out(task, error)
        return bool(newer)

    def _not_carried_out(self, task: Task, error: ApiError) -> None:
        if task.row is not None:
            self._recorder.not_carried_out(task, "superseded", refusals.words_of(task, error))
            task.row, task.sends = None, 0
