"""One run over one or more businesses: store, locks, client, writers, exit code, summary."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any, Self

from clearbooks.auth import Name
from clearbooks.businesses import Coverage, chosen_businesses
from clearbooks.client import Client
from clearbooks.errors import ClearBooksError, ForbiddenError, SettingError
from clearbooks.fleet import BusinessStatus, save_statuses
from clearbooks.threads import RequestThreads
from target_clearbooks import report
from target_clearbooks.deliver.business import BusinessWriter
from target_clearbooks.deliver.dry_run import DryRun
from target_clearbooks.deliver.recorder import Recorder
from target_clearbooks.deliver.reject_file import RejectFile
from target_clearbooks.deliver.reject_report import INPUT, RejectReport
from target_clearbooks.deliver.results import Results
from target_clearbooks.deliver.sending import Sender
from target_clearbooks.ledger.lookups import Lookups
from target_clearbooks.plan import PlanFile
from target_clearbooks.run_page import RunPage
from target_clearbooks.store import bind, claim, open_locked, open_store
from target_clearbooks.store.ledger_map import LedgerMap
from target_clearbooks.store.outbox import DOUBTFUL, LEFT, Outbox, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from clearbooks.settings import Connection
    from target_clearbooks.settings import TargetSettings
    from target_clearbooks.store import Store, WriterLocks

_WINDOW = 8
_OPEN_AT_ONCE = 20
EXIT_REJECTED = 3
EXIT_UNSETTLED = 4


class Session:
    """One run; close it after use.

    Args:
        connection: How to reach the API.
        settings: Of the target.
        kind: What the run is: `target` or `apply`.
        stopped: Whether a signal has asked to end.
        client: Replaces the client that the connection makes.
    """

    def __init__(
        self,
        connection: Connection,
        settings: TargetSettings,
        kind: str = "target",
        stopped: Callable[[], bool] = lambda: False,
        client: Client | None = None,
    ) -> None:
        self.connection = connection
        self.settings = settings
        self._began = time.time()
        self.stopped = stopped
        self.businesses: list[int] = []
        self.writers: dict[int, BusinessWriter] = {}
        self._locks: WriterLocks | None = None
        self._plan: PlanFile | None = None
        # Whether the input came to its end, and all of it was settled.
        self._drained = False
        # Lines of the input that were refused.
        self._lines = 0
        self._dry_run: DryRun | None = None
        # In reverse order of what is opened.
        self._closing = ExitStack()
        self.client = self._closing.enter_context(closing(client or Client(connection)))
        self._coverage = Coverage(self.client)
        self.executor = RequestThreads(connection.max_in_flight)
        self.db: Store | None = None
        try:
            self._open(kind)
        except BaseException:
            self.close()
            raise

    def _open(self, kind: str) -> None:
        if self.settings.dry_run and self.settings.plan_path is not None:
            # First, so that no plan of an earlier run is taken for that of one that failed.
            plan = PlanFile(self.settings.plan_path, self.connection.api_url, kind)
            self._plan = self._closing.enter_context(closing(plan))
            self._dry_run = DryRun(self._plan)
        self.businesses = chosen_businesses(self.client)
        if not self.businesses:
            raise SettingError("business_ids: the authorisation covers no business")
        # Of thousands, only those are opened that something is written into.
        first = self.businesses if len(self.businesses) <= _OPEN_AT_ONCE else []
        location = self.settings.state_store
        if self.settings.dry_run:
            # A copy that goes with the run: a dry run leaves the store as it is.
            with closing(open_store(location)) as store:
                self.db = self._closing.enter_context(closing(store.copy()))
            self.outbox = Outbox(self.db, kind, self.businesses)
        else:
            self.db, self._locks = open_locked(self.connection, location, first)
            self._closing.callback(self._locks.release)
            self._closing.callback(self.db.close)
            self.outbox = Outbox(self.db, kind, self.businesses, self._check_writer)
        file = RejectFile(self.settings.rejects_path, self.outbox.run.id)
        self.rejects = self._closing.enter_context(closing(RejectReport(file, self._dry_run)))
        # Of a dry run the plan says what would become of each record.
        path = None if self.settings.dry_run else self.settings.results_path
        self.results = self._closing.enter_context(closing(Results(path, self.outbox.run.id)))
        self.page = self._closing.enter_context(closing(RunPage(self.settings.report_path)))
        for number in first:
            self.writers[number] = self._writer(number)

    def _check_writer(self, business_id: int) -> None:
        if self.db is not None and self._locks is not None:
            self.db.check_writer(business_id)
            self._locks.check(business_id)

    def writer(self, number: int) -> BusinessWriter:
        """The writer of a business of this run; opened, and its doubts settled, where it was not.

        Raises:
            BusyError: another program writes into the business.
            KeyError: it is none of this run's.
        """
        found = self.writers.get(number)
        if found is None:
            if number not in self.businesses:
                raise KeyError(number)
            assert self.db is not None  # noqa: S101 - opened before
            if self._locks is not None:
                claim(self.db, self._locks, self.connection, number)
            found = self.writers[number] = self._writer(number)
            with self.about(number):
                found.recover()
            self.check()
        return found

    def _writer(self, number: int) -> BusinessWriter:
        assert self.db is not None  # noqa: S101 - opened before
        if self.settings.dry_run:
            bind(self.db, self.connection, number)
        sender = Sender(self.client, number)
        ledger_map = LedgerMap(self.db, number, self.settings.source)
        lookups = Lookups(
            self.client, number, self.connection.max_in_flight, plans=self.settings.dry_run
        )
        # Here, since reading the schemas takes time that `--about` need not spend.
        from target_clearbooks.prepare.preparer import Preparer
        from target_clearbooks.prepare.resolver import Resolver

        recorder = Recorder(number, self.outbox, ledger_map, self.rejects.record, self.results)
        preparer = Preparer(Resolver(lookups, ledger_map, self.settings, number))
        writer = BusinessWriter(
            self.settings,
            sender,
            self.outbox,
            ledger_map,
            lookups,
            preparer,
            self.executor,
            recorder,
            self._dry_run,
            self.stopped,
        )
        return self._closing.enter_context(closing(writer))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # While it runs

    def recover(self) -> None:
        """Settle what earlier runs left in doubt, before anything new is written."""
        for number, writer in list(self.writers.items()):
            with self.about(number):
                writer.recover()
        for number in self.outbox.businesses_left():
            if number in self.businesses:
                self.writer(number)
        self.check()

    def check(self) -> None:
        """Raise what ended the run."""
        for number, writer in self.writers.items():
            with self.about(number):
                if writer.failure is not None:
                    raise writer.failure

    @contextmanager
    def about(self, number: int) -> Iterator[None]:
        """Work on a business; a refusal inside says so where the business is not covered."""
        try:
            yield
        except ForbiddenError as error:
            raise self._coverage.explained(number, error) from None

    def refuse_line(self, number: int, text: bytes, reason: str) -> None:
        """Refuse a line of the input that is no message: it is told and counted like a record."""
        business, key = self.businesses[0], f"line {number}"
        self.rejects.line(business, number, text, reason)
        row = Row(business, INPUT, key, {}, "", kind="invalid", reasons=(reason,))
        with self.outbox.transaction():
            self.outbox.add(row, state="rejected")
            self.outbox.audit(row, "rejected", kind="invalid")
            self.outbox.run.count(business, INPUT, "rejected")
        self.results.write(business, INPUT, key, "rejected", reasons=(reason,))
        self._lines += 1

    def advance(self, seconds: float = 0.0) -> None:
        """Go on with what is under way."""
        share = seconds / max(len(self.writers), 1)
        for number, writer in self.writers.items():
            with self.about(number):
                writer.advance(share if writer.busy else 0)
        self.check()

    def begin_all(self, *, end: bool = False) -> None:
        """Begin the records that were kept back; at the end of the input all of them."""
        for number, writer in self.writers.items():
            with self.about(number):
                writer.begin_all(end=end)

    def drain(self) -> None:
        """Go on until everything is settled, and then what was put aside until the end."""
        for end in (False, True):
            self.begin_all(end=end)
            while not self.stopped() and any(writer.busy for writer in self.writers.values()):
                self.advance(0.1)
        self._drained = not self.stopped()

    def finish_flights(self) -> None:
        """Put down what becomes of the requests under way; nothing new is begun."""
        for writer in self.writers.values():
            writer.finish_flights()

    @property
    def window(self) -> int:
        """How many records may be under way, settled or not."""
        return _WINDOW * self.connection.max_in_flight

    @property
    def live(self) -> int:
        """Records under way."""
        return sum(writer.live for writer in self.writers.values())

    @property
    def full(self) -> bool:
        """Whether the records under way hold as much as memory should."""
        return any(writer.full for writer in self.writers.values())

    @property
    def oldest(self) -> int | None:
        """Place of the oldest record that is not settled; None where all are."""
        places = [writer.oldest for writer in self.writers.values()]
        return min((place for place in places if place is not None), default=None)

    @property
    def rejected(self) -> int:
        """Records and lines refused in this run."""
        return self._lines + sum(writer.rejected for writer in self.writers.values())

    def left(self) -> Counter[str]:
        """What is still open, by state, also of earlier runs."""
        found: Counter[str] = Counter()
        for business in self.writers:
            for (_, state), number in self.outbox.left(business).items():
                found[state] += number if state in LEFT else 0
        return +found

    # Its end

    def exit_code(self) -> int:
        """What a run that came to its end exits with."""
        if any(self.outbox.unsettled(business) for business in self.writers):
            return EXIT_UNSETTLED
        return EXIT_REJECTED if self.rejected > self.settings.max_rejects else 0

    def end(self, exit_code: int, error: BaseException | None = None) -> None:
        """Note how the run ended, and say so."""
        for business in self.writers:
            for (stream, state), number in self.outbox.left(business).items():
                self.outbox.run.count(business, stream, state, number)
            self._tell_open(business)
        told = isinstance(error, ClearBooksError)
        message = "" if error is None else str(error) if told else type(error).__name__
        self.outbox.run.end(exit_code, message, self.client.requests)
        if self._plan is not None and error is None and self._drained:
            self._plan.seal()
        if not self.settings.dry_run:
            save_statuses(
                self.connection,
                [self._status(business, message) for business in self.writers],
            )
        summary = self.summary(exit_code)
        if self.db is not None:
            words = report.PLANNED if self.settings.dry_run else {}
            self.page.write(self.db, self.outbox.run.id, words)
        report.tell(summary, self.settings, self.rejects.number)

    def _status(self, business: int, message: str) -> BusinessStatus:
        """What the run came to for a business."""
        application, connection = Name.of(self.connection)
        outcomes: Counter[str] = Counter()
        for (of, _, outcome), number in self.outbox.run.counts.items():
            outcomes[outcome] += number if of == business else 0
        now, doubts = time.time(), sum(outcomes[state] for state in LEFT)
        return BusinessStatus(
            application=application,
            connection=connection,
            business=business,
            kind="target",
            started=self._began,
            ended=now,
            succeeded=None if message or self.outbox.unsettled(business) else now,
            requests=self.client.requests_of[business],
            records=outcomes.total() - outcomes["rejected"] - doubts,
            rejected=outcomes["rejected"],
            doubts=doubts,
            message=message,
        )

    def _tell_open(self, business: int) -> None:
        """Put down in the results what this run leaves open."""
        if self.results.wanted:
            for row in self.outbox.rows(business, "waiting", *DOUBTFUL):
                if row.run == self.outbox.run.id:
                    self.results.write(
                        business, row.stream, row.source_key, row.state, reasons=row.reasons
                    )

    def summary(self, exit_code: int) -> dict[str, Any]:
        """Counts of the run by stream, and what is left."""
        streams: dict[str, dict[str, int]] = {}
        words = report.PLANNED if self.settings.dry_run else {}
        for (_, stream, outcome), number in sorted(self.outbox.run.counts.items()):
            streams.setdefault(stream, Counter())[words.get(outcome, outcome)] += number
        plan: dict[str, Any] = {}
        if self._plan is not None:
            plan = {
                "dry_run": True,
                "plan": str(self.settings.plan_path),
                "whole": self._drained,
                "comes_to": self._plan.comes_to(),
            }
        return {
            "run": self.outbox.run.id,
            **plan,
            "exit_code": exit_code,
            "requests": self.client.requests,
            "streams": {stream: dict(counts) for stream, counts in streams.items()},
            "left": dict(self.left()),
        }

    def close(self) -> None:
        """Let go of everything."""
        self.executor.shutdown(wait=threading.current_thread() is threading.main_thread())
        self._closing.close()
