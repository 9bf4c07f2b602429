"""A server that answers no request before somebody waits for its answer, so that no clock matters.

What is under way is then known exactly: every call that was begun and not answered.
"""

from __future__ import annotations

from concurrent.futures import Executor, Future

from clearbooks.paging import Listing
from tests.clearbooks.paging.fake_api import SHAPE, FakeApi


class _Awaited(Future):
    def __init__(self, executor):
        super().__init__()
        self._executor = executor

    def result(self, timeout=None):
        while not self.done():
            self._executor.answer_one()
        return super().result(timeout)


class HeldExecutor(Executor):
    """Calls that were begun are carried out one by one while somebody waits for any of them.

    `choose` says which of so many comes next.
    """

    def __init__(self, choose=lambda _waiting: 0):
        self.waiting = []
        self.choose = choose

    def submit(self, call, /, *arguments):
        future = _Awaited(self)
        future.set_running_or_notify_cancel()
        self.waiting.append((future, call, arguments))
        return future

    def answer_one(self):
        future, call, arguments = self.waiting.pop(self.choose(len(self.waiting)))
        try:
            future.set_result(call(*arguments))
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            future.set_exception(error)


class HeldApi(FakeApi):
    """Counts what was under way at once (`most`) and notes when all was asked for (`drained`)."""

    def __init__(self, ids, *, choose=lambda _waiting: 0, **server):
        super().__init__(ids, **server)
        self.executor.shutdown()
        self.executor = HeldExecutor(choose)
        self.most = 0
        self.drained = []

    @property
    def asked(self):
        """Requests that were answered or are under way."""
        return len(self.requests) + len(self.executor.waiting)

    def get(self, operation, params, *, business_id):
        self.most = max(self.most, len(self.executor.waiting) + 1)
        return super().get(operation, params, business_id=business_id)

    def listing(self, *, page_size, depth):
        return Listing(
            self,
            "listThings",
            {},
            1,
            SHAPE.page,
            page_size=page_size,
            depth=lambda: depth,
            drained=lambda: self.drained.append(self.asked),
        )

    def finish(self):
        """Answer what nobody waits for any more: it was asked for all the same."""
        while self.executor.waiting:
            self.executor.answer_one()
