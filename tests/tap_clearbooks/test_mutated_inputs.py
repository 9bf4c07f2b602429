"""Mutated catalogs, states and settings: a line that names the entry, never a traceback."""

from __future__ import annotations

import copy
import io
import json
import random
import signal
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from clearbooks.errors import SettingError
from tap_clearbooks import read, tap
from tests.ledger import ONE
from tests.tap_clearbooks.conftest import select

CHOSEN = [
    "account_balances",
    "customers",
    "payments",
    "sales_invoices",
    "transaction_lines",
    "transactions",
    "vat_treatments",
]
PROGRAM = Path(sys.executable).with_name("tap-clearbooks")
JUNK = [
    None,
    True,
    False,
    0,
    -1,
    7,
    10**25,
    1.5,
    "",
    "x",
    "2024-02-31",
    "0001-01-01",
    "9999-12-31",
    [],
    [[]],
    [None],
    ["x"],
    {},
    {"x": None},
    {"context": None},
]


@pytest.fixture
def program(tmp_path, monkeypatch):
    """`program(config=…, catalog=…, state=…)` runs `tap-clearbooks` in this process."""
    handlers = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    # A path such as `x` is a good one: what is made there goes with the test.
    monkeypatch.chdir(tmp_path)

    def run(*more, **files):
        arguments = []
        for name, content in files.items():
            path = tmp_path / f"{name}.json"
            path.write_text(content if isinstance(content, str) else json.dumps(content))
            arguments += [f"--{name}", str(path)]
        out, err = io.BytesIO(), io.StringIO()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["tap-clearbooks", *arguments, *more])
            patch.setattr(sys, "stdout", io.TextIOWrapper(out, write_through=True))
            patch.setattr(sys, "stderr", err)
            with pytest.raises((SystemExit, Exception)) as ended:
                tap.main()
            if not isinstance(ended.value, SystemExit):
                # What the interpreter would print.
                err.write("".join(traceback.format_exception(ended.value)))
                return 1, "", err.getvalue()
            return ended.value.code or 0, out.getvalue().decode(), err.getvalue()

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def ledger(books):
    customer = books.do("createCustomer", {"name": "Smith"})["id"]
    for day in range(1, 4):
        books.invoice(customer, f"2024-03-0{day}")
    return books


def paths_of(value, path=()):
    """The path of everything in a JSON value."""
    yield path
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from paths_of(item, (*path, key))


def mutated(value, rng):
    """The value with one part replaced, renamed, removed or doubled; and what was done."""
    value = copy.deepcopy(value)
    path = rng.choice([p for p in paths_of(value) if p] or [()])
    holder = value
    for key in path[:-1]:
        holder = holder[key]
    how = rng.choice(["replace", "replace", "replace", "remove", "rename", "double"])
    key = path[-1]
    if how == "replace":
        holder[key] = rng.choice(JUNK)
    elif how == "remove":
        del holder[key]
    elif how == "rename" and isinstance(holder, dict):
        holder[f"{key}x"] = holder.pop(key)
    elif isinstance(holder, list):
        holder.append(copy.deepcopy(holder[key]))
    return value, f"{how} {path} {holder.get(key) if isinstance(holder, dict) else ''}"


def errors_of(err):
    return [line for line in err.splitlines() if "ERROR" in line or line.startswith("Error:")]


def check(code, err, what, names):
    assert "Traceback" not in err, (what, err[-3000:])
    assert code in {0, 2}, (what, code, err[-1500:])
    if code == 2:
        lines = errors_of(err)
        assert len(lines) == 1, (what, err[-1500:])
        assert any(name in lines[0] for name in names), (what, lines[0])


@pytest.fixture
def good(ledger, program, tmp_path):
    """Config, catalog and state of a run that works."""
    config = ledger.config(tmp_path, business_ids=[ONE])
    catalog = select(CHOSEN)
    catalog["streams"] = [s for s in catalog["streams"] if s["tap_stream_id"] in CHOSEN]
    code, out, err = program(config=config, catalog=catalog)
    assert code == 0, err
    messages = [json.loads(line) for line in out.splitlines()]
    state = [m["value"] for m in messages if m["type"] == "STATE"][-1]
    assert len(state["bookmarks"]) == len(CHOSEN)
    return {"config": config, "catalog": catalog, "state": state}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("kind", "rounds"), [("state", 40), ("catalog", 30)])
def test_a_mutated_input_ends_in_a_line_or_works(kind, rounds, seed, good, program):
    rng = random.Random(f"{kind} {seed}")  # noqa: S311 - repeatable on purpose
    codes = []
    for _ in range(rounds):
        value, what = mutated(good[kind], rng)
        code, _, err = program(**{**good, kind: value})
        check(code, err, what, [kind])
        codes.append(code)
    assert {0, 2} == set(codes)


SETTINGS = [
    "business_ids",
    "start_date",
    "end_date",
    "page_size",
    "lookback_days",
    "balance_period",
    "max_in_flight",
    "max_tries",
    "max_wait",
    "request_timeout",
    "api_paths",
    "user_agent",
    "attachments",
    "emit_activate_version_messages",
    "access_token",
    "api_url",
    "token_url",
    "token_store",
    "stream_maps",
    "stream_map_config",
    "flattening_enabled",
    "flattening_max_depth",
    "batch_config",
    "faker_config",
    "max_requests_per_second",
]


@pytest.mark.parametrize("name", SETTINGS)
def test_a_mutated_setting_ends_in_a_line_or_works(name, good, program):
    for value in JUNK:
        if name == "api_url" and value in (None, ""):
            # Unset: the live API.
            continue
        code, _, err = program(**{**good, "config": {**good["config"], name: value}})
        if name in {"access_token", "business_ids", "api_paths"} and code in {1, 5}:
            # A value of the right form that the API refuses.
            assert "Traceback" not in err
            continue
        check(code, err, (name, value), [name, "credentials", "flattening_max_depth"])


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ([], "state: it should be an object"),
        ({"bookmarks": None}, "state: bookmarks: null should be an object"),
        ({"bookmarks": {"payments": 3}}, "state: bookmarks: payments: it should be an object"),
        ({"bookmarks": {"payments": {"partitions": {}}}}, "payments: partitions: it should be a"),
        (
            {"bookmarks": {"payments": {"partitions": [{"context": {"businessId": "1"}}]}}},
            "payments: partitions[0]: context.businessId: it should be a whole number",
        ),
        (
            {
                "bookmarks": {
                    "payments": {
                        "partitions": [
                            {"context": {"businessId": 1}, "replication_key_value": "yesterday"}
                        ]
                    }
                }
            },
            "payments: partitions[0]: replication_key_value",
        ),
        (
            {
                "bookmarks": {
                    "transactions": {
                        "partitions": [
                            {"context": {"businessId": 1}, "replication_key_value": "2024-01-01"}
                        ]
                    }
                }
            },
            "transactions: partitions[0]: replication_key_value: it should be a whole number",
        ),
        (
            {"bookmarks": {"payments": {"partitions": [{"context": {"businessId": 1}}] * 2}}},
            "partitions[1]: a second one of business 1",
        ),
        ("{", "--state"),
    ],
    ids=str,
)
def test_a_wrong_state_is_named(state, words, good, program):
    code, out, err = program(**{**good, "state": state})
    assert code == 2
    assert not out
    (line,) = errors_of(err)
    assert words in line


def entry(catalog, name):
    return next(s for s in catalog["streams"] if s["tap_stream_id"] == name)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.update(streams=None), "catalog: it should be an object with the list"),
        (lambda c: entry(c, "customers").pop("schema"), "catalog: customers: object missing"),
        (lambda c: entry(c, "customers").update(metadata={}), "customers: metadata: it should be"),
        (lambda c: entry(c, "customers").update(tap_stream_id="customer"), "did you mean custom"),
        (
            lambda c: entry(c, "customers")["metadata"][0].update(metadata={"selected": "yes"}),
            "customers: metadata[0].metadata.selected: it should be true or false",
        ),
        (
            lambda c: entry(c, "payments").update(replication_key="id"),
            "payments: replication_key: 'id' should be 'date'",
        ),
        (lambda c: entry(c, "payments").update(replication_method="LOG_BASED"), "payments: repl"),
        (lambda c: entry(c, "payments").update(key_properties=["uuid"]), "no field 'uuid'"),
    ],
)
def test_a_wrong_catalog_is_named(change, words, good, program):
    change(good["catalog"])
    code, out, err = program(**good)
    assert code == 2
    assert not out
    (line,) = errors_of(err)
    assert words in line


def test_what_a_later_version_adds_to_a_state_is_ignored(good, program):
    for bookmark in good["state"]["bookmarks"].values():
        for partition in bookmark["partitions"]:
            partition |= {"ids": [1, 2], "marks": {"total": 3}, "seen": "2026-11-25"}
        bookmark["later"] = True
    good["state"] |= {"more": 1}
    good["state"]["bookmarks"]["of_a_later_version"] = {}
    code, out, err = program(**good)
    assert code == 0, err
    assert '"stream":"transactions","record"' not in out


def test_test_mode_names_what_is_wrong(good, program):
    code, _, err = program("--test", config={**good["config"], "access_token": "wrong"})
    assert code == 5
    assert "Traceback" not in err
    code, _, err = program("--test", config={**good["config"], "page_size": "many"})
    assert code == 2
    assert "page_size" in errors_of(err)[0]


def test_a_library_call_raises(good):
    with pytest.raises(SettingError, match="state: bookmarks"):
        read(good["config"], state={"bookmarks": None}, emit=lambda _: None)
    with pytest.raises(SettingError, match="state"):
        read(good["config"], state=[1], emit=lambda _: None)


@pytest.mark.parametrize("redirection", [">/dev/full", "<&- >&-", "--discover >/dev/full"])
def test_standard_input_and_output_that_are_full_or_closed(redirection, ledger, tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps(ledger.config(tmp_path, business_ids=[ONE])))
    done = subprocess.run(
        ["bash", "-c", f"'{PROGRAM}' --config '{config}' {redirection}"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.returncode == 1
    assert "standard output " in done.stderr
