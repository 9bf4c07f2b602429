"""`make demo` shows what it says, and leaves nothing behind when it is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.project.conftest import ROOT

PATIENCE = 300


def command(folder, *more):
    return [sys.executable, "-m", "tools.demo", "--folder", str(folder), *more]


def processes_of(folder):
    """Processes that run with an environment that names the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if str(folder).encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:  # it has ended, or is somebody else's
                continue
    return found


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def stayed(tmp_path_factory):
    """A whole demo with `--stay`, stopped when it says that the sandbox is up.

    Its folder, the user's home, the output before and after that, and the exit code.
    """
    folder, home = tmp_path_factory.mktemp("made") / "demo", tmp_path_factory.mktemp("home")
    with subprocess.Popen(
        command(folder, "--stay"),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        seen = ""
        for line in process.stdout:
            seen += line
            if "The sandbox stays up: http://127.0.0.1:" in line:
                break
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=PATIENCE)
    return folder, home, seen, rest, process.returncode


def test_the_demo_shows_what_it_says(stayed):
    folder, home, seen, rest, code = stayed
    assert code == 0, seen + rest
    assert "the balance is 0.00" in seen
    assert seen.count("✓") == 17
    for model in ("trial_balance", "aged_debtors", "vat_summary", "balance_sheet"):
        assert f"(model {model}" in seen
    assert (folder / "ledger.duckdb").exists()
    assert list(home.iterdir()) == [], "nothing is written outside the project"


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_it_leaves_no_process_and_no_half_made_file(tmp_path, number):
    folder = tmp_path / "demo"
    with subprocess.Popen(
        command(folder), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        # The tap and the loader run: the moment at which most could be left over.
        wait_for(lambda: len(processes_of(folder)) >= 3, "the run")
        process.send_signal(number)
        output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "nothing is left running" in output
    assert processes_of(folder) == []
    assert {path.suffix for path in folder.iterdir()} <= {".log"}


def test_it_stays_up_when_asked(stayed):
    _, _, seen, rest, code = stayed
    assert "✓" in seen
    assert "The sandbox stays up" in seen
    assert "The sandbox is down." in rest
    assert code == 0


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    done = subprocess.run(command(tmp_path), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert (tmp_path / "precious.txt").exists()
