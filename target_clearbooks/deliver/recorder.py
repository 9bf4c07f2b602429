"""What becomes of a record, put on disk: each settlement in one transaction of the state store.

A settlement is everything that belongs together: the row of the outbox, the map, what is wanted
of an allocation, the audit log and the counts. Of a refusal the reject file (or in a dry run the
plan) has a line before the store notes it.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_clearbooks.allocation_ends import pair_of
from target_clearbooks.deliver.reallocations import Reallocations, is_another
from target_clearbooks.deliver.replacing import AT_MOST
from target_clearbooks.deliver.source_place import placed
from target_clearbooks.intent import Quarantined, Rejected, WriteOperation
from target_clearbooks.ledger.amounts import decimal
from target_clearbooks.ledger.likeness import likeness
from target_clearbooks.ledger.statement_lines import line_marks
from target_clearbooks.prepare.contacts import named_by_key
from target_clearbooks.source_key import reversed_key
from target_clearbooks.store.outbox import Row
from target_clearbooks.worth import comes_to
from target_clearbooks.writable import WRITABLE, Kind, Settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from target_clearbooks.deliver.results import Results
    from target_clearbooks.deliver.task import Task
    from target_clearbooks.intent import Intent, Mapped, Reference, Waiting
    from target_clearbooks.store.ledger_map import Applied, LedgerMap
    from target_clearbooks.store.outbox import Outbox
    from target_clearbooks.store.totals import Amounts

    Refuse = Callable[[int, Task, str, Sequence[str], Sequence[Mapping[str, Any]]], None]

logger = logging.getLogger("target-clearbooks")

_WRITES = ("written", "updated", "replaced", "reversed", "voided")


class Recorder:
    """Puts down what becomes of the records of one business.

    Args:
        business_id: The business.
        outbox: Where intents stand.
        ledger_map: What records became.
        refuse: Lists a record that is not written: the reject file, or a plan.
        results: Has a line for every record.

    Attributes:
        rejected: How many records were refused in this run.
    """

    def __init__(
        self,
        business_id: int,
        outbox: Outbox,
        ledger_map: LedgerMap,
        refuse: Refuse,
        results: Results,
    ) -> None:
        self._business_id = business_id
        self._outbox = outbox
        self._map = ledger_map
        self._refuse = refuse
        self._results = results
        self._reallocations = Reallocations(business_id, outbox, ledger_map)
        self.rejected = 0

    # Before and after a request

    def sending(self, tasks: Iterable[Task]) -> None:
        """Put intents on disk, before their first byte leaves."""
        outbox = self._outbox
        with outbox.transaction():
            for task in tasks:
                task.sends += 1
                if task.row is not None and task.row.state != "waiting":
                    task.row.intent = task.wanted
                    outbox.send_again(task.row, task.snapshot)
                    continue
                outbox.supersede(self._business_id, task.stream, task.source_key)
                task.row = outbox.add(
                    self._row(task), state="sending", snapshot=task.snapshot, sent=True
                )
                outbox.audit(task.row, "sending", operation=str(task.wanted.operation))

    def uncertain(self, task: Task, reason: str) -> None:
        """No answer told whether it was carried out."""
        with self._outbox.transaction():
            self._outbox.doubt(task.sent_row, reason)
            self._outbox.audit(task.sent_row, "uncertain")

    def not_carried_out(self, task: Task, state: str, reasons: Iterable[str]) -> None:
        """It surely was not carried out: left to the next run, or `superseded`."""
        with self._outbox.transaction():
            self._outbox.close(task.sent_row, state, reasons=reasons)

    # Settlements

    def done(self, task: Task, record: Mapping[str, Any], outcome: str) -> Reference | None:
        """It stands in the ledger; returns the key of a contact that it has made known."""
        outcome = _counted_as(task, outcome)
        with self._outbox.transaction():
            applied = self._map.applied(task.stream, task.source_key)
            before = applied.mapped if applied else None
            mapped = self._stands_for(task, record, applied)
            named = self._name_contact(task.whole)
            self._reallocations.follow(task, record, before, mapped)
            self._want(task)
            self._reversed(task)
            self._mark_lines(task)
            amounts = self._amounts(task, record, before)
            self._close(task, record, outcome, before, mapped, amounts)
            if task.kept and applied is not None:
                self._reallocations.wait(task.stream, task.source_key, task.kept, applied)
            self._add_up(task, outcome, amounts)
        self._tell(task.stream, task.source_key, outcome)
        return named

    def _stands_for(self, task: Task, record: Mapping[str, Any], applied: Applied | None) -> Mapped:
        """Let the map know what the key stands for now."""
        intent = task.whole
        new = record.get("id", intent.remote_id)
        return self._map.set(
            task.stream,
            task.source_key,
            0 if new is None else new,
            run=self._outbox.run.id,
            content=intent.hash,
            record=applied.record_hash if applied and task.kept else task.hash,
            voided=intent.removes,
            likeness=_likeness(task, applied),
            remote_type=record.get("found"),
        )

    def _amounts(
        self, task: Task, record: Mapping[str, Any], before: Mapped | None
    ) -> Amounts | None:
        amounts = comes_to(task.whole, record)
        if amounts is None and before is not None:
            # What takes a record back is answered without it.
            totals = self._outbox.run.totals
            amounts = totals.last(self._business_id, task.stream, task.source_key)
        return amounts

    def _close(
        self,
        task: Task,
        record: Mapping[str, Any],
        outcome: str,
        before: Mapped | None,
        mapped: Mapped,
        amounts: Amounts | None,
    ) -> None:
        """Bring its row to rest, with what an undo and the results file have to know."""
        intent = task.whole
        if task.row is None:
            self._outbox.supersede(self._business_id, task.stream, task.source_key)
            task.row = self._outbox.add(self._row(task), state="planned")
        new_one = outcome in ("written", "replaced", "reversed")
        made = new_one and (before is None or before.voided or is_another(task, before, mapped))
        result: dict[str, Any] = {"id": mapped.remote_id, "outcome": outcome, "made": made}
        if number := record.get("formattedDocumentNumber"):
            result["number"] = str(number)
        if amounts is not None:
            result["amounts"] = amounts.as_list()
        self._outbox.close(task.row, "done", result=result)
        warnings = [*intent.warnings, *intent.adjusted] or None
        self._outbox.audit(
            task.row, outcome, id=mapped.remote_id, was=intent.remote_id, warnings=warnings
        )

    def _add_up(self, task: Task, outcome: str, amounts: Amounts | None) -> None:
        """Count it, and add what it comes to."""
        run = self._outbox.run
        self.count(task.stream, outcome)
        run.save_counts()
        if amounts is not None and outcome in _WRITES:
            run.totals.add(self._business_id, task.stream, outcome, amounts)

    def _name_contact(self, intent: Intent) -> Reference | None:
        """Keep whom a key meant that led to a contact of the ledger by its name or address.

        Others may give the key alone, such as the payment of an invoice.
        """
        field = WRITABLE[intent.stream].contact
        number = intent.body.get(field) if field and isinstance(intent.body, dict) else None
        named = named_by_key(intent.record) if number is not None else None
        if named is None or number is None or self._map.refer(*named) is not None:
            return None
        reference = (named[0], self._map.keys_of(named[1])[0])
        self._map.name(*reference, number)
        return reference

    def _reversed(self, task: Task) -> None:
        """Let the key of a journal that was reversed stand for nothing: it may come anew."""
        journal = WRITABLE[task.stream].kind is Kind.JOURNAL
        key = reversed_key(task.source_key) if journal else None
        mapped = self._map.find(task.stream, key) if key else None
        if mapped is not None:
            self._map.set(
                task.stream,
                mapped.source_key,
                mapped.remote_id,
                run=self._outbox.run.id,
                content=task.whole.hash,
                record=task.hash,
                voided=True,
            )

    def _mark_lines(self, task: Task) -> None:
        """Keep which lines of a bank statement stand in the ledger."""
        if WRITABLE[task.stream].kind is Kind.BANK_STATEMENT:
            for mark, words in line_marks(task.whole.body):
                self._map.mark(task.stream, mark, words)

    def _tell(self, stream: str, source_key: str, outcome: str) -> None:
        if self._results.wanted:
            mapped = self._map.find(stream, source_key)
            number = self._outbox.number_of(self._business_id, stream, source_key)
            self._results.write(
                self._business_id,
                stream,
                source_key,
                outcome,
                ledger_id=mapped.remote_id if mapped else None,
                number=number,
            )

    def _want(self, task: Task) -> None:
        """Keep what is wanted of an allocation."""
        intent = task.whole
        if WRITABLE[task.stream].settle is not Settle.CONVERGE:
            return
        if intent.removes:
            self._map.allocated.unwant(task.stream, task.source_key)
        elif intent.operation is WriteOperation.CREATE:
            amount = Decimal(str(intent.body["amount"]))
            self._map.allocated.want(task.stream, task.source_key, pair_of(intent.body), amount)

    def unchanged(self, task: Task, applied: Applied | None) -> None:
        """Nothing was to be done; the map remembers this spelling of the record."""
        self.known(task.stream, task.source_key)
        if applied is None:
            return
        with self._outbox.transaction():
            self._map.set(
                task.stream,
                task.source_key,
                applied.mapped.remote_id,
                run=self._outbox.run.id,
                content=applied.hash,
                record=task.hash,
                voided=applied.mapped.voided,
                likeness=_likeness(task, applied),
            )
            self._outbox.supersede(self._business_id, task.stream, task.source_key)

    def known(self, stream: str, source_key: str) -> None:
        """Exactly this record was written before."""
        self.count(stream, "unchanged")
        self._tell(stream, source_key, "unchanged")

    def refused(self, task: Task, outcome: Rejected | Quarantined) -> None:
        """It is not written, or a person has to decide."""
        outcome = replace(outcome, reasons=placed(task.record, outcome.reasons))
        outbox = self._outbox
        state = "quarantined" if isinstance(outcome, Quarantined) else "rejected"
        candidates = outcome.candidates if isinstance(outcome, Quarantined) else ()
        if not (task.recovered and task.row is not None and task.row.state == state):
            self._refuse(self._business_id, task, outcome.kind, outcome.reasons, candidates)
        with outbox.transaction():
            if task.row is None or task.row.state == "waiting":
                outbox.supersede(self._business_id, task.stream, task.source_key)
                task.row = outbox.add(self._row(task, outcome), state=state)
            outbox.close(
                task.row, state, kind=outcome.kind, reasons=outcome.reasons, candidates=candidates
            )
            outbox.audit(task.row, state, kind=outcome.kind)
            if state == "rejected":
                if AT_MOST in task.record:
                    # What was taken back stays so; the source's own record may bring it again.
                    self._map.reopen(task.stream, task.source_key)
                self.count(task.stream, state)
                self.rejected += 1
        self._results.write(
            self._business_id, task.stream, task.source_key, state, reasons=outcome.reasons
        )

    def was_refused(self, stream: str, source_key: str) -> bool:
        """Whether the newest record of a source key was refused in this run."""
        state = self._outbox.last_state(self._business_id, stream, source_key)
        return state == "rejected"

    def waiting(self, task: Task, outcome: Waiting) -> None:
        """It waits on disk for its parents."""
        outcome = replace(outcome, reasons=placed(task.record, outcome.reasons))
        outbox = self._outbox
        with outbox.transaction():
            if task.row is None or task.row.state != "waiting":
                outbox.supersede(self._business_id, task.stream, task.source_key)
                task.row = outbox.add(self._row(task, outcome), state="waiting")
                outbox.audit(task.row, "waiting")
            outbox.wait(task.row, outcome.on)

    def moved(self, stream: str, key: str, old: int | str, new: int | str) -> None:
        """Somebody else made a newer revision of what a key became."""
        with self._outbox.transaction():
            self._map.moved(stream, key, new)
            self._map.allocated.replaced(stream, old, new)

    def overtaken(self, task: Task, earlier: str) -> None:
        """A later record of its key came in the same run as one with the hash `earlier`."""
        with self._outbox.transaction():
            self._map.overtake(task.stream, task.source_key, earlier)

    def not_sent(self, stream: str, source_key: str) -> None:
        """A record was not sent, since a later one of its key has come."""
        self.count(stream, "overtaken")
        self._results.write(self._business_id, stream, source_key, "overtaken")

    def withdrawn(self, stream: str, source_key: str) -> None:
        """What was put aside for a later record of its key does not count: that has come."""
        with self._outbox.transaction():
            self._outbox.supersede(self._business_id, stream, source_key)
        self.not_sent(stream, source_key)

    def count(self, stream: str, outcome: str) -> None:
        """Count an outcome; on disk with the next settlement."""
        self._outbox.run.count(self._business_id, stream, outcome)

    def _row(self, task: Task, outcome: Rejected | Quarantined | Waiting | None = None) -> Row:
        return Row(
            self._business_id,
            task.stream,
            task.source_key,
            dict(task.record),
            task.hash,
            task.intent,
            key_properties=task.key_properties,
            kind=outcome.kind if outcome else None,
            reasons=outcome.reasons if outcome else (),
        )


def _counted_as(task: Task, outcome: str) -> str:
    """The word for an outcome where something was taken back for the sake of a record."""
    if task.replaced and outcome in ("written", "updated"):
        return "replaced"
    return "reversed" if task.step_of and outcome == "written" else outcome


def _likeness(task: Task, applied: Applied | None) -> dict[str, Any] | None:
    """What the map keeps of a record beside its identity: see `ledger.likeness`.

    Of an allocation it is the most that it may come to, where it may be raised later.
    """
    if WRITABLE[task.stream].kind is Kind.ALLOCATION:
        most = task.record.get(AT_MOST)
        return {} if most is None else {AT_MOST: decimal(most)}
    before = applied.likeness if applied else {}
    if task.intent is None:
        return None if before is None else dict(before)
    return {**(before or {}), **likeness(task.stream, task.whole.body)}
