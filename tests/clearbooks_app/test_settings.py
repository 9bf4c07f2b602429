"""Where settings come from, and `clearbooks meltano-config`."""

import json

import pytest
import yaml
from dotenv import dotenv_values

from clearbooks_app.config import load_settings


def test_meltano_config_for_env(connected, run, home, monkeypatch):
    monkeypatch.setenv("CLEARBOOKS_BUSINESS_IDS", "1, 2")
    monkeypatch.setenv("CLEARBOOKS_CLIENT_SECRET", 'it\'s $HOME "quoted" \\ secret')
    hidden = run("meltano-config").stdout
    assert "# TAP_CLEARBOOKS_CLIENT_SECRET=  (a secret" in hidden
    assert "quoted" not in hidden
    shown = run("meltano-config --show-secrets --plugin tap --plugin target").stdout
    (home / "out.env").write_text(shown)
    found = dotenv_values(home / "out.env", interpolate=False)
    assert found["TAP_CLEARBOOKS_CLIENT_SECRET"] == 'it\'s $HOME "quoted" \\ secret'
    assert found["TARGET_CLEARBOOKS_CLIENT_ID"] == "sandbox"
    assert json.loads(found["TAP_CLEARBOOKS_BUSINESS_IDS"]) == [1, 2]


def test_meltano_config_for_yaml(connected, run, monkeypatch):
    monkeypatch.setenv("CLEARBOOKS_TOKEN_STORE", "postgresql://me:hidden@db.example/books")
    text = run("meltano-config --format yaml --plugin tap --plugin target").stdout
    plugins = yaml.safe_load(text)["plugins"]
    assert plugins["extractors"][0]["name"] == "tap-clearbooks"
    assert plugins["extractors"][0]["config"] == plugins["loaders"][0]["config"]
    assert plugins["loaders"][0]["config"]["client_id"] == "sandbox"
    assert "hidden" not in text
    assert "# into .env, never here: TARGET_CLEARBOOKS_TOKEN_STORE" in text
    found = json.loads(run("meltano-config --json").stdout)["tap-clearbooks"]
    assert found["client_secret"] == found["token_store"] == "********"


def test_precedence(home, monkeypatch):
    (home / "one.json").write_text('{"client_id": "file", "page_size": 50, "clientid": "x"}')
    (home / ".env").write_text("TAP_CLEARBOOKS_CLIENT_ID=dotenv\nCLEARBOOKS_MAX_TRIES=3\n")
    assert load_settings(("one.json",)).values["client_id"] == "file"
    assert load_settings(("one.json",)).unknown == ("page_size", "clientid")
    assert load_settings().values["client_id"] == "dotenv"
    assert load_settings(("one.json", "ENV")).values["client_id"] == "dotenv"
    assert load_settings().values["max_tries"] == 3
    monkeypatch.setenv("TARGET_CLEARBOOKS_CLIENT_ID", "target")
    assert load_settings().values["client_id"] == "target"
    monkeypatch.setenv("TAP_CLEARBOOKS_CLIENT_ID", "tap")
    assert load_settings().values["client_id"] == "tap"
    monkeypatch.setenv("CLEARBOOKS_CLIENT_ID", "plain")
    found = load_settings()
    assert found.values["client_id"] == "plain"
    assert found.origins["client_id"] == "CLEARBOOKS_CLIENT_ID"
    assert found.origins["max_tries"] == "CLEARBOOKS_MAX_TRIES in .env"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("MAX_TRIES", "many", "max_tries: 'many' should be a whole number (from CLEARBOOKS_MAX"),
        ("MAX_TRIES", "0", "max_tries: 0 is less than the minimum of 1 (from CLEARBOOKS_MAX"),
        ("BUSINESS_IDS", "a,b", "business_ids: 'a,b' should be a JSON array"),
        ("API_PATHS", "{", "api_paths: '{' should be a JSON object"),
        ("API_URL", "http://api.example.com", "api_url: 'http://api.example.com' would send"),
    ],
)
def test_a_wrong_value_is_named_with_its_origin(run, monkeypatch, name, value, message):
    monkeypatch.setenv(f"CLEARBOOKS_{name}", value)
    result = run("status", 2)
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("text", ["{", "[]", None])
def test_a_config_file_that_is_none(run, home, text):
    if text is not None:
        (home / "c.json").write_text(text)
    result = run("status --config c.json", 2)
    assert result.stderr.startswith("Error: --config c.json: ")


def test_a_secret_of_the_wrong_type_is_not_repeated(run, home):
    (home / "c.json").write_text('{"client_secret": 12345678}')
    result = run("status --config c.json", 2)
    assert "client_secret: not of the right type (from c.json)" in result.stderr
    assert "12345678" not in result.output
