"""The plugins as Meltano Hub wants them, and a new Meltano project made with its definitions."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import tomllib

import duckdb
import pytest
import yaml
from jsonschema import Draft7Validator

from tests.project.conftest import BIN, ROOT
from tests.project.hub import definition_schema, generated_settings
from tools.generate import about

PLUGINS = {"tap-clearbooks": "extractors", "target-clearbooks": "loaders"}
PROGRAMS = [*PLUGINS, "tap-clearbooks-files"]


def definition(name):
    return yaml.safe_load((ROOT / "hub" / PLUGINS[name] / f"{name}.yml").read_text("utf-8"))


@pytest.mark.parametrize("name", PLUGINS)
def test_the_definition_is_valid_for_the_hub(name):
    found = definition(name)
    assert list(Draft7Validator(definition_schema(PLUGINS[name])).iter_errors(found)) == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert found["executable"] in project["scripts"]
    assert found["repo"] == project["urls"]["Repository"]
    assert found["pip_url"] == f"git+{found['repo']}.git"
    known = {setting["name"] for setting in found["settings"]}
    assert {each for group in found["settings_group_validation"] for each in group} <= known
    page = found["docs"].removeprefix(f"{found['repo']}/blob/main/")
    assert (ROOT / page).is_file()
    assert found["log_parser"] == "singer-sdk"


@pytest.mark.parametrize("name", PLUGINS)
def test_the_logo_is_a_picture(name):
    data = (ROOT / "hub" / definition(name)["logo_url"].lstrip("/")).read_bytes()
    assert data.startswith(b"\x89PNG")
    assert struct.unpack(">II", data[16:24]) == (250, 250)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_hub_can_generate_a_definition_of_about(name):
    told = about(name)
    kinds = generated_settings(told)
    assert len(kinds) > 5
    if name in PLUGINS:
        mine = {setting["name"]: setting for setting in definition(name)["settings"]}
        assert {each for each in kinds if not each.startswith("stream_maps.")} - set(mine) == set()
        for each, kind in kinds.items():
            if kind == "options":
                assert mine[each]["kind"] == "options"


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_choice_is_null(name):
    """The generator of the Hub ends in an error over one."""

    def choices(schema):
        if isinstance(schema, dict):
            yield from schema["enum"] if isinstance(schema.get("enum"), list) else ()
            for part in schema.values():
                yield from choices(part)
        elif isinstance(schema, list):
            for part in schema:
                yield from choices(part)

    found = list(choices(about(name)["settings"]))
    assert None not in found
    assert found or name == "tap-clearbooks-files"


def test_a_generator_that_meets_null_fails():
    told = {"settings": {"properties": {"mode": {"type": "string", "enum": ["a", None]}}}}
    with pytest.raises(AttributeError):
        generated_settings(told)


class Project:
    """A new Meltano project; its plugins are programs of this environment."""

    def __init__(self, folder, environment):
        self.folder, self.environment = folder, environment

    def __call__(self, *arguments):
        done = subprocess.run(
            [BIN / "meltano", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout + done.stderr

    def add(self, kind, found):
        """Add a plugin by its definition; nothing is installed."""
        local = {key: value for key, value in found.items() if key != "pip_url"}
        for part in (local, *local.get("commands", {}).values()):
            part["executable"] = str(BIN / part["executable"])
        path = self.folder / f"{found['name']}.yml"
        path.write_text(yaml.safe_dump(local))
        self("add", "--plugin-type", kind, found["name"], "--from-ref", str(path), "--no-install")


def test_a_first_run_in_a_new_project(stage, tmp_path, meltano_yml):
    """Everything is selected, and attachments cost no request all the same."""
    folder = tmp_path / "project"
    environment = {
        **stage.environment,
        "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
        "MELTANO_CLI_DISABLE_VERSION_CHECK": "true",
        "TAP_CLEARBOOKS_ACCESS_TOKEN": "sandbox-access-token",
    }
    environment.pop("MELTANO_SYS_DIR_ROOT", None)
    Project(tmp_path, environment)("init", "project", "--no-usage-stats")
    project = Project(folder, environment)
    project.add("extractor", definition("tap-clearbooks"))
    loaders = meltano_yml["plugins"]["loaders"]
    loader = next(each for each in loaders if each["name"] == "target-duckdb")
    project.add("loader", loader)
    written = yaml.safe_load((folder / "meltano.yml").read_text("utf-8"))
    (tap,) = written["plugins"]["extractors"]
    assert (tap["name"], tap["variant"]) == ("tap-clearbooks", "clearbooks-connectors")
    assert "select" not in tap

    helped = project("invoke", "tap-clearbooks:doctor", "--help")
    assert re.search(r"clearbooks doctor", helped)

    stage.sandbox.requests.clear()
    project("run", "tap-clearbooks", "target-duckdb")
    asked = [request.path for request in stage.sandbox.requests]
    assert not [path for path in asked if "attachments" in path]
    with duckdb.connect(environment["TARGET_DUCKDB_PATH"], read_only=True) as db:
        tables = {
            name for (name,) in db.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        }
        (lines,) = db.execute("SELECT count(*) FROM transaction_lines").fetchone()
    assert {"customers", "sales_invoices", "transactions", "transaction_lines"} <= tables
    assert lines > 0
    assert len(asked) <= MOST_REQUESTS, json.dumps(asked, indent=1)


# Of a first run over the small business: a page for each list, and its balances by month.
MOST_REQUESTS = 52
