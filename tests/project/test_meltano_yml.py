"""meltano.yml says of every plugin what the plugin says of itself."""

from __future__ import annotations

import json
import subprocess
from functools import cache

import pytest
import yaml

from clearbooks_app.sandbox import sandbox
from clearbooks_sandbox import CONSENT_PATH, TOKEN_PATH, Options
from tests.project.conftest import BIN, ROOT

OURS = [
    plugin["name"]
    for plugins in yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))[
        "plugins"
    ].values()
    for plugin in plugins
    if "clearbooks" in plugin["name"] and "inherit_from" not in plugin
]


def plugin_of(meltano_yml, name):
    return next(
        p for plugins in meltano_yml["plugins"].values() for p in plugins if p["name"] == name
    )


@cache
def about(program):
    done = subprocess.run(
        [BIN / program, "--about", "--format", "json"], check=True, capture_output=True
    )
    return json.loads(done.stdout)


def leaves(properties, prefix=""):
    """The settings that a config file can hold, nested ones with dotted names."""
    for name, schema in properties.items():
        inner = schema.get("properties")
        if inner and name != "stream_maps":
            yield from leaves(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", schema


@pytest.mark.parametrize("name", OURS)
def test_settings_are_those_of_the_program(meltano_yml, name):
    written = {s["name"]: s for s in plugin_of(meltano_yml, name)["settings"]}
    told = dict(leaves(about(name)["settings"]["properties"]))
    assert list(written) == list(told)
    for setting, schema in told.items():
        entry = written[setting]
        assert entry["description"] == " ".join(schema["description"].split())
        assert entry["label"]
        assert entry.get("sensitive", False) is schema.get("secret", False)
        assert entry.get("value") == (schema.get("default") or entry.get("value"))
        if schema.get("default") not in (None, [], {}):
            assert entry["value"] == schema["default"]
        else:
            assert "value" not in entry


@pytest.mark.parametrize("name", OURS)
def test_kinds_fit_the_types(meltano_yml, name):
    fits = {
        "string": {"string"},
        "date_iso8601": {"string"},
        "integer": {"integer"},
        "boolean": {"boolean"},
        "array": {"array"},
        "object": {"object"},
    }
    told = dict(leaves(about(name)["settings"]["properties"]))
    for entry in plugin_of(meltano_yml, name)["settings"]:
        schema = told[entry["name"]]
        if entry["kind"] == "options":
            assert [o["value"] for o in entry["options"]] == [v for v in schema["enum"] if v]
        elif "type" in schema:
            types = {schema["type"]} if isinstance(schema["type"], str) else set(schema["type"])
            assert types - {"null"} == fits[entry["kind"]], entry["name"]
            assert (entry["kind"] == "date_iso8601") is (schema.get("format") == "date")


@pytest.mark.parametrize("name", OURS)
def test_capabilities_are_those_of_the_program(meltano_yml, name):
    assert plugin_of(meltano_yml, name)["capabilities"] == sorted(about(name)["capabilities"])


@pytest.mark.parametrize("name", OURS)
def test_groups_name_settings_that_exist(meltano_yml, name):
    plugin = plugin_of(meltano_yml, name)
    known = {s["name"] for s in plugin["settings"]}
    assert plugin["settings_group_validation"]
    for group in plugin["settings_group_validation"]:
        assert set(group) <= known


def test_streams_that_are_not_read_by_default_are_left_out(meltano_yml):
    done = subprocess.run([BIN / "tap-clearbooks", "--discover"], check=True, capture_output=True)
    not_selected = {
        f"!{stream['tap_stream_id']}.*"
        for stream in json.loads(done.stdout)["streams"]
        for entry in stream["metadata"]
        if not entry["breadcrumb"] and entry["metadata"]["selected-by-default"] is False
    }
    assert not_selected
    assert set(plugin_of(meltano_yml, "tap-clearbooks")["select"]) == {"*.*", *not_selected}


def test_nobody_is_told_about_runs(meltano_yml):
    assert meltano_yml["send_anonymous_usage_stats"] is False
    assert meltano_yml["cli"]["disable_version_check"] is True


def test_no_plugin_needs_an_installation_or_the_hub(meltano_yml):
    for plugins in meltano_yml["plugins"].values():
        for plugin in plugins:
            if "inherit_from" in plugin:
                assert plugin["inherit_from"] in {p["name"] for p in plugins}
                continue
            assert (BIN / plugin["executable"]).exists()
            assert plugin["namespace"]
            assert plugin["settings"]
            assert "pip_url" not in plugin


def test_jobs_and_schedules_name_what_exists(meltano_yml):
    plugins = [p for group in meltano_yml["plugins"].values() for p in group]
    # A mapper is run by the name of one of its mappings, a utility also by that of a command.
    mappings = {m["name"] for p in plugins for m in p.get("mappings", ())}
    names = {p["name"] for p in plugins if "mappings" not in p} | mappings
    commands = {f"{p['name']}:{c}" for p in plugins for c in p.get("commands", ())}
    jobs = {job["name"]: job["tasks"] for job in meltano_yml["jobs"]}
    for tasks in jobs.values():
        for task in tasks:
            assert set(task.split()) <= names | commands
    assert meltano_yml["schedules"]
    for schedule in meltano_yml["schedules"]:
        assert schedule["job"] in jobs


def test_the_dev_environment_is_the_sandbox_as_it_starts(meltano_yml):
    dev = next(e for e in meltano_yml["environments"] if e["name"] == "dev")
    config = dev["config"]["plugins"]["extractors"][0]["config"]
    defaults = {option.name: option.default for option in sandbox.params}
    site = f"http://{defaults['host']}:{defaults['port']}"
    assert config["api_url"] == f"{site}/v1"
    assert config["token_url"] == site + TOKEN_PATH
    assert config["authorize_url"] == site + CONSENT_PATH
    assert config["access_token"] == defaults["access_token"] == Options().access_token


def test_the_folder_of_the_databases_is_part_of_the_project(meltano_yml):
    (path,) = [
        s for s in plugin_of(meltano_yml, "target-duckdb")["settings"] if s["name"] == "path"
    ]
    dev = next(e for e in meltano_yml["environments"] if e["name"] == "dev")
    loader = dev["config"]["plugins"]["loaders"][0]["config"]
    for database in (path["value"], loader["path"].removeprefix("$MELTANO_PROJECT_ROOT/")):
        kept = subprocess.run(
            ["git", "ls-files", (ROOT / database).parent],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        assert kept.stdout, f"{database}: DuckDB makes no folders"
