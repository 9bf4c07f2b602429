"""What the tests of the examples share: an example run into a sandbox, and its file by itself."""

from __future__ import annotations

import csv
import os
import signal
import time
from collections import Counter
from contextlib import contextmanager
from decimal import Decimal

from clearbooks_sandbox import AccountingEngine, running
from tools.demo.stage import ROOT, Stage
from tools.demo.write_back import Pipeline

ALL = 10**9
DATA = ROOT / "clearbooks_sandbox" / "demo" / "data"
_PATIENCE = 120


@contextmanager
def pipeline_of(name, folder, *, whole=False):
    """An example with a sandbox and an empty business of its own."""
    with running(AccountingEngine()) as sandbox:
        # Another business beside it: nothing may be written there.
        other = sandbox.engine.add_business("Bystander")
        pipeline = Pipeline.on(Stage(sandbox, other, folder), name, whole=whole)
        # The sandbox carries out at once what it does.
        pipeline.stage.environment["TARGET_CLEARBOOKS_SETTLE_SECONDS"] = "1"
        yield pipeline
        assert not any(row.balance for row in sandbox.engine.books(other).trial_balance())


def rows_of(file, before, column):
    """The rows of a data file before a day, as the file has them."""
    with (DATA / file).open(encoding="utf-8", newline="") as text:
        return [row for row in csv.DictReader(text) if row[column] < before]


def books(pipeline):
    return pipeline.stage.sandbox.engine.books(pipeline.stage.business)


def balances(pipeline):
    return {row.name: row.balance for row in books(pipeline).trial_balance() if row.balance}


def documents(pipeline, side, kind):
    return books(pipeline).documents(side, kind, limit=ALL)


def total(records, field):
    return sum((record[field] for record in records), start=Decimal(0))


def posted(pipeline):
    """How often each path was written to."""
    return Counter(r.path for r in list(pipeline.stage.sandbox.requests) if r.method != "GET")


def kill_after(pipeline, writes, log):
    """Run the example's job and end all of it at once, without a word, after so many writes."""
    wanted = posted(pipeline).total() + writes
    process = pipeline.stage.start(log, "--force", pipeline.name)
    end = time.monotonic() + _PATIENCE
    try:
        while posted(pipeline).total() < wanted:
            assert process.poll() is None, f"{log}: it ended before {writes} writes"
            assert time.monotonic() < end, f"{log}: no {writes} writes"
            time.sleep(0.002)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return posted(pipeline).total()
