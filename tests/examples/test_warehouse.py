"""The warehouse of the examples: what its models make of rows that are out of the ordinary."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import duckdb
import pytest

from tests.examples.conftest import DATA, balances, pipeline_of
from tools.demo.stage import ROOT, Failed


def build(example, folder, *more):
    return subprocess.run(
        [sys.executable, "examples/warehouse.py", example, "--folder", str(folder), *more],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def ask(folder, example, query):
    with duckdb.connect(str(folder / example / "warehouse.duckdb"), read_only=True) as db:
        return db.execute(query).fetchall()


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    done = build("online-sales", tmp_path, "--source", str(tmp_path / "none.csv"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert "none.csv" in done.stderr.splitlines()[0]
    assert "Traceback" not in done.stderr


def test_rows_that_the_model_does_not_take_are_told(tmp_path):
    some = build("online-sales", tmp_path).stderr
    assert re.search(
        r"online-sales: [\d,]+ of [\d,]+ rows of online_retail.csv; [\d,]+ are left out", some
    )
    whole = build("online-sales", tmp_path, "--whole").stderr
    assert re.search(r"online-sales: ([\d,]+) of \1 rows of online_retail.csv\n", whole)


@pytest.mark.parametrize("example", ["online-sales", "supplier-spend"])
def test_another_file_is_taken_whole_whatever_its_days(tmp_path, example):
    """The slice of the example's own file is one of days that another file does not have."""
    data = {"online-sales": "online_retail.csv", "supplier-spend": "gla_spend.csv"}[example]
    head, *rows = (DATA / data).read_text(encoding="utf-8").splitlines()
    source = tmp_path / "mine.csv"
    source.write_text("\n".join([head, *rows[-7:]]) + "\n", encoding="utf-8")
    done = build(example, tmp_path, "--source", str(source))
    assert done.stderr == f"{example}: 7 of 7 rows of mine.csv\n"


def test_an_unnamed_customer_in_the_eu_is_charged_uk_vat(tmp_path):
    assert build("online-sales", tmp_path, "--whole").returncode == 0
    query = """
        SELECT customer, treatment, rate, count(*)
        FROM sale_line JOIN sales_file AS file USING (row)
        WHERE file.Country = 'EIRE' GROUP BY ALL ORDER BY customer
    """
    rows = {row[0]: row[1:3] for row in ask(tmp_path, "online-sales", query)}
    assert rows.pop("CASH") == ("UK", "17.5%")
    assert set(rows.values()) == {("GEU", "Zero rated")}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Press Association Limited", "PRESS ASSOCIATION LTD, THE"),
        ("JW  CREATIVE DESIGN", "JW CREATIVE DESIGN"),
        ("ESRI (UK) Limited", "ESRI UK LTD."),
        ("Trade Winds", "TRADE WINDS"),
    ],
)
def test_spellings_of_one_supplier(tmp_path, one, other):
    assert build("supplier-spend", tmp_path).returncode == 0
    with duckdb.connect(str(tmp_path / "supplier-spend" / "warehouse.duckdb")) as db:
        keys = db.execute("SELECT supplier_key(?), supplier_key(?)", [one, other]).fetchall()[0]
        assert keys[0] == keys[1] != db.execute("SELECT supplier_key('LTD')").fetchall()[0][0]


def test_an_account_that_is_not_listed_is_refused_and_the_rest_is_written(tmp_path):
    lines = (DATA / "gla_spend.csv").read_text(encoding="utf-8").splitlines()[:4]
    source = tmp_path / "spend.csv"
    strange = lines[1].replace("502000,AGENCY STAFF", "599999,CROWN JEWELS")
    assert strange != lines[1]
    source.write_text("\n".join([lines[0], strange, *lines[2:]]) + "\n", encoding="utf-8")
    with pipeline_of("supplier-spend", tmp_path) as pipeline:
        pipeline.stage.environment["WAREHOUSE_SUPPLIER_SPEND_CSV"] = str(source)
        with pytest.raises(Failed, match='"exit_code":3'):
            pipeline.run("write")
        refused = {(stream, reason): keys for (stream, reason), keys in pipeline.refused().items()}
        (reason,) = [reason for stream, reason in refused if stream == "bills"]
        assert "there is no account code 'unknown: CROWN JEWELS'" in reason
        # Its payment is made; what it would clear is not there.
        assert {stream for stream, _ in refused} == {"bills", "purchase_allocations"}
        assert str(balances(pipeline)["Agency staff"]) == "2412.58"


def test_a_plan_tells_what_a_run_would_write_and_writes_nothing(tmp_path):
    plan = tmp_path / "plan.jsonl"
    with pipeline_of("online-sales", tmp_path) as pipeline:
        pipeline.stage.environment |= {
            "TARGET_CLEARBOOKS_DRY_RUN": "true",
            "TARGET_CLEARBOOKS_PLAN_PATH": str(plan),
        }
        assert pipeline.run("dry").writes == 0
    totals = json.loads(plan.read_text(encoding="utf-8").splitlines()[-1])["totals"]
    assert totals == {
        "bank_accounts": {"create": 1},
        "customers": {"create": 99},
        "sales_invoices": {"create": 127, "invalid": 10},
        "sales_credit_notes": {"create": 6},
        "payments": {"create": 78},
        "sales_allocations": {"create": 93},
    }
