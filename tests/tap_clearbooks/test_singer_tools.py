"""What the tap writes, read by singer-check-tap, the checker of the Singer project."""

from __future__ import annotations

import json
import subprocess
from collections import Counter

import pytest

from tests import programs
from tests.environments import environment

pytestmark = pytest.mark.heavy


@pytest.fixture
def run(books, tmp_path):
    """`run(state)`: a run whose output is valid: records by stream, and its last state."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps(books.config(tmp_path)))
    checker = environment("singer-tools").with_name("singer-check-tap")

    def run(state):
        (tmp_path / "state.json").write_text(json.dumps(state))
        given = ("--config", config, "--state", tmp_path / "state.json")
        done = programs.run("tap-clearbooks", *given)
        assert done.returncode == 0, done.stderr
        said = subprocess.run(
            [checker], input=done.stdout, capture_output=True, text=True, check=False
        )
        assert "The output is valid." in said.stdout, said.stdout + said.stderr
        messages = [json.loads(line) for line in done.stdout.splitlines()]
        counted = Counter(m["stream"] for m in messages if m["type"] == "RECORD")
        return counted, [m["value"] for m in messages if m["type"] == "STATE"][-1]

    return run


def test_a_first_run_and_one_that_finds_records_gone(books, run):
    customer = books.do("createCustomer", {"name": "Smith"})["id"]
    numbers = [books.invoice(customer, f"2024-03-0{n}")["id"] for n in range(1, 4)]
    first, state = run({})
    assert {"businesses": 2, "sales_invoices": 3, "transaction_lines": 9}.items() <= first.items()
    books.do("deleteSalesDocument", salesType="invoices", salesId=numbers[0])
    later, _ = run(state)
    # Those that are there, and one that is not.
    assert later["sales_invoices"] == 3
