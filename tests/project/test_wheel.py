"""The built wheel, installed in an empty environment, works away from the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
import zipfile
from importlib.metadata import version

import pytest

from clearbooks.contract import load_contract
from tests.project.conftest import BIN, ROOT

PROGRAMS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]


def uv(*arguments, **options):
    environment = {k: v for k, v in os.environ.items() if k not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    return subprocess.run(
        ["sh", ROOT / "tools" / "uv.sh", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def uv_cached(*arguments):
    """Runs uv from its cache; where something is not in it, with the network."""
    done = uv(*arguments, "--offline")
    if done.returncode:
        done = uv(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    uv_cached("build", "--wheel", "--out-dir", str(folder))
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder of programs of an environment with the wheel and what it depends on."""
    folder = tmp_path_factory.mktemp("installed")
    lock = folder / "pylock.toml"
    uv_cached(
        "export",
        "--frozen",
        "--no-default-groups",
        "--no-emit-project",
        "--format",
        "pylock.toml",
        "--output-file",
        str(lock),
        "--quiet",
    )
    python = folder / "env" / "bin" / "python"
    uv_cached("venv", "--quiet", str(folder / "env"))
    uv_cached("pip", "install", "--quiet", "--python", str(python), "--requirements", str(lock))
    uv_cached("pip", "install", "--quiet", "--no-deps", "--python", str(python), str(wheel))
    return python.parent


def run(installed, program, *arguments):
    # Nothing of the checkout may help: another folder, no PYTHONPATH, no configuration.
    done = subprocess.run(
        [installed / program, *arguments],
        cwd=installed,
        env={"PATH": str(installed), "HOME": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_what_the_pages_are_made_of(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("clearbooks_app/ui/pages", "clearbooks_sandbox/pages"):
        wanted = {
            str(path.relative_to(ROOT))
            for kind in ("templates", "static")
            for path in (ROOT / folder / kind).iterdir()
        }
        assert len(wanted) > 10
        assert wanted <= names


def test_the_wheel_holds_the_contract_and_the_licence(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {f"clearbooks/schemas/{path.name}" for path in (ROOT / "schemas").iterdir()}
    assert "clearbooks/schemas/openapi.yaml" in shipped
    assert shipped <= names
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in names)
    assert not any(name.startswith(("tests/", "tools/", "benchmarks/")) for name in names)


def test_check_wheel_contents(wheel):
    done = subprocess.run(
        [BIN / "check-wheel-contents", wheel], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, f"{wheel}: OK")


@pytest.mark.heavy
@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_runs_without_an_installation(wheel, program):
    """As `uvx` and `pipx run` do it: an environment of its own, made for the occasion."""
    option = {"source-clearbooks": "spec", "destination-clearbooks": "spec"}.get(program, "--help")
    said = uv_cached("tool", "run", "--quiet", "--from", str(wheel), program, option)
    assert "Usage: " in said or json.loads(said)["type"] == "SPEC"


def test_about(installed):
    told = json.loads(run(installed, "tap-clearbooks", "--about", "--format", "json"))
    assert told["name"] == "tap-clearbooks"
    assert told["version"] == version("clearbooks-connectors")
    assert "start_date" in told["settings"]["properties"]


def test_discover_needs_no_credentials(installed):
    catalog = json.loads(run(installed, "tap-clearbooks", "--discover"))
    readable = {r.name for r in load_contract().resources.values() if r.readable}
    assert {stream["tap_stream_id"] for stream in catalog["streams"]} == readable


def test_the_tap_needs_no_web_server(installed):
    freed = run(
        installed, "python", "-c", "import importlib.util as u; print(u.find_spec('uvicorn'))"
    )
    assert freed.strip() == "None"


def test_presets_come_with_it_and_text_needs_no_extra(wheel, installed):
    names = set(zipfile.ZipFile(wheel).namelist())
    presets = {path.name for path in (ROOT / "clearbooks_files" / "presets").glob("*.yml")}
    assert {f"clearbooks_files/presets/{name}" for name in presets} <= names
    listed = json.loads(run(installed, "clearbooks", "mapping", "list", "--json"))
    # What others only extend is none to read a file by.
    assert {f"{name}.yml" for name in listed} == {n for n in presets if not n.startswith("_")}
    samples = ROOT / "examples" / "bank-statement"
    config = installed / "files.json"
    config.write_text(json.dumps({"files": [{"path": str(samples / "monzo.csv"), "as": "monzo"}]}))
    assert "tx_0000AzQ1" in run(installed, "tap-clearbooks-files", "--config", str(config))
    config.write_text(
        json.dumps({"files": [{"path": str(samples / "statement.ofx"), "as": "ofx"}]})
    )
    done = subprocess.run(
        [installed / "tap-clearbooks-files", "--config", config],
        cwd=installed,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "needs ofxtools: pip install 'clearbooks-connectors[files] @ git+" in done.stderr
