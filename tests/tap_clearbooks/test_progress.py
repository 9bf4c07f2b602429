"""A person at a terminal sees the run; a pipe sees nothing of it."""

from __future__ import annotations

import json
import os
import pty
import subprocess

from tests.tap_clearbooks.test_program import TAP, environment


def run(books, tmp_path, stderr):
    (tmp_path / "config.json").write_text(json.dumps(books.config(tmp_path, page_size=5)))
    return subprocess.Popen(
        [TAP, "--config", str(tmp_path / "config.json")], stdout=subprocess.DEVNULL, stderr=stderr,
        env={**environment(tmp_path), "TERM": "xterm", "TAP_CLEARBOOKS_LOGLEVEL": "ERROR"},
    )  # fmt: skip


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
    process = run(books, tmp_path, subprocess.PIPE)
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=30) == 0
    assert b"records" not in errors
