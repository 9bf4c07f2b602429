"""`target_clearbooks.write`: messages in, a result out, faults as exceptions."""

from __future__ import annotations

import json
import multiprocessing
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from clearbooks.errors import SettingError
from target_clearbooks import Result, write
from target_clearbooks.line_faults import InputError
from target_clearbooks.store import BusyError
from tests.project.conftest import ROOT
from tests.target_clearbooks.conftest import (
    TWO,
    Runner,
    book,
    check_book,
    customer,
    invoice,
    state,
)


def test_a_book(run, capsys):
    before = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)]
    result = write(run.config, book(2))
    assert isinstance(result, Result)
    assert result.exit_code == 0
    assert result.streams["customers"] == {"written": 2}
    assert result.state == {"done": 1}
    assert (result.rejected, result.left) == (0, {})
    assert result.requests > 10
    check_book(run, 2)
    assert [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)] == before
    assert capsys.readouterr() == ("", "")
    again = write(run.config, book(2))
    assert again.streams["customers"] == {"unchanged": 2}
    assert again.requests == 1


def test_what_is_refused_is_in_the_result(run):
    bad = invoice("I2", date="soon")
    result = write(run.config, [*TWO, customer(), invoice(), bad, state({"n": 1})])
    assert result.exit_code == 3
    assert result.rejected == 1
    assert result.streams["sales_invoices"] == {"written": 1, "rejected": 1}
    assert result.state == {"n": 1}
    assert [r["key"] for r in run.rejects] == ["I2"]


def test_the_first_reject_ends_it_where_that_is_wanted(run):
    result = write(
        {**run.config, "on_reject": "fail"},
        [*TWO, invoice("I2", date="soon"), *(customer(f"C{n}") for n in range(50))],
    )
    assert result.exit_code == 3
    assert len(run.customers()) < 50


def test_records_alone(run):
    assert write(run.config, [customer(), invoice()]).exit_code == 0
    assert write(run.config, []).exit_code == 0


DEEP: list = []
for _ in range(500):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("message", "error", "words"),
    [
        ({"type": "BATCH"}, InputError, "BATCH"),
        ({"type": "NEW"}, InputError, "type 'NEW'"),
        ({}, InputError, "type None"),
        ({"type": "RECORD", "stream": "customers"}, InputError, "lacks record"),
        ({"type": "RECORD", "stream": "customers", "record": 5}, InputError, "no object"),
        ([], InputError, "no Singer message"),
        ({"type": "STATE", "value": DEEP}, InputError, "levels deep"),
        (
            {"type": "SCHEMA", "stream": "customers", "schema": {}, "key_properties": 5},
            InputError,
            "key_properties of customers",
        ),
        ({"type": "SCHEMA", "stream": "tables", "schema": {}}, SettingError, "'tables'"),
    ],
)
def test_faults_are_exceptions_and_free_the_business(run, message, error, words):
    with pytest.raises(error, match=words):
        write(run.config, [*TWO, customer(), message])
    assert write(run.config, [*TWO, customer()]).exit_code == 0


def test_a_source_that_fails(run):
    def source():
        yield from [*TWO, customer()]
        raise RuntimeError("the warehouse went away")

    with pytest.raises(RuntimeError, match="the warehouse"):
        write(run.config, source())
    assert write(run.config, [*TWO, customer(), invoice()]).exit_code == 0


def test_two_businesses_in_threads(run, engine, tmp_path):
    other = Runner(run.sandbox, tmp_path / "other")
    other.directory.mkdir()
    other.business = engine.add_business("Other Limited")
    results = {}

    def work(runner):
        results[runner.business] = write(runner.config, book(3))

    threads = [threading.Thread(target=work, args=(r,)) for r in (run, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [r.exit_code for r in results.values()] == [0, 0]
    check_book(run, 3)
    check_book(other, 3)


def test_one_business_in_two_threads(run):
    run.sandbox.faults.plan("slow", seconds=0.3, method="POST", times=100)
    first = threading.Thread(target=write, args=(run.config, book(2)))
    first.start()
    while not run.writes():
        time.sleep(0.02)
    with pytest.raises(BusyError):
        write(run.config, book(2))
    first.join()
    run.sandbox.faults.clear()
    assert write(run.config, book(2)).exit_code == 0
    check_book(run, 2)


def _work(config, messages, pipe):
    pipe.send(write(config, messages).exit_code)


def test_in_a_forked_worker(run):
    assert write(run.config, book(1)).exit_code == 0
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    worker = context.Process(target=_work, args=(run.config, book(2), theirs))
    worker.start()
    assert ours.poll(60)
    assert ours.recv() == 0
    worker.join(20)
    assert worker.exitcode == 0
    assert write(run.config, book(3)).exit_code == 0
    check_book(run, 3)


def test_a_run_without_anything_to_do_is_cheap(run):
    assert write(run.config, book(2)).exit_code == 0
    used = []
    for _ in range(3):
        started = time.process_time()
        write(run.config, book(2))
        used.append(time.process_time() - started)
    assert min(used) < 0.15


PAGE = (ROOT / "docs" / "library.md").read_text(encoding="utf-8").partition("\n## Write\n")[2]
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_example_of_the_page(run, tmp_path):
    [example] = EXAMPLES
    (tmp_path / "target.json").write_text(json.dumps(run.config))
    for outcome in ("written", "unchanged"):
        done = subprocess.run(
            [sys.executable, "-c", example],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        expected = f"0 {{'{outcome}': 1}} {{'orders': '2026-11-20'}}\n"
        assert (done.stdout, done.stderr) == (expected, "")
    assert len(run.invoices()) == 1
