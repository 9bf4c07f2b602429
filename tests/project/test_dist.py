"""`make dist`: wheel, requirements and images, the base of these by its digest."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.project.conftest import ROOT

DIGEST = "python@sha256:" + "1" * 64
DOCKER = f"""#!/bin/sh
echo "$@" >> "$CALLS"
[ "$1 $2" = "image inspect" ] && echo "{DIGEST}"
exit {{code}}
"""


@pytest.fixture
def dist(tmp_path, monkeypatch):
    """`dist(base, code)`: the calls of a docker that answers with this exit code."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "dist.sh", tmp_path / "tools")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "tools" / "uv.sh").write_text('echo "uv $@" >> "$CALLS"\n')
    path = tmp_path / "path"
    path.mkdir()

    def dist(base=None, code=0):
        calls = tmp_path / "calls"
        calls.write_text("")
        (path / "docker").write_text(DOCKER.format(code=code))
        (path / "docker").chmod(0o755)
        monkeypatch.setenv("CALLS", str(calls))
        monkeypatch.setenv("PATH", str(path), prepend=":")
        monkeypatch.setenv("BASE", base or "")
        command = ["sh", str(tmp_path / "tools" / "dist.sh"), "--no-cache"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return calls.read_text().splitlines()

    return dist


def test_images_are_built_on_a_digest(dist):
    calls = dist()
    assert "pull --quiet python:3.11-slim" in calls
    builds = [call for call in calls if call.startswith("build ")]
    assert [
        f"airbyte/{kind}-clearbooks/Dockerfile" in build
        for kind, build in zip(("source", "destination"), builds, strict=True)
    ] == [True, True]
    assert all(f"--build-arg BASE={DIGEST} --no-cache" in build for build in builds)


def test_a_digest_that_is_given_is_taken(dist):
    given = "python:3.11-slim@sha256:" + "2" * 64
    calls = dist(given)
    assert not [call for call in calls if call.startswith("pull")]
    assert sum(f"BASE={given}" in call for call in calls) == 2


def test_wheel_and_requirements_come_without_docker_too(dist):
    calls = dist(code=1)
    assert [call for call in calls if call.startswith("uv build")]
    assert [call for call in calls if "check-wheel-contents" in call]
    assert [call for call in calls if call.startswith("uv export --frozen")]
    assert not [call for call in calls if call.startswith("build ")]
