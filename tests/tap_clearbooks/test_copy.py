"""After every run the loaded tables equal the ledger, whatever a bookkeeper did before it.

Hypothesis makes up days: changes to the books, and then a run of the tap, which may be killed,
meet a moving listing, or come a week later. A loader upserts by key and marks what a tombstone
names; every stream, row and field of it is compared with the ledger itself.

`COPY_EXAMPLES=500` looks for longer.
"""

from __future__ import annotations

import copy
import functools
import logging
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from clearbooks.paging import passes
from tests.ledger import ONE, TWO
from tests.tap_clearbooks.bookkeeper import TODAY, Bookkeeper, dt, small_ledger
from tests.tap_clearbooks.copying import NAMES, Copy, clone

EXAMPLES = int(os.environ.get("COPY_EXAMPLES", "0"))
REREAD_DAYS = 7
KILLS = {"killed at a request": "most_requests", "killed at a byte": "most_bytes"}

numbers = st.integers(0, 4095)
changes = st.lists(
    st.tuples(st.sampled_from(Bookkeeper.NAMES), st.sampled_from([ONE, TWO]), numbers, numbers),
    max_size=6,
)
listings = (
    "sales/invoices",
    "sales/quotes",
    "purchases/bills",
    "payments",
    "allocations",
    "accountCodes",
)
moving = [
    *((f"{kind}-between-pages", path) for kind in ("delete", "replace") for path in listings),
    *(("add-between-pages", path) for path in (*listings, "transactions")),
]
whole_readings = st.one_of(
    st.just(("whole",)),
    st.tuples(st.sampled_from(moving), st.integers(1, 6)),
    st.just(("after reread_days",)),
)
readings = st.one_of(
    whole_readings,
    st.tuples(st.just("killed at a request"), st.integers(0, 100)),
    st.tuples(st.just("killed at a byte"), st.integers(0, 300_000)),
)
days = st.lists(st.tuples(changes, readings), min_size=1, max_size=4)
# A run of several businesses that is killed may leave rows that no state knows: docs/read.md.
quiet_days = st.lists(st.tuples(changes, whole_readings), min_size=1, max_size=4)


def searching(examples):
    """Settings of Hypothesis: the same examples in every run, unless told to look for longer."""
    return settings(
        max_examples=EXAMPLES or examples,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        phases=(Phase.explicit, Phase.generate, *([Phase.shrink] if EXAMPLES else [])),
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(autouse=True, scope="module")
def _quiet_and_often():
    """No logs; and a reading can be taken up again from every page, not every ten seconds."""
    logging.disable(logging.CRITICAL)
    before, passes.MARK_SECONDS = passes.MARK_SECONDS, -1
    yield
    passes.MARK_SECONDS = before
    logging.disable(logging.NOTSET)


@functools.cache
def loaded(dialects, runs, names, settings_of_tap):
    """A ledger and the copy of it after the first run, made once for each kind of run."""
    engine = small_ledger()
    engine.dialects.on(*dialects)
    first = Copy(engine, Path(tempfile.mkdtemp()), runs, names, **dict(settings_of_tap))
    for number in range(len(runs)):
        assert first.run(number=number)
    assert not first.differences({})
    return engine, first


def check(happened, *dialects, runs, names=NAMES, fresh=False, **of_tap):
    """Let the days happen to a small ledger and its copy; at the end the two are equal."""
    base, first = loaded(dialects, runs, names, tuple(of_tap.items()))
    engine = clone(base)
    made = Copy(engine, first.directory, runs, names, **of_tap)
    if not fresh:
        made.rows, made.states = copy.deepcopy(first.rows), list(first.states)
    keeper = Bookkeeper(engine)
    try:
        for changed, reading in [*happened, ([], ("whole",))]:
            for change in changed:
                keeper.act(*change)
            read(made, keeper, *reading)
    finally:
        engine.close()


def read(made, keeper, how, where=0):
    """The runs of one day; those that end well leave a copy that equals the ledger."""
    faults, since = made.app.state.faults, dict(keeper.edited)
    if how == "after reread_days":
        made.days += REREAD_DAYS + 1
    if isinstance(how, tuple):
        kind, path = how
        faults.plan(kind, path=f"/accounting/{path}", nth=where, times=3)
    for number in range(len(made.runs)):
        limit = KILLS.get(how) if number == 0 else None
        made.run(number=number, **({limit: where} if limit else {}))
    faults.clear()
    if how == "after reread_days":
        for key in since:
            del keeper.edited[key]
    if how in {"whole", "after reread_days"}:
        found = made.differences(keeper.edited)
        assert not found, found


@pytest.mark.parametrize(
    "dialects",
    [
        (),
        ("voided-listed",),
        ("voids-remove",),
        ("voids-remove", "voided-listed"),
        ("voids-remove", "unsorted"),
        ("voids-remove", "ascending-only"),
        ("no-headers",),
        ("unsorted",),
        ("other-statuses",),
        ("bare-lists",),
        ("other-statuses", "voided-listed"),
        ("ascending-only",),
        ("nulls", "wrapped", "string-ids"),
        ("part-paid", "one-entity", "redirect-307"),
    ],
    ids="+".join,
)
@given(days, st.booleans())
@searching(6)
def test_the_copy_is_the_ledger_after_every_run(dialects, happened, fresh):
    check(happened, *dialects, runs=((ONE,),), fresh=fresh)


@given(days)
@searching(6)
def test_two_runs_load_one_table(happened):
    check(happened, runs=((ONE,), (TWO,)))


@given(quiet_days)
@searching(6)
def test_one_run_of_two_businesses(happened):
    check(happened, runs=(None,))


@given(days, st.sampled_from([(), ("voids-remove",)]))
@searching(6)
def test_with_start_date(happened, dialects):
    since = (TODAY - dt.timedelta(days=30)).isoformat()
    check(happened, *dialects, runs=((ONE,),), start_date=since)


@given(days)
@searching(4)
def test_attachments(happened):
    names = (*NAMES, "sales_attachments", "purchase_attachments")
    check(happened, runs=((ONE,),), names=names, attachments=True)
