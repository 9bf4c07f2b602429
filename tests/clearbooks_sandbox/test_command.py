"""`clearbooks sandbox` as people run it: start, kill, start again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import requests
from click.testing import CliRunner

from clearbooks_app import main
from clearbooks_sandbox import AccountingEngine
from tests.ledger import line

PROGRAM = [
    sys.executable,
    "-c",
    "from clearbooks_app import main; main()",
    "sandbox",
    "--port",
    "0",
]


@contextmanager
def started(*options, home=None):
    """The program in a process of its own; yields it, the API's URL and what it printed."""
    process = subprocess.Popen(
        [*PROGRAM, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=home
    )
    try:
        printed = ""
        while "Ctrl-C" not in printed:
            text = process.stdout.readline()
            assert text, printed
            printed += text
        yield process, re.search(r"API: +(\S+)", printed)[1], printed
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
        process.stdout.close()


def post(session, url, body):
    return session.post(url, json=body, timeout=10)


def authorised():
    session = requests.Session()
    session.headers["Authorization"] = "Bearer sandbox-access-token"
    return session


def test_what_it_prints():
    with started() as (process, url, printed):
        for part in ("sandbox-secret", "sandbox-refresh-token", "tap-clearbooks", "/books/"):
            assert part in printed
        with authorised() as session:
            assert session.get(url + "/businesses", timeout=10).json()[0]["id"] == 101
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert process.stdout.read().strip() == "Stopped."


def test_a_killed_sandbox_has_lost_nothing_that_it_answered(tmp_path):
    answered = []
    with started("--data", str(tmp_path)) as (process, url, _), authorised() as session:
        accounting = url + "/accounting"
        customer = post(session, f"{accounting}/customers", {"name": "x"}).json()["id"]
        item = line(0) | {"unitPrice": 10.5}
        body = {
            "date": "2024-03-01",
            "vatTreatment": "UK",
            "customerId": customer,
            "lineItems": [item],
        }
        form = {
            "grant_type": "refresh_token",
            "refresh_token": "sandbox-refresh-token",
            "client_id": "sandbox",
            "client_secret": "sandbox-secret",
        }
        token_url = url.removesuffix("/v1") + "/oauth/token"
        tokens = requests.post(token_url, data=form, timeout=10).json()
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            answered.append(post(session, f"{accounting}/sales/invoices", body).json())
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    with started("--data", str(tmp_path)) as (_, url, _), authorised() as session:
        found = []
        while len(found) < len(answered):
            query = {"limit": 200, "page": len(found) // 200 + 1}
            page = session.get(url + "/accounting/sales/invoices", params=query, timeout=10).json()
            assert page
            found += page
        assert found[: len(answered)] == answered
        token_url = url.removesuffix("/v1") + "/oauth/token"
        used = requests.post(token_url, data=form, timeout=10)
        assert used.json()["error"] == "invalid_grant", "a used refresh token stays used"
        form["refresh_token"] = tokens["refresh_token"]
        assert requests.post(token_url, data=form, timeout=10).ok
    engine = AccountingEngine(tmp_path / "sandbox.sqlite3")
    rows = engine.books(101).trial_balance()
    assert sum(row.balance for row in rows) == 0
    assert engine.db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    engine.close()


def run(*arguments):
    return CliRunner().invoke(main, ["sandbox", *arguments])


def test_mistakes_name_what_would_be_right(tmp_path):
    cases = [
        (["--fault", "foo"], "no fault 'foo'; there are: error"),
        (["--feature", "css"], "no feature 'css'; there are: cis"),
        (["--dialect", "foo"], "no dialect 'foo'; there are: nulls"),
        (["--host", "203.0.113.1"], "cannot listen on 203.0.113.1:8350"),
        (["--rate", "0"], "--rate"),
    ]
    for arguments, words in cases:
        result = run(*arguments)
        assert result.exit_code in (1, 2), arguments
        assert words in result.output
        assert "Traceback" not in result.output


def test_a_directory_in_use(tmp_path):
    engine = AccountingEngine(tmp_path / "sandbox.sqlite3")
    result = run("--data", str(tmp_path))
    assert (result.exit_code, "stop the other sandbox first" in result.output) == (1, True)
    engine.close()


def test_lists_of_faults_and_dialects():
    assert "drop-after" in run("--faults").output
    assert "string-money" in run("--dialects").output
    assert "Construction Industry Scheme" in run("--features").output


def test_without_its_extra_it_says_what_to_install():
    code = (
        "import sys; sys.modules['uvicorn'] = None\n"
        "from clearbooks_app import main; main(['sandbox', '--port', '0'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "pip install 'clearbooks-connectors[sandbox] @ git+" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_imports_no_subcommand():
    code = (
        "import sys\nfrom clearbooks_app import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "known = ('clearbooks_app.', 'clearbooks_sandbox', 'starlette', 'yaml')\n"
        "print([m for m in sys.modules if m.startswith(known)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert "sandbox" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
