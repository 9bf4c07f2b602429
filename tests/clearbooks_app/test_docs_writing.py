"""The commands of the README's section on writing, docs/write.md and docs/recover.md run."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from clearbooks_sandbox import AccountingEngine, Options, running
from clearbooks_sandbox.demo import build

from .test_docs import PERSON

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
RUN = "20260401-101500-a1b2c3"
FENCE = re.compile(r"^( *)```(\w+)(?: (\S+))?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r" +# exit code (\d+)$")


def blocks(page):
    """Kind, file name and lines of every fenced block."""
    text = page.read_text(encoding="utf-8")
    if page == README:
        text = text.partition("\n## Write\n")[2].partition("\n## ")[0]
    for indent, kind, name, inside in FENCE.findall(text):
        yield kind, name, [line.removeprefix(indent) for line in inside.splitlines()]


def faults_of(page):
    """The faults of the sandbox that a page starts."""
    shown = [line for kind, _, lines in blocks(page) if kind == "console" for line in lines]
    return [fault for line in shown for fault in re.findall(r"--fault (\S+)", line)]


class Reader:
    """Does what a page says, in an empty directory."""

    def __init__(self, home, site):
        self.home, self.site = home, site
        person = home / "person"
        person.write_text(PERSON)
        person.chmod(0o755)
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.env = {**os.environ, "BROWSER": f"{person} %s", "PATH": path}

    def shell(self, command, code=0):
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.home,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == code, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def run(self, line):
        """One line; the run that it names is the last that wrote or left something."""
        found = CODE.search(line)
        command = CODE.sub("", line)
        command = command.replace("--sandbox ", f"--sandbox {self.site} ")
        if RUN in command:
            runs = json.loads(self.shell("clearbooks syncs --json --config target.json"))
            command = command.replace(RUN, next(r["run"] for r in runs if done_by(r)))
        return self.shell(command, int(found[1]) if found else 0)

    def read(self, page):
        """All blocks of a page in order; what the commands printed."""
        outputs = {}
        for kind, name, lines in blocks(page):
            if name:
                text = "\n".join(lines) + "\n"
                path = self.home / name
                path.write_text(text)
                for value in [text] if name.endswith(".json") else lines:
                    json.loads(value)
            elif kind == "sh":
                outputs |= {line: self.run(line) for line in lines}
        return outputs


def done_by(run):
    counts = {outcome for counts in run["streams"].values() for outcome in counts}
    return counts & {"written", "quarantined"}


@pytest.fixture
def reader(home, request):
    page = request.param
    engine = AccountingEngine()
    build(engine)
    with running(engine, Options(faults=faults_of(page))) as sandbox:
        reader = Reader(home, sandbox.site)
        if page != README:
            [settings] = [b for b in blocks(README) if b[1] == "target.json"]
            (home / "target.json").write_text("\n".join(settings[2]))
            # Nobody waits here for a slow server's answer to settle.
            reader.env["TARGET_CLEARBOOKS_SETTLE_SECONDS"] = "1"
            edited = json.loads((home / "target.json").read_text()) | {"settle_seconds": 1}
            (home / "target.json").write_text(json.dumps(edited))
        yield reader
    engine.close()


def find(outputs, *words):
    return next(text for line, text in outputs.items() if all(word in line for word in words))


@pytest.mark.parametrize("reader", [README], indirect=True)
def test_readme(reader, home):
    """In the order of the page, on one sandbox: first a file, then records."""
    (home / "examples").symlink_to(ROOT / "examples")
    section = README.read_text(encoding="utf-8").partition("\n## From a file\n")[2]
    connect, write = re.findall(r"^\$ (.*)$", section.partition("\n## ")[0], re.MULTILINE)
    reader.run(connect)
    # Nobody is there who could be asked.
    assert "4        4      1236.66" in reader.run(f"{write} --yes")
    assert reader.run(f"{write} --yes") == ""
    outputs = reader.read(README)
    [refused] = [json.loads(line) for line in (home / "rejects.jsonl").read_text().splitlines()]
    assert refused["record"]["externalId"] == "W-1002"
    words = " ".join(refused["reasons"])
    assert "Revnue" in words
    assert "the nearest name is 'Revenue'" in words
    assert "20.00:Standard" in words
    assert "written" in find(outputs, "apply")
    assert "3 unchanged, 1 rejected" in find(outputs, "syncs")


@pytest.mark.parametrize("reader", [ROOT / "docs" / "write.md"], indirect=True)
def test_write(reader, home):
    outputs = reader.read(ROOT / "docs" / "write.md")
    assert "W-1 " in find(outputs, "map show")
    assert "1 voided" in find(outputs, "clearbooks syncs --config")
    assert "W-2" in (home / "plan.jsonl").read_text()
    assert "1 operations" in find(outputs, "undo 2026")
    assert "voided" in find(outputs, "apply undo")
    runs = json.loads(reader.shell("clearbooks syncs --json --config target.json"))
    assert runs[0]["streams"] == {"sales_invoices": {"written": 1}}  # the repaired record


@pytest.mark.parametrize("reader", [ROOT / "docs" / "recover.md"], indirect=True)
def test_recover(reader, home):
    page = ROOT / "docs" / "recover.md"
    outputs = reader.read(page)
    shown = find(outputs, "syncs show")
    assert "bank_feeds F-1" in shown
    assert "sales_invoices W-7" in shown
    assert "'Twin Ltd'" in shown
    assert "sales_invoices" in find(outputs, "rebuild")
    assert "D-2" in find(outputs, "map show customers")
    assert "1 operations" in find(outputs, "undo 2026")
    assert "voided" in find(outputs, "apply undo")
    assert (home / "lost.sqlite3").exists()
