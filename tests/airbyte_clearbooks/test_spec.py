"""`spec`: made of the plugins' settings, and quick."""

import json
import os
import subprocess
import sys

from airbyte_clearbooks.spec import source_spec
from clearbooks.settings import connection_properties
from tap_clearbooks.settings import tap_properties
from tests.airbyte_clearbooks.program import SOURCE, Program

ELSEWHERE = {"authorize_url", "emit_activate_version_messages"}


def properties(spec):
    return spec["connectionSpecification"]["properties"]


def test_every_setting_of_the_tap_is_there_and_nothing_else():
    spec = source_spec()
    found = set(properties(spec)) - {"credentials", "streams"}
    for way in properties(spec)["credentials"]["oneOf"]:
        found |= set(way["properties"]) - {"auth_type", "token_expiry_date"}
    assert found == (set(connection_properties()) | set(tap_properties())) - ELSEWHERE


def test_types_titles_and_limits_are_those_of_the_settings():
    found = properties(source_spec())
    assert found["page_size"]["type"] == "integer"
    assert (found["page_size"]["minimum"], found["page_size"]["maximum"]) == (1, 200)
    assert found["balance_period"]["enum"] == ["month", "quarter", "year"]
    assert found["start_date"]["format"] == "date"
    assert found["start_date"]["title"] == tap_properties()["start_date"]["title"]


def test_secrets_are_marked_and_never_under_any_of():
    text = json.dumps(source_spec())
    assert "anyOf" not in text
    application, token = properties(source_spec())["credentials"]["oneOf"]
    for way, names in (
        (application, ["client_secret", "refresh_token", "access_token"]),
        (token, ["access_token"]),
    ):
        assert [n for n, s in way["properties"].items() if s.get("airbyte_secret")] == names


def test_each_way_to_authenticate_has_a_constant_of_its_own():
    ways = properties(source_spec())["credentials"]["oneOf"]
    assert [w["properties"]["auth_type"]["const"] for w in ways] == [
        "refresh_token",
        "access_token",
    ]


def test_every_property_has_a_known_group_and_its_own_place():
    spec = source_spec()["connectionSpecification"]
    groups = {group["id"] for group in spec["groups"]}
    assert {sub["group"] for sub in spec["properties"].values()} == groups
    orders = [sub["order"] for sub in spec["properties"].values()]
    assert orders == list(range(len(orders)))


def test_consent_writes_tokens_where_the_connector_reads_them():
    auth = source_spec()["advanced_auth"]
    outputs = auth["oauth_config_specification"]["complete_oauth_output_specification"]
    application = properties(source_spec())["credentials"]["oneOf"][0]["properties"]
    for name, sub in outputs["properties"].items():
        assert sub["path_in_connector_config"] == ["credentials", name]
        assert name in application
    assert auth["predicate_value"] == application["auth_type"]["const"]


def test_the_program_answers_one_line(tmp_path):
    run = Program(SOURCE, tmp_path, {})("spec")
    assert (run.code, [m["type"] for m in run.messages]) == (0, ["SPEC"])
    assert run.one("SPEC")["spec"] == json.loads(json.dumps(source_spec()))


def test_spec_needs_neither_the_sdk_nor_the_web():
    code = (
        "import sys; from airbyte_clearbooks.source import Source\n"
        "from airbyte_clearbooks.protocol import Output\n"
        "Source().run('spec', Output(1), {})\n"
        "loaded = {'singer_sdk', 'requests', 'airbyte_cdk'} & set(sys.modules)\n"
        "sys.exit(', '.join(loaded) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_spec_uses_less_cpu_than_importing_requests_twice():
    """A ratio rather than seconds, and the best of some: machines differ and other tests run."""

    def cpu(*command: str) -> float:
        before = os.times()
        subprocess.run(command, capture_output=True, check=True)
        return sum(os.times()[2:4]) - sum(before[2:4])

    rounds = [(cpu(SOURCE, "spec"), cpu(sys.executable, "-c", "import requests")) for _ in range(7)]
    spec, requests = (min(column) for column in zip(*rounds, strict=True))
    assert spec < 2 * requests
