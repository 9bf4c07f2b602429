"""tools/uv.sh finds uv, or makes it below the project, or says what to install."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess

import pytest

from tests.project.conftest import BIN, ROOT

# Tools that the script itself calls.
BASE = ("sh", "dirname", "grep", "cat", "rm", "mkdir", "cp", "chmod", "sed", "awk", "make")

# A Python whose modules `venv` and `pip` work or fail as told; "pip" brings the real uv.
PYTHON = """#!/bin/sh
case "$*" in
"-m venv "*)
    {venv} || exit 1
    mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
"-m pip install "*" --target "*)
    {pip} || exit 1
    while [ "$1" != --target ]; do shift; done
    mkdir -p "$2/bin" && cp {uv} "$2/bin/uv" ;;
"-m pip install "*)
    {pip} || exit 1
    cp {uv} "$(dirname "$0")/uv" ;;
*) exit 1 ;;
esac
"""


@pytest.fixture
def machine(tmp_path):
    """A project folder, and a PATH with nothing on it but the base tools."""
    path = tmp_path / "path"
    path.mkdir()
    for tool in BASE:
        (path / tool).symlink_to(shutil.which(tool))
    project = tmp_path / "project"
    (project / "tools").mkdir(parents=True)
    shutil.copy(ROOT / "tools" / "uv.sh", project / "tools")
    return tmp_path


def program(machine, name, text):
    file = machine / "path" / name
    file.write_text(text)
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


def python(machine, *, venv, pip):
    answers = {"venv": str(venv).lower(), "pip": str(pip).lower(), "uv": BIN / "uv"}
    program(machine, "python3", PYTHON.format(**answers))


def uv(machine, *arguments):
    return subprocess.run(
        ["sh", machine / "project" / "tools" / "uv.sh", *arguments],
        env={"PATH": str(machine / "path"), "HOME": str(machine / "home")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_uv_on_the_path_is_taken(machine):
    program(machine, "uv", '#!/bin/sh\necho "the one on PATH: $*; --no-default-groups"\n')
    done = uv(machine, "run", "thing")
    assert done.stdout == "the one on PATH: run thing; --no-default-groups\n"
    assert not (machine / "project" / ".tools").exists()


@pytest.mark.parametrize(
    ("venv", "pip"), [(True, True), (False, True)], ids=["venv", "only pip, no venv"]
)
def test_uv_is_made_below_the_project(machine, venv, pip):
    python(machine, venv=venv, pip=pip)
    done = uv(machine, "--version")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("uv ")
    assert (machine / "project" / ".tools" / "uv" / "bin" / "uv").exists()
    assert not (machine / "home").exists()
    again = uv(machine, "--version")
    assert "Making" not in again.stderr


def test_a_uv_that_cannot_do_it_counts_as_none(machine):
    program(machine, "uv", "#!/bin/sh\necho 'shim: command not found' >&2\nexit 127\n")
    python(machine, venv=True, pip=True)
    assert uv(machine, "--version").stdout.startswith("uv ")


@pytest.mark.parametrize("there", [True, False], ids=["python without pip", "no python"])
def test_what_to_install_is_said(machine, there):
    if there:
        python(machine, venv=False, pip=False)
    done = uv(machine, "--version")
    assert done.returncode == 1
    assert "sudo apt-get install python3-venv" in done.stderr
    assert not (machine / "project" / ".tools" / "uv").exists()


def test_make_alone_lists_the_targets():
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("demo", "test", "check"):
        assert f"  make {target} " in done.stdout


def test_the_lock_fits_the_project():
    environment = {k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"}
    done = subprocess.run(
        ["sh", ROOT / "tools" / "uv.sh", "lock", "--check", "--offline"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
