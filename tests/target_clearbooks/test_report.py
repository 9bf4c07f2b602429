"""What a run says at its end: reasons, where the rest of them is, the next command, and a plan."""

from __future__ import annotations

import json

import pytest

from clearbooks import program
from clearbooks.errors import ClearBooksError
from target_clearbooks.plan import PlanError, read_plan
from target_clearbooks.report import tell
from target_clearbooks.settings import TargetSettings
from tests.target_clearbooks.conftest import TWO, customer, invoice, line, payment, schema


@pytest.fixture
def logged(caplog, monkeypatch):
    # Files of settings that another test named in this process.
    monkeypatch.setattr(program, "_configs", [])
    caplog.set_level("INFO", "target-clearbooks")
    return lambda: [record.getMessage() for record in caplog.records]


def bad(n):
    return invoice(f"W-{n}", "C1", line(rate="21%", account="Revnue"))


def test_reasons_reach_the_terminal_with_the_next_command(run, logged, monkeypatch):
    monkeypatch.setattr(program, "_configs", ["my target.json"])
    assert run([*TWO, customer(), *map(bad, range(23))], rejects_path=None) == 3
    refused = [words for words in logged() if words.startswith("not written: ")]
    assert len(refused) == 20
    assert refused[0].startswith("not written: sales_invoices W-0: lineItems[0].")
    assert "accountCode: " in refused[0]
    assert "vatRate: '21%' is not legal" in refused[0]
    summary, more, rest = logged()[-3:]
    name = json.loads(summary.removeprefix("summary "))["run"]
    assert more == "3 more were not written"
    assert rest == f"all reasons: `clearbooks syncs show {name} --config 'my target.json'`"


def test_with_a_reject_file_the_next_command_pipes_it_back(run, logged):
    assert run([*TWO, customer(), bad(1)]) == 3
    path = run.directory / "rejects.jsonl"
    assert logged()[-1] == (
        f"all reasons: {path}; once the records in it are repaired: "
        f"`mv {path} repaired.jsonl && target-clearbooks < repaired.jsonl`"
    )


def test_a_key_cannot_break_a_line_of_the_log(run, logged):
    assert run([*TWO, customer(), invoice("W\n\x1b[31m", "C1", line(rate="21%"))]) == 3
    [refused] = [words for words in logged() if words.startswith("not written: ")]
    assert refused.startswith("not written: sales_invoices W  [31m: ")


def test_what_is_open_is_told_with_the_command_that_shows_it(run, logged):
    assert run([*TWO, invoice("W-1", "C9")]) == 4
    assert logged()[-1].startswith("left open: 1 waiting; see: `clearbooks syncs show 2")


def test_a_configuration_that_meltano_made_is_no_part_of_a_command(monkeypatch):
    monkeypatch.setattr(program, "_configs", ["/p/.meltano/run/target/config.json"])
    assert program.command("clearbooks status") == "clearbooks status"


# Plans


def dry(run, messages, **settings):
    plan = run.directory / "plan.jsonl"
    return run(messages, dry_run=True, plan_path=str(plan), **settings), plan


def test_a_dry_run_says_what_it_comes_to(run, logged):
    credit = invoice("I2", "C1", line(50, quantity=2), currency="EUR", exchangeRate="1.25")
    code, plan = dry(
        run,
        [
            *TWO,
            *schema("payments"),
            customer(),
            invoice(),
            credit,
            payment(amount="120.00"),
            bad(1),
        ],
    )
    assert code == 3
    [words] = [words for words in logged() if words.startswith("PLAN: ")]
    assert words == (
        f"PLAN: dry run: nothing was sent; the plan is {plan}, and `clearbooks apply {plan}` "
        "carries it out"
    )
    [summary] = [words for words in logged() if words.startswith("PLAN summary ")]
    found = json.loads(summary.removeprefix("PLAN summary "))
    assert found["comes_to"] == {
        "sales_invoices": {"GBP": "100.00", "EUR": "100.00"},
        "payments": {"GBP": "120.00"},
    }
    assert found["streams"]["sales_invoices"] == {"to create": 2, "rejected": 1}
    assert not [words for words in logged() if '"written"' in words]
    assert logged()[-1] == f"all reasons: {plan}"


def test_the_table_of_a_dry_run_says_plan(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    summary = {
        "run": "r",
        "dry_run": True,
        "plan": "p.jsonl",
        "whole": True,
        "left": {},
        "comes_to": {"bills": {"GBP": "12.00"}},
        "streams": {"bills": {"to create": 1}},
    }
    tell(summary, TargetSettings(), 0)
    table = capsys.readouterr().err
    assert "PLAN: dry run: nothing was sent" in table
    assert "1 to create, comes to 12.00 GBP" in table


def test_a_dry_run_that_failed_half_way_leaves_no_plan_to_apply(run, logged):
    code, plan = dry(run, [*TWO, customer()])
    assert code == 0
    assert len(list(read_plan(plan, run.sandbox.url))) == 1
    with pytest.raises(ClearBooksError, match="BATCH"):
        dry(run, [*TWO, customer(), customer("C2"), {"type": "BATCH"}])
    with pytest.raises(PlanError, match="is not whole"):
        read_plan(plan, run.sandbox.url)
    assert f"{plan} cannot be carried out; make it anew" in logged()[-1]


def test_a_dry_run_that_ends_at_the_first_reject_leaves_none(run):
    code, plan = dry(run, [*TWO, customer(), bad(1), customer("C2")], on_reject="fail")
    assert code == 3
    with pytest.raises(PlanError, match="is not whole"):
        read_plan(plan, run.sandbox.url)


def test_a_dry_run_that_could_not_begin_leaves_no_plan_of_an_earlier_one(run):
    _, plan = dry(run, [*TWO, customer()])
    with pytest.raises(ClearBooksError):
        dry(run, [*TWO, customer()], access_token="wrong")
    with pytest.raises(PlanError, match="is not whole"):
        read_plan(plan, run.sandbox.url)
