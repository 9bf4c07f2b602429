"""The commands of docs/connect.md run, in order, as they stand there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from clearbooks.errors import ClearBooksError, NotAuthorisedError
from clearbooks_app.connect import SANDBOX
from clearbooks_app.consent_server import DeniedError, NoAnswerError, PortError, StateError
from tests.postgres import database, server  # noqa: F401 - fixtures

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "connect.md").read_text(encoding="utf-8")
DATABASE = "postgresql://books@db.example/pipelines"
# Each time another person at the browser: allows access for all businesses, and lets the page
# come back.
PERSON = f"""#!{sys.executable}
import os, sys
sys.path.insert(0, {str(ROOT)!r})
if os.fork() == 0:
    os.setsid()
    import requests
    from tests.clearbooks_app.conftest import decide
    requests.get(decide(sys.argv[1], user=str(os.getpid())), timeout=30)
"""


def commands():
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
        yield from block.splitlines()


def test_commands(sandbox, settings, home, database):  # noqa: F811
    person = home / "person"
    person.write_text(PERSON)
    person.chmod(0o755)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "BROWSER": f"{person} %s", "PATH": path}
    # Only the places differ: a free port, and a database that is there.
    assert PAGE.count(DATABASE) >= 4
    outputs = {}
    for line in commands():
        command = line.replace(DATABASE, f"'{database}'")
        command = command.replace("--sandbox ", f"--sandbox {sandbox.site} ")
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=home,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        outputs[line] = done.stdout
    assert SANDBOX.startswith("http://127.0.0.1:")
    assert "Second Limited" in outputs["clearbooks connect --save clearbooks.json"]
    assert '"businesses"' in (home / "ledger.jsonl").read_text()
    assert '"businesses"' in (home / "sandbox.jsonl").read_text()
    assert "TAP_CLEARBOOKS_CLIENT_SECRET=sandbox-secret" in (home / ".env").read_text()
    assert (home / "clearbooks.bash").read_text()


def test_commands_that_need_a_person_are_known():
    shown = re.findall(r"^\$ (.*)$", PAGE, re.MULTILINE)
    assert shown == [
        "clearbooks connect --no-browser --save clearbooks.json",
        "clearbooks sandbox --demo",
    ]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ClearBooksError, "anything not named"),
        (NotAuthorisedError, "not connected, or refused"),
        (DeniedError, "denied"),
        (StateError, "`state`"),
        (PortError, "port"),
        (NoAnswerError, "in time"),
    ],
)
def test_exit_codes(error, words):
    meanings = dict(re.findall(r"^\| (\d) \| (.*?) \|$", PAGE, re.MULTILINE))
    assert words in meanings[str(error.exit_code)]
