"""`make dist`: wheel, requirements and images, by docker or podman."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from clearbooks import __version__
from tests.project.conftest import ROOT

ENGINE = """#!/bin/sh
echo "$@" >> "$CALLS"
exit {code}
"""


@pytest.fixture(params=["docker", "podman"])
def dist(request, tmp_path, monkeypatch):
    """`dist(base, code)`: the calls of a docker or podman that answers with this exit code."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "dist.sh", tmp_path / "tools")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "tools" / "uv.sh").write_text('echo "uv $@" >> "$CALLS"\n')
    path = tmp_path / "path"
    path.mkdir()

    def dist(base=None, code=0):
        calls = tmp_path / "calls"
        calls.write_text("")
        for engine in ("docker", "podman"):
            here = code if engine == request.param else 1
            (path / engine).write_text(ENGINE.format(code=here))
            (path / engine).chmod(0o755)
        monkeypatch.setenv("CALLS", str(calls))
        monkeypatch.setenv("PATH", str(path), prepend=":")
        monkeypatch.setenv("BASE", base or "")
        command = ["sh", str(tmp_path / "tools" / "dist.sh"), "--no-cache"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return calls.read_text().splitlines()

    return dist


def test_images_are_built_on_the_base_of_their_dockerfiles(dist):
    builds = [call for call in dist() if call.startswith("build ")]
    assert [
        build.startswith(f"build --no-cache -f airbyte/{kind}-clearbooks/Dockerfile -t ")
        and build.endswith(f"/{kind}-clearbooks:{__version__} .")
        for kind, build in zip(("source", "destination"), builds, strict=True)
    ] == [True, True]


def test_a_base_that_is_given_is_taken(dist):
    given = "python:3.11-slim@sha256:" + "2" * 64
    assert sum(f"--build-arg BASE={given} --no-cache" in call for call in dist(given)) == 2


def test_wheel_and_requirements_come_without_images_too(dist):
    calls = dist(code=1)
    assert [call for call in calls if call.startswith("uv build")]
    assert [call for call in calls if "check-wheel-contents" in call]
    assert [call for call in calls if call.startswith("uv export --frozen")]
    assert not [call for call in calls if call.startswith("build ")]
