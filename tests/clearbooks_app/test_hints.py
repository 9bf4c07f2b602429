"""What a program says comes next can be copied and run as it stands."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil

import pytest

from clearbooks.program import keep_options, without_passwords
from tests.clearbooks_files.conftest import SAMPLES
from tests.programs import run as run_program

from .test_docs import PERSON

# A command in backticks, or on a line of its own.
HINT = re.compile(
    r"`((?:clearbooks|tap-|target-|mv )[^`\n]*)`"
    r"|^  ((?:\w+=\S+ )*(?:tap-)?clearbooks .*?)(?: {4}.*)?$",
    re.MULTILINE,
)
CONFIG = "my books.json"
RECORD = {
    "externalId": "W-1",
    "customer": {"externalId": "C-1", "name": "Ada"},
    "date": "2026-05-04",
    "vatTreatment": "UK",
    "lineItems": [
        {
            "description": "Bell",
            "quantity": 1,
            "unitPrice": "30.00",
            "accountCode": "Revnue",
            "vatRate": "20%",
        }
    ],
}
FEED = {"externalId": "F-1", "bankAccount": "Current account"}


class Shell:
    """A person's shell in a folder: they have settings, and a browser in which they allow all."""

    def __init__(self, home, sandbox, business):
        self.home = home
        person = home / "person"
        person.write_text(PERSON)
        person.chmod(0o755)
        self.env = {
            **os.environ,
            "BROWSER": f"{person} %s",
        }
        settings = {
            "client_id": "sandbox",
            "client_secret": "sandbox-secret",
            "api_url": sandbox.url,
            "token_url": sandbox.token_url,
            "authorize_url": sandbox.authorize_url,
            "business_ids": [business],
            "settle_seconds": 0,
        }
        (home / CONFIG).write_text(json.dumps(settings))

    def __call__(self, line):
        """Run a line as a shell would; the exit code, and what was printed on both outputs."""
        words, env, text = shlex.split(line), dict(self.env), None
        if words[0] == "mv":
            (self.home / words[1]).rename(self.home / words[2])
            words = words[words.index("&&") + 1 :]
        while "=" in words[0]:
            name, _, env[name] = words.pop(0).partition("=")
        if "<" in words:
            text = (self.home / words.pop()).read_text()
            words.pop()
        done = run_program(*words, cwd=self.home, env=env, text=text)
        printed = done.stdout + done.stderr
        assert "Traceback" not in printed
        return done.returncode, printed

    def hints(self, command):
        _, printed = self(command)
        found = [next(filter(None, groups)) for groups in HINT.findall(printed)]
        return list(dict.fromkeys(found))

    def messages(self, name, stream, *records):
        lines = [{"type": "RECORD", "stream": stream, "record": record} for record in records]
        (self.home / name).write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def shell(home, sandbox, engine):
    return Shell(home, sandbox, engine.business_ids()[0])


@pytest.mark.parametrize(
    "command",
    [
        "clearbooks status --config 'my books.json' --name acme",
        "clearbooks status --config 'my books.json' --token-store here.json",
        "clearbooks businesses --config 'my books.json'",
        "clearbooks doctor --config 'my books.json' --name acme --token-store here.json",
        "clearbooks connections --config 'my books.json'",
        "tap-clearbooks --config 'my books.json'",
        "target-clearbooks --config 'my books.json' < records.jsonl",
        "clearbooks write contacts.csv --yes --config 'my books.json'",
    ],
)
def test_what_is_not_connected_says_how_to_connect(shell, command):
    shutil.copy(SAMPLES["contacts.csv"], shell.home / "contacts.csv")
    shell.messages("records.jsonl", "sales_invoices", RECORD)
    before, _ = shell(command)
    (hint,) = shell.hints(command)
    assert hint.startswith("clearbooks connect")
    # The tokens are where the command will look for them, and it may write with them.
    assert ("--write" in hint) == (command.startswith("target-") or " write " in command)
    code, printed = shell(hint)
    assert code == 0, printed
    after, printed = shell(command)
    assert before != after or "connections" in command, printed
    assert "not connected" not in printed
    assert "HTTP 403" not in printed


@pytest.mark.parametrize(
    "options",
    [
        "--config 'my books.json'",
        "--config 'my books.json' --name acme",
        "--config 'my books.json' --save saved.json",
        "--config 'my books.json' --save .env",
        "--sandbox SITE",
        "--sandbox SITE --write --save other.json",
    ],
)
def test_connecting_says_what_comes_next(shell, sandbox, options):
    if "business_ids" in (shell.home / CONFIG).read_text():
        hints = shell.hints(f"clearbooks connect {options.replace('SITE', sandbox.site)}")
    assert hints
    for hint in hints:
        code, printed = shell(hint)
        assert code == 0, (hint, printed)


@pytest.fixture
def connected(shell):
    code, printed = shell(f"clearbooks connect --write --config '{CONFIG}'")
    assert code == 0, printed
    for name in ("contacts.csv", "monzo.csv"):
        shutil.copy(SAMPLES[name], shell.home / name)
    return shell


def test_a_file_planned_written_and_taken_back(connected):
    given = f"--config '{CONFIG}' --state-store 'its store.sqlite3'"
    (apply,) = connected.hints(f"clearbooks plan contacts.csv {given}")
    (again,) = connected.hints(f"clearbooks write contacts.csv {given}")
    assert apply == again
    assert "--state-store 'its store.sqlite3'" in apply
    assert connected(apply)[0] == 0
    code, printed = connected(f"clearbooks syncs {given}")
    assert code == 0
    assert "written" in printed
    (undo,) = connected.hints(f"clearbooks undo latest --plan 'to undo.jsonl' {given}")
    assert connected(undo)[0] == 0
    (syncs,) = connected.hints(f"clearbooks undo nothing --plan undo.jsonl {given}")
    assert connected(syncs)[0] == 0


def test_a_file_that_no_preset_knows(connected):
    (connected.home / "my jobs.csv").write_text("Customer,Date,Total\nBell,2026-05-04,12.00\n")
    (guess,) = connected.hints(f"clearbooks plan 'my jobs.csv' --config '{CONFIG}'")
    code, printed = connected(guess)
    assert code == 0, printed


def test_records_that_are_refused_or_planned(connected):
    connected.messages("records.jsonl", "sales_invoices", RECORD)
    run = f"target-clearbooks --config '{CONFIG}' --config ENV < records.jsonl"
    connected.env["TARGET_CLEARBOOKS_CREATE_MISSING"] = '["customers"]'
    (show,) = connected.hints(run)
    code, printed = connected(show)
    assert code == 0
    assert "Revnue" in printed
    connected.env["TARGET_CLEARBOOKS_REJECTS_PATH"] = "rejects.jsonl"
    (repair,) = connected.hints(run)
    code, printed = connected(repair)
    assert code == 3, printed
    assert "sales_invoices W-1" in printed
    connected.messages(
        "records.jsonl",
        "sales_invoices",
        json.loads(json.dumps(RECORD).replace("Revnue", "Revenue")),
    )
    dry = f"TARGET_CLEARBOOKS_DRY_RUN=true TARGET_CLEARBOOKS_PLAN_PATH=p.jsonl {run}"
    (apply,) = connected.hints(dry)
    code, printed = connected(apply)
    assert code == 0, printed


def test_a_person_is_told_which_command_decides(connected, engine):
    connected.messages("feeds.jsonl", "bank_feeds", FEED)
    sent = connected.hints(f"target-clearbooks --config '{CONFIG}' < feeds.jsonl")
    set_, unset, *_ = [hint for hint in sent if "clearbooks map" in hint]
    business = engine.business_ids()[0]
    assert f"bank_feeds F-1 ID --business {business} --config '{CONFIG}'" in set_
    code, printed = connected(unset)
    assert code == 0, printed
    code, printed = connected(f"target-clearbooks --config '{CONFIG}' < feeds.jsonl")
    assert code == 0, printed
    code, printed = connected(set_.replace(" ID ", " 1 "))
    assert code == 0, printed


def test_a_password_is_not_repeated():
    keep_options(token_store="postgresql://books:secret@db.example/p", name="acme")
    try:
        from clearbooks.program import account_command

        assert "secret" not in account_command("clearbooks status")
        assert "--name acme" in account_command("clearbooks status")
    finally:
        keep_options()
    assert without_passwords({"a": "keyring://b"}) == {"a": "keyring://b"}
