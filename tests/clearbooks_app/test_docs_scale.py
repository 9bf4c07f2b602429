"""The commands, the query and the example of docs/scale.md, as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from clearbooks.auth import Chain, open_store
from tests.postgres import database, server  # noqa: F401 - fixtures

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")
DATABASE = "postgresql://books@db.example/pipelines"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def shell(home, database):  # noqa: F811
    """`shell(line)`: a command of the page, with a database that is there; its output."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

    def run(line):
        command = line.replace(DATABASE, f"'{database}'")
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=home,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    return run


def test_commands(settings, browser, shell, monkeypatch, run, database):  # noqa: F811
    run("connect --write")
    # What a run of the target has left, so that there is something to list.
    record = '{"type": "RECORD", "stream": "customers", "record": {"externalId": "A", "name": "A"}}'
    for line in [line for block in blocks("sh") for line in block.splitlines()]:
        if line.startswith("TARGET_CLEARBOOKS_STATE_STORE="):
            name, _, _ = line.partition("=")
            monkeypatch.setenv(name, database)
            monkeypatch.setenv("TARGET_CLEARBOOKS_BUSINESS_IDS", "[101]")
            monkeypatch.setenv("CLEARBOOKS_TOKEN_STORE", database)
            monkeypatch.setenv("TARGET_CLEARBOOKS_TOKEN_STORE", database)
            for setting, value in settings.items():
                monkeypatch.setenv(f"TARGET_CLEARBOOKS_{setting}", value)
            shell(f"echo '{record}' | target-clearbooks --config ENV")
        else:
            output = shell(line)
    # The last one is `status --all … --json`.
    assert '"kind": "target"' in output
    [query] = blocks("sql")
    with psycopg.connect(database) as link:
        assert link.execute(query).fetchall() == []
        link.execute("UPDATE clearbooks_business_runs SET succeeded = succeeded - 90000")
        assert [row[1] for row in link.execute(query)] == [101]


def test_shards(database, capsys):  # noqa: F811
    for name, businesses in (("app-1", list(range(1, 31))), ("app-2", [99])):
        chain = Chain(
            client_id=name,
            connection="ann",
            token_url="https://example.com",
            access_token=f"t-{name}",
            businesses=businesses,
        )
        open_store(database).connect(chain)
    [code] = blocks("python")
    exec(compile(code.replace(DATABASE, database), "scale.md", "exec"), {})  # noqa: S102
    assert capsys.readouterr().out.splitlines() == [
        "app-1 1-25 first",
        "app-1 26-30 first",
        "app-2 99 first",
    ]
