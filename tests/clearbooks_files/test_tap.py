"""`tap-clearbooks-files`: what it sends, what it sends no second time, and what it says."""

from __future__ import annotations

import json
import shutil

import pytest

from tests import programs
from tests.clearbooks_files.conftest import SAMPLES

TAP = "tap-clearbooks-files"


@pytest.fixture
def tap(tmp_path):
    shutil.copy(SAMPLES["monzo.csv"], tmp_path / "may.csv")

    def call(*arguments, files=None, code=0):
        files = files or [{"path": "*.csv", "as": "monzo", "set": {"bankAccount": "Till"}}]
        (tmp_path / "config.json").write_text(json.dumps({"files": files}))
        done = programs.run(TAP, "--config", "config.json", *arguments, cwd=tmp_path)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        if code:
            return done.stderr
        messages = [json.loads(line) for line in done.stdout.splitlines()]
        states = [m["value"] for m in messages if m["type"] == "STATE"]
        (tmp_path / "state.json").write_text(json.dumps(states[-1]))
        return [(m["stream"], m["record"]) for m in messages if m["type"] == "RECORD"]

    call.folder = tmp_path
    return call


def test_records_come_in_the_order_of_the_mapping(tap):
    records = tap()
    assert [stream for stream, _ in records] == ["bank_feeds", *["bank_statements"] * 2]
    assert records[0][1]["bankAccount"] == "Till"
    statement = records[2][1]
    assert statement["_sdc_source_file"] == "may.csv"
    assert statement["statementLines"][0]["_sdc_source_lineno"] == 3


def test_a_file_that_has_not_changed_is_not_sent_again(tap):
    assert tap()
    assert tap("--state", "state.json") == []
    with (tap.folder / "may.csv").open("a") as file:
        file.write("tx_9,04/05/2026,1,Card payment,Cy,,,1.00,GBP,,,,,,x,,,\r\n")
    assert len(tap("--state", "state.json")) == 3
    shutil.copy(SAMPLES["monzo.csv"], tap.folder / "june.csv")
    assert {r["_sdc_source_file"] for _, r in tap("--state", "state.json")} == {"june.csv"}
    other = [{"path": "*.csv", "as": "monzo", "set": {"bankAccount": "Safe"}}]
    assert len(tap("--state", "state.json", files=other)) == 6


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([{"path": "none*.csv", "as": "monzo"}], "files: there is no file none*.csv"),
        ([{"path": "may.csv", "as": "starling"}], "'starling' is neither a preset nor a file"),
        ([{"path": "may.csv", "as": "lloyds"}], "may.csv: no row holds the columns"),
        ([{"path": "may.csv", "as": "monzo", "set": {"till": 1}}], "till: is no option of"),
        ([{"path": "may.csv"}], "'as' is a required property"),
    ],
)
def test_what_is_wrong_is_one_line(tap, files, words):
    assert words in tap(files=files, code=2)


def test_nothing_leaves_where_a_later_file_is_wrong(tap):
    wrong = (tap.folder / "may.csv").read_text("utf-8-sig").replace("-13.96,GBP", "x,GBP")
    (tap.folder / "zzz.csv").write_text(wrong)
    stderr = tap(code=2)
    assert "zzz.csv row 3, Amount: 'x' is not a number such as 1,234.56" in stderr


def test_it_is_discovered(tap):
    files = [{"path": "none.csv", "as": "monzo"}]
    (tap.folder / "config.json").write_text(json.dumps({"files": files}))
    done = programs.run(TAP, "--config", "config.json", "--discover", cwd=tap.folder)
    assert done.returncode == 0, done.stderr
    streams = json.loads(done.stdout)["streams"]
    assert [s["tap_stream_id"] for s in streams] == ["bank_feeds", "bank_statements"]
    assert streams[0]["key_properties"] == ["externalId"]
