"""target-duckdb keeps every row: n records in, n rows in the table."""

from __future__ import annotations

import json
import subprocess

import duckdb
import pytest

from tests.project.conftest import BIN

TEXTS = ("plain", "two\nlines", "two\r\nlines", 'say "so"', "a,b", "", None)
SCHEMA = {
    "properties": {
        "businessId": {"type": "integer"},
        "id": {"type": "integer"},
        "name": {"type": ["string", "null"]},
        "lineItems": {"type": ["array", "null"], "items": {"type": "object"}},
        "due": {"type": ["number", "null"]},
    }
}


@pytest.mark.parametrize("n", [1, 2, 300, 25_000])
def test_n_records_are_n_rows(tmp_path, n):
    config = tmp_path / "config.json"
    database = tmp_path / "rows.duckdb"
    config.write_text(json.dumps({"path": str(database), "default_target_schema": "main"}))
    messages = [
        {
            "type": "SCHEMA",
            "stream": "things",
            "schema": SCHEMA,
            "key_properties": ["businessId", "id"],
        }
    ]
    messages += [
        {
            "type": "RECORD",
            "stream": "things",
            "record": {
                "businessId": 1,
                "id": i,
                "name": TEXTS[i % len(TEXTS)],
                "lineItems": [{"description": TEXTS[i % len(TEXTS)], "amount": i / 4}],
                "due": i / 4,
            },
        }
        for i in range(n)
    ]
    lines = "".join(json.dumps(message) + "\n" for message in messages)
    for _ in range(2):  # the second time every row is an update of itself
        subprocess.run(
            [BIN / "target-duckdb", "--config", config],
            input=lines.encode(),
            check=True,
            capture_output=True,
        )
        with duckdb.connect(str(database), read_only=True) as db:
            assert db.execute("SELECT count(*), sum(id), sum(due) FROM things").fetchall() == [
                (n, n * (n - 1) // 2, n * (n - 1) / 8)
            ]


def test_every_stream_has_a_column_that_is_no_text():
    """The loader takes the first row of a batch for a heading where every column is text."""
    done = subprocess.run([BIN / "tap-clearbooks", "--discover"], check=True, capture_output=True)
    for stream in json.loads(done.stdout)["streams"]:
        assert "integer" in stream["schema"]["properties"]["businessId"]["type"]
