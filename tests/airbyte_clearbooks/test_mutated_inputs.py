"""Mutated configurations, catalogs, states and lines: one message that says why, never a crash."""

from __future__ import annotations

import io
import json
import os
import random
import shlex
import signal
import subprocess
import sys

import pytest

from airbyte_clearbooks.command import Failed
from airbyte_clearbooks.destination import Destination
from airbyte_clearbooks.protocol import Output, Stopped
from airbyte_clearbooks.source import Source
from clearbooks.errors import ClearBooksError, SettingError
from clearbooks.exact_json import loads
from tests.airbyte_clearbooks.program import configured
from tests.airbyte_clearbooks.test_write import CUSTOMER, invoice, lines, record, state
from tests.ledger import ONE
from tests.tap_clearbooks.test_mutated_inputs import JUNK, mutated
from tests.target_clearbooks.test_unreadable_lines import mutated as mutated_line

# `SEEDS=20 pytest …` looks longer.
SEEDS = range(int(os.environ.get("SEEDS", "1")))
NAMES = ("customers", "sales_invoices")
# What may be given although nobody is meant to: it only makes a run slow or talk to others.
LEFT_ALONE = {"api_url", "token_url", "authorize_url", "request_timeout", "max_wait", "max_tries"}


@pytest.fixture
def connect(books, tmp_path, monkeypatch):
    """`connect(connector, command, **files)` runs it in this process; what ended it, and output."""
    handlers = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    path = tmp_path / "out.jsonl"
    # A path such as `x` is a good one: what is made there goes with the test.
    monkeypatch.chdir(tmp_path)

    def run(connector, command, stdin=b"", **files):
        given = {name: loads(json.dumps(value)) for name, value in files.items()}
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        descriptor = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        try:
            connector.run(command, Output(descriptor), given)
        except (ClearBooksError, Failed, Stopped) as error:
            ended = error
        else:
            ended = None
        finally:
            os.close(descriptor)
        return ended, [json.loads(text) for text in path.read_text().splitlines()]

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def config(books, tmp_path):
    return books.config(
        tmp_path,
        business_ids=[ONE],
        state_store=str(tmp_path / "target.sqlite3"),
        rejects_path=str(tmp_path / "rejects.jsonl"),
        max_tries=1,
        settle_seconds=0,
    )


def check(ended, what):
    assert ended is None or str(ended) or isinstance(ended, Failed), what


@pytest.mark.parametrize("connector", [Source, Destination])
@pytest.mark.parametrize("seed", SEEDS)
def test_configurations(connector, seed, connect, config):
    rng = random.Random(f"config {seed}")  # noqa: S311 - repeatable on purpose
    own = {} if connector is Destination else {"start_date": "2024-01-01", "page_size": 100}
    refused = 0
    for _ in range(30):
        changed, what = mutated({**config, **own, "streams": ["customers"]}, rng)
        if any(changed.get(name) != config.get(name) for name in LEFT_ALONE):
            continue
        ended, _ = connect(connector(), "check", config=changed)
        check(ended, what)
        refused += isinstance(ended, SettingError)
    assert refused > 5


@pytest.mark.parametrize("seed", SEEDS)
def test_catalogs_and_states_of_the_source(seed, connect, config):
    rng = random.Random(f"read {seed}")  # noqa: S311 - repeatable on purpose
    catalog = configured(*NAMES, primary_key=[["businessId"], ["id"]], cursor_field=["id"])
    ended, found = connect(Source(), "read", config=config, catalog=catalog, state=[])
    assert ended is None
    good = [m["state"] for m in found if m["type"] == "STATE"][-2:]
    refused = 0
    for _ in range(12):
        for name, value in (("catalog", catalog), ("state", good)):
            changed, what = mutated(value, rng)
            files = {"catalog": catalog, "state": good, name: changed}
            ended, _ = connect(Source(), "read", config=config, **files)
            check(ended, what)
            refused += isinstance(ended, SettingError)
    assert refused > 3


@pytest.mark.parametrize("seed", SEEDS)
def test_catalogs_of_the_destination(seed, connect, config):
    rng = random.Random(f"write {seed}")  # noqa: S311 - repeatable on purpose
    catalog = configured(*NAMES, primary_key=[["externalId"]])
    schema = {"type": "object", "properties": {"name": {"type": ["string", "null"]}}}
    catalog["streams"][0]["stream"]["json_schema"] = schema
    text = lines(record("customers", **CUSTOMER), state("customers", n=1)).encode()
    for _ in range(20):
        changed, what = mutated(catalog, rng)
        ended, _ = connect(Destination(), "write", text, config=config, catalog=changed)
        check(ended, what)


def test_lines_of_the_destination(connect, config, tmp_path):
    rng = random.Random("lines")  # noqa: S311 - repeatable on purpose
    good = lines(invoice(0)).encode()
    text = lines(record("customers", **CUSTOMER)).encode()
    for n in range(150):
        text += mutated_line(good.replace(b'"I0"', b'"I%d"' % n), rng)
    catalog = configured(*NAMES)
    text += lines(state("customers", n=1)).encode()
    ended, found = connect(Destination(), "write", text, config=config, catalog=catalog)
    assert isinstance(ended, Failed)
    assert ended.exit_code in {3, 4}
    assert [m["state"]["stream"]["stream_state"] for m in found if m["type"] == "STATE"] == [
        {"n": 1}
    ]
    rejects = [json.loads(text) for text in (tmp_path / "rejects.jsonl").read_text().splitlines()]
    assert len(rejects) > 50
    assert all(entry["reasons"] for entry in rejects)


@pytest.mark.parametrize("name", ["config", "catalog", "state"])
def test_a_file_that_is_something_else(name, connect, config):
    files = {"config": config, "catalog": configured("customers"), "state": []}
    for value in JUNK:
        ended, _ = connect(Source(), "read", **{**files, name: value})
        assert isinstance(ended, SettingError) or (name == "state" and value in (None, [], {}))


@pytest.mark.parametrize(("command", "redirection"), [("read", ">/dev/full"), ("spec", ">&-")])
def test_an_output_that_takes_nothing(command, redirection, source):
    line = source.arguments(command, catalog=configured("customers"))
    done = subprocess.run(
        ["bash", "-c", f"{shlex.join(line)} {redirection}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=source.env,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("source-clearbooks: standard output ")
    assert "Traceback" not in done.stderr
