"""A paged listing in memory that can be changed between any two requests."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec
from hypothesis import strategies as st

from clearbooks.errors import NotFoundError, RejectedError
from clearbooks.paging import Listing
from clearbooks.replies import Reply
from clearbooks.threads import RequestThreads
from tap_clearbooks.records import Shape

# What may happen to a listing: an ID that is gone, or new, and the request before which it is.
CHANGE = st.tuples(st.sampled_from(["delete", "add"]), st.integers(1, 60), st.integers(1, 14))
SHAPE = Shape(
    "things",
    {
        "properties": {
            "id": {"type": "integer"},
            "date": {"type": "string", "format": "date"},
        }
    },
)


class FakeApi:
    """Answers `get` as the client would. `before` is called with the number of each request."""

    def __init__(
        self,
        ids,
        *,
        dates=None,
        before=None,
        headers=True,
        sorts=("id", "date"),
        direction=True,
        cap=200,
        refuses=(),
        shuffle=None,
        strict=False,
        counted=lambda count: count,
        last_again=False,
        pages=False,
        ties=None,
        own_size=None,
    ):
        self.records = {i: {"id": i, "date": (dates or {}).get(i, "2024-01-01")} for i in ids}
        self.before = before or (lambda _number: None)
        self.headers = headers
        self.sorts = sorts
        self.direction = direction
        self.cap = cap
        self.refuses = refuses
        self.shuffle = shuffle
        self.strict = strict
        self.counted = counted
        self.last_again = last_again
        self.pages = pages
        self.ties = ties
        self.own_size = own_size
        self.requests = []
        self.executor = ThreadPoolExecutor(4)
        self._lock = threading.Lock()

    def add(self, record_id, date="2024-01-01"):
        self.records[record_id] = {"id": record_id, "date": date}

    def get(self, operation, params, *, business_id):  # noqa: ARG002 - as the client's
        with self._lock:
            self.requests.append(params)
            self.before(len(self.requests))
            return self._answer(operation, params)

    def _answer(self, operation, params):
        field = params.get("sortBy")
        if field in self.refuses:
            raise RejectedError(operation, 400, [("sortBy", f"cannot sort by {field}")])
        rows = list(self.records.values())
        if self.shuffle is not None:
            rows.sort(key=lambda row: hash((row["id"], self.shuffle)))
        elif field in self.sorts:
            descending = self.direction and params.get("sortDirection") == "descending"
            if self.ties is not None:
                self.ties.shuffle(rows)
                rows.sort(key=lambda row: row[field], reverse=descending)
            else:
                rows.sort(key=lambda row: (row[field], row["id"]), reverse=descending)
        limit = self.own_size or min(params["limit"], self.cap)
        start = (params["page"] - 1) * limit
        if self.strict and start and start >= len(rows):
            raise NotFoundError(operation, 404)
        if self.last_again and start >= len(rows):
            start = max(len(rows) - 1, 0) // limit * limit
        headers = {}
        if self.headers:
            headers = {
                "X-Pagination-Total-Count": str(self.counted(len(rows))),
                "X-Pagination-Limit": str(limit),
            }
        if self.pages:
            headers["X-Pagination-Total-Pages"] = str(-(-len(rows) // limit))
        return Reply(200, headers, msgspec.json.encode(rows[start : start + limit]), "/things")


class Reader:
    """A listing over a fake API, with its executor."""

    def __init__(self, api, *, page_size=10, depth=1, believe_count=False):
        self.executor = api.executor = RequestThreads(depth)
        self.listing = Listing(
            api,
            "listThings",
            {},
            1,
            SHAPE.page,
            page_size=page_size,
            depth=lambda: depth,
            believe_count=believe_count,
        )

    def __enter__(self):
        return self.listing

    def __exit__(self, *_):
        self.executor.shutdown()


def read(api, *, page_size=10, depth=1, believe_count=False, **arguments):
    """IDs in the order in which they come."""
    with Reader(api, page_size=page_size, depth=depth, believe_count=believe_count) as listing:
        return [record.id for part in listing.ascending(**arguments) for record in part.records]
