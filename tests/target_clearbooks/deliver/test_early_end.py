"""A run that a signal or a fault ends before its source does."""

from __future__ import annotations

import json
import signal
import sqlite3
import time

from tests.programs import DEVNULL, PIPE, Process
from tests.target_clearbooks.conftest import (
    TARGET,
    book,
    check_book,
    customer,
    lines,
    schema,
    state,
)


def test_sigterm_finishes_what_is_under_way(run):
    run.sandbox.options.latency_ms = 30
    process = run.process(book(30))
    end = time.monotonic() + 20
    while len(run.sandbox.requests) < 40 and time.monotonic() < end:
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 128 + signal.SIGTERM
    states = [json.loads(line) for line in out.splitlines()]
    db = sqlite3.connect(run.directory / "state.sqlite3")
    assert db.execute("SELECT count(*) FROM intents WHERE state = 'sending'").fetchone() == (0,)
    done = states[-1]["done"] if states else -1
    keys = {row[0] for row in db.execute("SELECT source_key FROM map WHERE stream = 'journals'")}
    assert {f"J{i}" for i in range(done + 1)} <= keys
    db.close()
    run.sandbox.options.latency_ms = 0
    assert run(book(30)) == 0
    check_book(run, 30)


def test_a_run_that_ends_early_does_not_wait_for_its_source(run):
    path = run.directory / "config.json"
    path.write_text(json.dumps(run.config))
    process = Process(TARGET, "--config", path, stdin=PIPE)
    messages = [*schema("customers"), customer(), state({"n": 1}), *schema("nonsense")]
    process.stdin.write(lines(*messages))
    process.stdin.flush()
    assert process.wait(timeout=30) == 2
    assert json.loads(process.stdout.read()) == {"n": 1}
    last = process.stderr.read().strip().splitlines()[-1]
    assert "there are: businesses" in last
    process.stdin.close()
    process.stdout.close()
    process.stderr.close()


def test_state_comes_while_the_source_is_slow(run):
    path = run.directory / "config.json"
    path.write_text(json.dumps(run.config))
    with Process(TARGET, "--config", path, stdin=PIPE, stderr=DEVNULL) as process:
        messages = [*schema("customers"), customer(), state({"n": 1})]
        process.stdin.write(lines(*messages))
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == {"n": 1}
        process.stdin.close()
        assert process.wait(timeout=30) == 0
