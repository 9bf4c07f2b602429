"""A setting is declared once; everything else that knows it follows from that."""

import datetime as dt
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import jsonschema
import pendulum
import pytest
from msgspec import Meta
from singer_sdk import Tap

from airbyte_clearbooks.spec import destination_spec
from clearbooks.configuration import SECRET, Settings, unknown_settings, value_of_variable
from clearbooks.dates import day_of, period_of, today
from clearbooks.errors import SettingError
from clearbooks.plugin import ConfiguredPlugin, config_schema
from clearbooks.settings import Connection
from tap_clearbooks.settings import TapSettings
from target_clearbooks.settings import TargetSettings
from tools.generate import meltano_setting


@dataclass(frozen=True, repr=False, kw_only=True)
class Kettle(Settings):
    cups: Annotated[int, Meta(title="Cups", description="How many.", ge=1, le=6)] = 2
    tea: Annotated[Literal["green", "assam"], Meta(title="Tea")] = "green"
    sugar: Annotated[bool, Meta(title="Sugar")] = False
    guests: Annotated[tuple[str, ...], Meta(title="Guests")] = ()
    tins: Annotated[tuple[Literal["big", "small"], ...], Meta(title="Tins")] = ()
    recipe: Annotated[Path | None, Meta(title="Recipe")] = None
    best_before: Annotated[dt.date | None, Meta(title="Best before")] = None
    key: Annotated[str | None, Meta(title="Key", extra_json_schema=SECRET)] = None
    boiled: int = 0


class TapKettle(ConfiguredPlugin[Kettle], Tap):
    name = "tap-kettle"
    settings_class = Kettle
    config_jsonschema = config_schema(Kettle)

    def discover_streams(self):
        return []


def test_the_schema_comes_from_the_declaration():
    assert Kettle.properties() == {
        "cups": {
            "type": ["integer", "null"],
            "title": "Cups",
            "description": "How many.",
            "default": 2,
            "minimum": 1,
            "maximum": 6,
        },
        "tea": {
            "type": ["string", "null"],
            "title": "Tea",
            "enum": ["green", "assam"],
            "default": "green",
        },
        "sugar": {"type": ["boolean", "null"], "title": "Sugar", "default": False},
        "guests": {
            "type": ["array", "null"],
            "title": "Guests",
            "items": {"type": "string"},
            "default": [],
        },
        "tins": {
            "type": ["array", "null"],
            "title": "Tins",
            "default": [],
            "items": {"type": "string", "enum": ["big", "small"]},
        },
        "recipe": {"type": ["string", "null"], "title": "Recipe"},
        "best_before": {"type": ["string", "null"], "title": "Best before", "format": "date"},
        "key": {"type": ["string", "null"], "title": "Key", "secret": True, "writeOnly": True},
    }


@pytest.mark.parametrize("settings", [Connection, TapSettings, TargetSettings, Kettle])
def test_every_schema_is_one_and_its_default_keeps_it(settings):
    for name, schema in settings.properties().items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert None not in schema.get("enum", ()), name
        if "default" in schema:
            jsonschema.validate(schema["default"], schema)


def test_values_are_checked_and_typed():
    found = Kettle.from_config(
        {
            "cups": 3,
            "tea": "assam",
            "guests": ["Ada"],
            "tins": ["big"],
            "recipe": "~/tea",
            "best_before": "2027-01-31",
            "boiled": 9,
            "spoons": 4,
        }
    )
    assert found == Kettle(
        cups=3,
        tea="assam",
        guests=("Ada",),
        tins=("big",),
        recipe=Path("~/tea").expanduser(),
        best_before=dt.date(2027, 1, 31),
    )


@pytest.mark.parametrize("empty", [None, ""])
def test_what_is_empty_is_unset(empty):
    assert Kettle.from_config(dict.fromkeys(Kettle.properties(), empty)) == Kettle()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("cups", "x", "cups: 'x' should be a whole number from 1 to 6"),
        ("cups", 7, "cups: 7 should be a whole number from 1 to 6"),
        ("cups", True, "cups: True should be a whole number from 1 to 6"),
        ("tea", "grene", "tea: 'grene' should be one of green, assam"),
        ("sugar", "perhaps", "sugar: 'perhaps' should be true or false"),
        ("guests", "Ada", "guests: 'Ada' should be a list, each text"),
        ("guests", [1], "guests: [1] should be a list, each text"),
        ("tins", ["huge"], "tins: ['huge'] should be a list, each one of big, small"),
        ("recipe", 5, "recipe: 5 should be text"),
        ("best_before", "soon", "best_before: 'soon' should be a date such as 2026-04-06"),
        ("best_before", "2027-02-30", "best_before: '2027-02-30' should be a date such as"),
        ("key", 12345678, "key: the value should be text"),
    ],
)
def test_a_wrong_value_is_told_in_one_line(name, value, words):
    with pytest.raises(SettingError) as caught:
        Kettle.from_config({name: value})
    assert str(caught.value).startswith(words)
    assert "12345678" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_secret_is_not_shown():
    assert repr(Kettle(cups=4, key="hush-hush")) == "Kettle(cups=4, key=***)"
    secrets = {"client_secret": "s3cr3t-1", "refresh_token": "s3cr3t-2", "access_token": "s3cr3t-3"}
    assert "s3cr3t" not in repr(Connection(**secrets))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("cups", "4", 4),
        ("cups", "many", "many"),
        ("sugar", "Yes", True),
        ("sugar", "off", False),
        ("sugar", "ture", "ture"),
        ("guests", "Ada, Bob", ["Ada", "Bob"]),
        ("guests", '["Ada, Bob"]', ["Ada, Bob"]),
        ("guests", "[", "["),
        ("tea", "assam", "assam"),
    ],
)
def test_what_a_variable_says(name, text, value):
    assert value_of_variable(Kettle.properties()[name], text) == value


def test_numbers_in_a_list_of_a_variable():
    assert value_of_variable(Connection.properties()["business_ids"], "1, 2") == [1, 2]


def test_a_declared_setting_reaches_the_plugin_the_environment_and_the_documents(monkeypatch):
    monkeypatch.setenv("TAP_KETTLE_CUPS", "5")
    monkeypatch.setenv("TAP_KETTLE_GUESTS", "Ada,Bob")
    monkeypatch.setenv("TAP_KETTLE_MAX_TRIES", "3")
    tap = TapKettle(config={"tea": "assam"}, parse_env_config=True)
    assert tap.settings == Kettle(cups=5, tea="assam", guests=("Ada", "Bob"))
    assert tap.connection.max_tries == 3
    assert tap.connection.user_agent.startswith("tap-kettle/")
    about = TapKettle._get_about_info().settings["properties"]
    assert about["cups"] == Kettle.properties()["cups"]
    assert meltano_setting("cups", about["cups"]) == {
        "name": "cups",
        "kind": "integer",
        "label": "Cups",
        "description": "How many.",
        "value": 2,
    }
    assert meltano_setting("key", about["key"])["sensitive"] is True
    form = destination_spec(Kettle.properties(), ())["connectionSpecification"]["properties"]
    assert form["tea"]["enum"] == ["green", "assam"]
    assert form["key"]["airbyte_secret"] is True


@pytest.mark.parametrize(
    ("variable", "text", "words"),
    [
        ("TAP_KETTLE_CUPS", "many", "cups: 'many' should be a whole number from 1 to 6"),
        ("TAP_KETTLE_SUGAR", "ture", "sugar: 'ture' should be true or false"),
        ("TAP_KETTLE_MAX_TRIES", "0", "max_tries: 0 should be a whole number from 1"),
        ("TAP_KETTLE_STREAM_MAPS", "{", "'{' is not of type 'object'"),
    ],
)
def test_a_wrong_variable_is_told(monkeypatch, variable, text, words):
    monkeypatch.setenv(variable, text)
    with pytest.raises(SettingError) as caught:
        TapKettle(parse_env_config=True)
    assert str(caught.value).startswith(words)


def test_unset_values_pass_the_check():
    tap = TapKettle(config={"tea": None, "cups": None, "api_url": "", "stream_maps": None})
    assert tap.settings == Kettle()


def test_an_unknown_setting_is_told_once_with_the_nearest(caplog):
    with caplog.at_level(logging.WARNING):
        TapKettle(config={"cubs": 3, "zebra": 1, "cups": 3})
    assert caplog.messages == [
        "cubs is no setting and is ignored; did you mean cups?",
        "zebra is no setting and is ignored",
    ]
    assert unknown_settings(["start_dat", "pagesize"], TapSettings.properties()) == [
        "pagesize is no setting and is ignored; did you mean page_size?",
        "start_dat is no setting and is ignored; did you mean start_date?",
    ]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-04-06", dt.date(2026, 4, 6)),
        ("2026-04-05T23:30:00", dt.date(2026, 4, 5)),
        ("2026-04-05T23:30:00Z", dt.date(2026, 4, 6)),
        ("2026-01-05T23:30:00Z", dt.date(2026, 1, 5)),
        ("2026-01-06T00:30:00+01:00", dt.date(2026, 1, 5)),
    ],
)
def test_a_moment_is_of_the_day_in_london(text, day):
    assert day_of(text) == day
    assert TapSettings.from_config({"start_date": text}).start_date == day


@pytest.mark.parametrize("name", ["refresh_hours", "reread_days"])
def test_a_time_beyond_the_calendar_is_refused(name):
    with pytest.raises(SettingError, match=name):
        TapSettings.from_config({name: 10**10})


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:30:00-01:00"])
def test_a_moment_at_the_end_of_the_calendar_keeps_its_day(moment):
    assert str(day_of(moment)) == moment[:10]


@pytest.mark.parametrize(
    ("unit", "first", "last"),
    [
        ("month", dt.date(2024, 2, 1), dt.date(2024, 2, 29)),
        ("quarter", dt.date(2024, 1, 1), dt.date(2024, 3, 31)),
        ("year", dt.date(2024, 1, 1), dt.date(2024, 12, 31)),
    ],
)
def test_the_period_of_a_day(unit, first, last):
    assert period_of(dt.date(2024, 2, 10), unit) == (first, last)


def test_today_is_that_of_london(monkeypatch):
    moment = pendulum.datetime(2026, 4, 5, 23, 30, tz="UTC")
    monkeypatch.setattr(pendulum, "now", moment.in_timezone)
    assert today() == dt.date(2026, 4, 6)
