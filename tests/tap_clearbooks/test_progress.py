"""A person at a terminal sees the run; a pipe sees nothing of it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re

from rich.console import Console

from tap_clearbooks.progress import Progress
from tests.ledger import ONE, TWO
from tests.programs import DEVNULL, PIPE, Process
from tests.tap_clearbooks.test_program import TAP, environment, tap


def run(books, tmp_path, stderr):
    (tmp_path / "config.json").write_text(json.dumps(books.config(tmp_path, page_size=5)))
    env = {**environment(tmp_path), "TERM": "xterm", "TAP_CLEARBOOKS_LOGLEVEL": "ERROR"}
    return Process(
        TAP, "--config", tmp_path / "config.json", stdout=DEVNULL, stderr=stderr, env=env
    )


def test_a_terminal_shows_stream_and_count(books, tmp_path):
    for n in range(40):
        books.do("createCustomer", {"name": f"Customer {n}"})
    books.server.options.latency_ms = 30
    ours, theirs = pty.openpty()
    process = run(books, tmp_path, theirs)
    os.close(theirs)
    seen = b""
    while True:
        try:
            data = os.read(ours, 4096)
        except OSError:
            break
        if not data:
            break
        seen += data
    os.close(ours)
    assert process.wait(timeout=30) == 0
    assert b"records" in seen
    assert b"of business 101" in seen


def test_a_pipe_sees_nothing_of_it(books, tmp_path):
    process = run(books, tmp_path, PIPE)
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=30) == 0
    assert "records" not in errors


def on_terminal(books, tmp_path, **settings):
    """Exit code, and what a terminal of 120 columns got."""
    (tmp_path / "config.json").write_text(json.dumps(books.config(tmp_path, **settings)))
    ours, theirs = pty.openpty()
    env = {**environment(tmp_path), "TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
    process = Process(
        TAP, "--config", tmp_path / "config.json", stdout=DEVNULL, stderr=theirs, env=env
    )
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):
        while data := os.read(ours, 4096):
            seen += data
    os.close(ours)
    return process.wait(timeout=30), seen.decode()


CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def test_log_lines_and_the_table_share_no_line(books, tmp_path):
    for business in (ONE, TWO):
        for n in range(30):
            books.do("createCustomer", {"name": f"Customer {n}"}, business=business)
    books.server.options.latency_ms = 30
    code, seen = on_terminal(books, tmp_path, page_size=5)
    assert code == 0
    for line in re.split(r"[\r\n]+", CONTROL.sub("", seen)):
        assert not ("METRIC" in line and re.search(r"\d records|a second", line)), line
        assert not re.search(r"records.*\d{4}-\d\d-\d\d \d\d:", line), line
    assert re.search(r"stream \d+ of 19 · business [12] of 2 ·", seen)


def test_counts_belong_to_their_stream_and_business():
    progress = Progress()
    for business in (ONE, TWO, ONE):
        progress.wrote("customers", business, 5)
    progress.wrote("suppliers", ONE, 1)
    progress.wrote("businesses", None, 2)
    assert progress.records == {
        ("customers", ONE): 10,
        ("customers", TWO): 5,
        ("suppliers", ONE): 1,
        ("businesses", None): 2,
    }
    console = Console(file=io.StringIO(), width=100)
    console.print(progress._table())
    shown = console.file.getvalue()
    assert re.search(r"customers of business 101 +10 records", shown)
    assert re.search(r"customers of business 102 +5 records", shown)


def test_it_tells_how_long_the_listings_that_are_known_will_take(monkeypatch):
    progress = Progress()
    plan = [("customers", ONE), ("suppliers", ONE), ("customers", TWO), ("suppliers", TWO)]
    progress._plan, progress._began = plan, 0.0
    monkeypatch.setattr("tap_clearbooks.progress.time.monotonic", lambda: 10.0)

    def head():
        console = Console(file=io.StringIO(), width=200)
        console.print(progress._table())
        return console.file.getvalue().splitlines()[0]

    progress.reading("customers", ONE)
    assert "left" not in head()
    progress.expect("customers", ONE, 400)
    progress.expect("customers", ONE, 7)
    progress.wrote("customers", ONE, 100)
    assert head().startswith("stream 1 of 2 · business 1 of 2 · 100 records")
    assert "at least 0:00:30 left" in head()
    progress.expect("suppliers", ONE, 100)
    assert "at least 0:00:40 left" in head()
    # What was filtered out of a listing does not come any more.
    progress.reading("suppliers", ONE)
    assert "at least 0:00:10 left" in head()


def test_a_run_ends_with_a_summary_for_people(books, tmp_path):
    for n in range(7):
        books.do("createCustomer", {"name": f"Customer {n}"})
    code, seen = on_terminal(books, tmp_path)
    assert code == 0
    plain = CONTROL.sub("", seen)
    assert re.search(r"customers +7 records", plain)
    counts = r"records of 20 streams, 0 gone, \d+ requests, 0 answers of 429, \d+\.\d s"
    assert re.search(counts, plain)


def summary_of(result):
    (line,) = [x for x in result.stderr.splitlines() if "SUMMARY: " in x]
    return json.loads(line.partition("SUMMARY: ")[2])


def test_and_with_a_line_for_machines(books, tmp_path):
    for business in (ONE, TWO):
        for n in range(7):
            books.do("createCustomer", {"name": f"Customer {n}"}, business=business)
    books.server.faults.plan("throttle", path="/accounting/suppliers", retry_after="0", times=2)
    result = tap(tmp_path, books.config(tmp_path))
    assert result.returncode == 0
    found = summary_of(result)
    assert found["complete"] is True
    assert found["streams"]["customers"] == 14
    assert found["streams"]["quotes"] == 0
    assert found["records"] == sum(found["streams"].values())
    assert found["requests"] == len(books.server.requests)
    assert found["answers_429"] == 2
    assert found["seconds"] > 0
    assert (found["failed"], found["error"]) == ([], None)


def test_a_run_that_fails_says_what_failed(books, tmp_path):
    books.server.faults.plan("error", path="/accounting/suppliers", status=404, times=9)
    result = tap(tmp_path, books.config(tmp_path, business_ids=[ONE]))
    assert result.returncode == 1
    found = summary_of(result)
    assert found["complete"] is False
    assert [(f["stream"], f["business"]) for f in found["failed"]] == [("suppliers", ONE)]
    assert "404" in found["failed"][0]["error"]
    result = tap(tmp_path, books.config(tmp_path, access_token="wrong"))
    assert result.returncode == 5
    assert "authorise" in summary_of(result)["error"]
