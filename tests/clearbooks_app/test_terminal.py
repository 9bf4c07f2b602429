"""What commands print on a terminal of 80 columns: no line is longer, and no word is broken."""

from __future__ import annotations

import json
import os
import re
import shutil

import pytest
from click.testing import CliRunner

from clearbooks_app import main
from clearbooks_sandbox import AccountingEngine, running
from tests.clearbooks_files.conftest import SAMPLES
from tests.programs import run as run_program
from tests.terminal import at_terminal

from .test_commands import commands

WIDTH = 80
ORDERS = "shopify_orders.csv"
# Lines that people copy: an example, what comes next, and what is said in backticks.
COPIED = re.compile(
    r"\s+(?:\w+=\S+ )*(?:tap-|target-)?clearbooks .*|(?:[\w ]+:)?\s*(?:\S+|\W?`[^`]*`\W?)"
)


class Place:
    """A folder with settings, a sandbox that has been written to, and runs in its history."""

    def __init__(self, folder, sandbox):
        self.folder, self.sandbox = folder, sandbox
        self.env = {k: v for k, v in os.environ.items() if "CLEARBOOKS" not in k}
        self.env["XDG_STATE_HOME"] = str(folder / "state")

    def piped(self, words, program="clearbooks", **more):
        return run_program(program, *words.split(), cwd=self.folder, env=self.env, **more)

    def shown(self, words, program="clearbooks", **more):
        return at_terminal(program, *words.split(), cwd=self.folder, env=self.env, **more)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    engine = AccountingEngine()
    names = ("A business whose name takes more room than a column has", "Second Limited")
    numbers = [engine.add_business(name) for name in names]
    with running(engine) as sandbox:
        made = Place(folder, sandbox)
        done = made.piped(f"connect --sandbox {sandbox.site} --write --save target.json")
        assert done.returncode == 0, done.stderr
        config = json.loads((folder / "target.json").read_text())
        config |= {"business_ids": [numbers[0]], "state_store": "target.sqlite3"}
        (folder / "target.json").write_text(json.dumps(config))
        for name in (ORDERS, "contacts.csv"):
            shutil.copy(SAMPLES[name], folder / name)
        wrong = (folder / ORDERS).read_text().replace("20%", "21%")
        (folder / "wrong.jsonl").write_text(
            json.dumps(
                {
                    "externalId": "a-record-with-a-long-external-id-0001",
                    "customer": {"name": "Ada"},
                    "date": "2026-05-04",
                    "vatTreatment": "UK",
                    "lineItems": [
                        {
                            "description": "Saddle",
                            "quantity": 1,
                            "unitPrice": "30.00",
                            "accountCode": "Revnue",
                            "vatRate": "21%",
                        }
                    ],
                }
            )
            + "\n"
        )
        assert wrong
        for words in (
            "write contacts.csv --yes --config target.json",
            f"write {ORDERS} --as shopify-orders --yes --config target.json",
            "plan wrong.jsonl --stream sales_invoices --config target.json",
        ):
            done = made.piped(words)
            assert done.returncode in (0, 3), done.stderr
        (folder / "state.json").write_text(
            json.dumps({"bookmarks": {"transactions": {"replication_key_value": 12}}})
        )
        yield made
    engine.close()


def check(screen):
    long = [line for line in screen.splitlines() if len(line) > WIDTH]
    assert [line for line in long if not COPIED.fullmatch(line)] == []


@pytest.mark.parametrize(
    "words", ["", *(" ".join(w) for w, _ in commands())], ids=lambda w: w or "clearbooks"
)
def test_help(words):
    done = CliRunner().invoke(main, [*words.split(), "--help"])
    assert done.exit_code == 0, done.exception
    check(done.stdout)


@pytest.mark.parametrize(
    "program",
    [
        "tap-clearbooks",
        "target-clearbooks",
        "tap-clearbooks-files",
        "source-clearbooks",
        "destination-clearbooks",
    ],
)
def test_help_of_the_others(place, program):
    code, screen = place.shown("--help", program)
    assert code == 0
    check(screen)


READING = [
    "status --config target.json",
    "status --config target.json --state state.json",
    "status --all --config target.json",
    "doctor --config target.json",
    "doctor --config target.json --api",
    "businesses --config target.json",
    "connections --config target.json",
    "syncs --config target.json",
    "syncs show latest --config target.json",
    "map show sales_invoices --config target.json",
    "map show sales_invoices nobody --config target.json",
    "mapping list",
    "mapping check wrong.jsonl --stream sales_invoices --config target.json",
    f"mapping check {ORDERS} --as shopify-orders --config target.json",
    "plan wrong.plan.jsonl --config target.json",
    "plan wrong.jsonl --stream sales_invoices --config target.json",
    f"plan {ORDERS} --as shopify-orders --config target.json",
    "meltano-config --config target.json",
    "sandbox --faults",
    "sandbox --dialects",
    "sandbox --features",
    # What goes wrong.
    "syncs show nothing --config target.json",
    "status --config nowhere.json",
    "status",
    "doctor",
    "plan contacts.csv --as no-such-preset --config target.json",
    "map show nothing --config target.json",
    "map show customers --business none",
    "connect --sandbox http://127.0.0.1:9",
    "ui --port 99999",
]


@pytest.mark.parametrize("words", READING)
def test_what_is_read(place, words):
    """A pipe gets lines of any length; the terminal has the same words, each of them whole."""
    piped = place.piped(words)
    code, screen = place.shown(words)
    assert code == piped.returncode
    check(screen)

    def found(text):
        return {re.sub(r"\d+", "9", word) for word in text.split()}

    heads = {word for word in found(piped.stdout) if f"{word}:" in found(screen)}
    assert found(piped.stdout + piped.stderr) - heads - found(screen) == set()


@pytest.mark.parametrize(
    "words",
    [
        f"write {ORDERS} --as shopify-orders --config target.json",
        "write contacts.csv --config target.json --business 102",
        "undo latest --plan undo.jsonl --config target.json",
        "apply undo.jsonl --config target.json --reconcile",
        "rebuild --config target.json",
        "map set customers a-customer 1 --config target.json",
        "map unset customers a-customer --config target.json",
        "tokens move moved.json --config target.json",
        "disconnect --config target.json --token-store moved.json",
        "connect --sandbox SITE --write --save again.json",
        "connect --sandbox SITE --write --save .env",
    ],
)
def test_what_is_done(place, words):
    words = words.replace("SITE", place.sandbox.site)
    _, screen = place.shown(words, answers=[(b"[y/N]", b"y\n")])
    check(screen)
