"""The oldest versions of what we depend on do; `uv.lock` has the newest, and every other test."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tomllib

import pytest

from tests.project.conftest import ROOT
from tests.project.test_wheel import uv_cached

# What shows a change of the SDK: the programs, their settings, messages, state and stream maps.
TESTS = (
    "tests/tap_clearbooks/test_bookmarks.py",
    "tests/tap_clearbooks/test_library.py",
    "tests/tap_clearbooks/test_faults.py",
    "tests/target_clearbooks/test_library.py",
    "tests/clearbooks/test_configuration.py",
    "tests/clearbooks_files/test_mapping.py",
    "tests/clearbooks_files/test_readers.py",
)
WITH = ("pytest>=9", "hypothesis>=6.150")


@pytest.fixture(scope="module")
def python():
    """An interpreter with the lowest versions that pyproject.toml allows; made once for each."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [p for name in ("sandbox", "files") for p in project["optional-dependencies"][name]]
    wanted = [*project["dependencies"], *extras, *WITH]
    name = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:12]
    folder = ROOT / ".tools" / f"lowest-{name}"
    ready = folder / "ready"
    if not ready.exists():
        interpreter = str(folder / "bin" / "python")
        uv_cached("venv", "--quiet", "--clear", str(folder))
        uv_cached(
            "pip",
            "install",
            "--quiet",
            "--python",
            interpreter,
            "--resolution",
            "lowest-direct",
            *wanted,
        )
        uv_cached("pip", "install", "--quiet", "--python", interpreter, "--no-deps", "-e", ".")
        ready.touch()
    return folder / "bin" / "python"


def test_the_sdk_is_the_oldest_that_is_allowed(python):
    shown = "from importlib.metadata import version; print(version('singer-sdk'))"
    done = subprocess.run([python, "-c", shown], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0.51.0"


@pytest.fixture(scope="module")
def failed(python):
    """The files of `TESTS` with a test that fails, and what pytest printed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    done = subprocess.run(
        [python, "-m", "pytest", "-p", "no:cacheprovider", *TESTS],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    # 1 is the code of tests that failed; others are of pytest itself.
    assert done.returncode in {0, 1}, done.stdout[-4000:] + done.stderr
    files = set(re.findall(r"^(?:FAILED|ERROR) ([^:\s]+)", done.stdout, flags=re.MULTILINE))
    assert bool(files) == bool(done.returncode), done.stdout[-4000:]
    return files, done.stdout


@pytest.mark.parametrize("tests", TESTS)
def test_with_the_lowest_versions(failed, tests):
    files, printed = failed
    assert tests not in files, printed[-4000:]
    # It was run at all.
    assert f"{tests} " in printed
