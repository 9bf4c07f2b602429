"""Journals that are corrected or voided at the source: reversed, and posted anew."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal

import pytest

from target_clearbooks.deliver.reconcile import Reconciler
from tests.target_clearbooks.conftest import journal, record, schema

STREAMS = schema("journals")
SETTINGS = {"on_change": "replace"}
LOST = ("drop-before", "drop-after", "error-after", "truncate")


def wages(amount, **fields):
    return [*STREAMS, journal("Wages", ("9501001", f"-{amount}"), ("9001002", amount), **fields)]


VOID = [*STREAMS, record("journals", "Wages", _operation="void")]


def balance(run):
    """What stands on one of the two accounts; the other has the opposite."""
    found = Counter()
    for transaction in run.listed("listTransactions"):
        for row in transaction["lines"]:
            found[row["accountCodeId"]] += Decimal(str(row["amount"]))
    assert found[9501001] == -found[9001002]
    return found[9001002]


def posted(run):
    return run.writes()["POST", "journals"]


def test_a_changed_journal_is_reversed_and_posted_anew(run, command):
    assert run(wages("10.00"), **SETTINGS) == 0
    assert run(wages("12.50"), **SETTINGS) == 0
    assert (balance(run), posted(run)) == (Decimal("12.50"), 3)
    known = json.loads(command("map", "show", "journals", "--json"))
    assert [row["id"] for row in known if row["external_id"] == "Wages"] == [3]
    assert run(wages("12.50"), **SETTINGS) == 0
    assert posted(run) == 3
    # A third change, and one back to what it was at first.
    for amount in ("7.00", "10.00"):
        assert run(wages(amount), **SETTINGS) == 0
        assert balance(run) == Decimal(amount)
    assert posted(run) == 7
    assert not run.rejects


@pytest.mark.parametrize("settings", [SETTINGS, {}])
@pytest.mark.parametrize(
    "again",
    [
        {"accountingDate": "2024-05-30T23:00:00Z"},
        {"lines": [{"account_code": 9501001, "credit": 10}, {"accountCode": 9001002, "debit": 10}]},
        {
            "lines": [
                {"accountCode": "9001002", "amount": "10.00"},
                {"accountCode": "9501001", "amount": "-10.00"},
            ]
        },
    ],
    ids=["moment", "spelling", "order"],
)
def test_what_says_the_same_otherwise_stays_as_it_is(run, settings, again):
    assert run(wages("10.00"), **settings) == 0
    for _ in range(2):
        assert run(wages("10.00", **again), **settings) == 0
        assert (balance(run), posted(run)) == (Decimal("10.00"), 1)


def test_one_record_may_ask_for_it(run, command):
    assert run(wages("10.00")) == 0
    assert run(wages("12.50")) == 3
    assert "set on_change to replace" in run.rejects[0]["reasons"][0]
    for again in range(2):
        assert run(wages("12.50", _operation="replace")) == 0
        assert (balance(run), posted(run)) == (Decimal("12.50"), 3), again
    [run_id] = [
        r["run"]
        for r in json.loads(command("syncs", "--json"))
        if r["streams"].get("journals") == {"replaced": 1, "reversed": 1}
    ]
    assert run_id


@pytest.mark.parametrize("mode", ["update", "create"])
def test_modes(run, mode):
    """`update` corrects what is there; `create` never changes it."""
    assert run(wages("10.00"), **SETTINGS) == 0
    assert run(wages("12.50"), mode=mode, **SETTINGS) == (0 if mode == "update" else 3)
    assert balance(run) == Decimal("12.50" if mode == "update" else "10.00")


def test_a_void_posts_the_reversal_once(run):
    assert run(wages("10.00")) == 0
    for _ in range(2):
        assert run(VOID) == 0
        assert (balance(run), posted(run)) == (0, 2)
    # Another spelling of it, and the tombstone of a tap.
    gone = record("journals", "Wages", _sdc_deleted_at="2024-06-01T10:00:00Z")
    assert run([*STREAMS, record("journals", "Wages", _operation="Void")]) == 0
    assert run([*STREAMS, gone]) == 0
    assert posted(run) == 2
    assert run(wages("10.00")) == 0
    assert (balance(run), posted(run)) == (Decimal("10.00"), 3)
    assert run([*STREAMS, gone]) == 0
    assert (balance(run), posted(run)) == (0, 4)


def test_the_last_of_several_in_one_run_stands(run):
    both = [*wages("10.00"), *wages("12.50")[1:], journal("Other"), *wages("7.00")[1:]]
    assert run(both, **SETTINGS) == 0
    assert balance(run) == 17
    writes = posted(run)
    assert run(both, **SETTINGS) == 0
    assert posted(run) == writes


def test_what_was_never_posted_cannot_be_voided(run):
    assert run(VOID) == 3
    assert not run.writes()


def test_a_journal_whose_lines_are_not_kept_is_left_to_a_person(run, command):
    assert run(wages("10.00")) == 0
    [transaction] = run.listed("listTransactions")
    command("map", "unset", "journals", "Wages")
    command("map", "set", "journals", "Wages", f"transaction:{transaction['id']}")
    assert run(VOID) == 3
    assert "are not kept" in run.rejects[0]["reasons"][0]
    assert balance(run) == 10


CHANGES = {"changed": (wages("12.50"), Decimal("12.50")), "voided": (VOID, Decimal(0))}


def settled(run, messages):
    return any(run(messages, **SETTINGS) == 0 for _ in range(4))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("fault", LOST)
def test_a_lost_reply_at_every_request(run, fault, change):
    messages, wanted = CHANGES[change]
    before = wages("10.00")
    for nth in range(1, 8):
        assert settled(run, before)
        assert balance(run) == 10
        run.sandbox.faults.clear()
        run.sandbox.faults.plan(fault, nth=nth)
        assert settled(run, messages), nth
        run.sandbox.faults.clear()
        assert balance(run) == wanted, nth
        run.sandbox.requests.clear()
        assert run(messages, **SETTINGS) == 0
        assert not run.writes()
    assert not run.rejects


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("after", [False, True])
def test_a_kill_at_every_write(run, crash, change, after):
    messages, wanted = CHANGES[change]
    for nth in (1, 2, 3):
        assert settled(run, wages("10.00"))
        crash(messages, nth, after=after, **SETTINGS)
        assert run(messages, **SETTINGS) == 0
        assert balance(run) == wanted, nth


def test_a_doubt_about_the_reversal_is_settled_before_it_is_posted_anew(run, command):
    """Somebody posts the opposite just when the reply is lost: nothing tells which one is ours."""
    assert run(wages("10.00"), **SETTINGS) == 0
    run.sandbox.faults.plan("drop-after", method="POST")
    with pytest.MonkeyPatch.context() as patch:
        settle = Reconciler.settle

        def settling(reconciler, stream, doubts):
            body = dict(doubts[0][0].body)
            run.call("createJournal", body)
            return settle(reconciler, stream, doubts)

        patch.setattr(Reconciler, "settle", settling)
        assert run(wages("12.50"), **SETTINGS) == 4
    assert balance(run) == -10
    for _ in range(2):
        assert run(wages("12.50"), **SETTINGS) == 4
        assert balance(run) == -10  # nothing is sent on top of the doubt
    number = max(transaction["id"] for transaction in run.listed("listTransactions"))
    command("map", "set", "journals", "undo:1:Wages", f"transaction:{number}")
    assert run(wages("12.50"), **SETTINGS) == 0
    assert balance(run) == Decimal("2.50")  # what the other has posted is theirs


def test_a_plan_shows_the_reversal_and_is_carried_out(run, command):
    assert run(wages("10.00")) == 0
    path = run.directory / "plan.jsonl"
    for messages, wanted, keys in (
        (wages("12.50"), "12.50", ["undo:1:Wages", "Wages"]),
        (VOID, "0", ["undo:3:Wages"]),
    ):
        before = posted(run)
        assert run(messages, dry_run=True, plan_path=str(path), **SETTINGS) == 0
        assert posted(run) == before
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        operations = [line for line in lines if line["type"] == "operation"]
        assert [line["key"] for line in operations] == keys
        assert operations[0]["body"]["description"] == "Reversal: Month end"
        command("apply", str(path), "--yes")
        assert balance(run) == Decimal(wanted)
        writes = posted(run)
        assert run(messages, **SETTINGS) == 0
        assert posted(run) == writes


def test_undo_takes_back_what_was_posted_anew_and_says_what_it_leaves(run, command):
    assert run(wages("10.00")) == 0
    assert run(wages("12.50"), **SETTINGS) == 0
    number = json.loads(command("syncs", "--json"))[0]["run"]
    path = run.directory / "undo.jsonl"
    found = json.loads(command("undo", number, "--plan", str(path), "--json"))
    assert found["operations"] == 1
    assert found["left"] == [
        "journals 'undo:1:Wages': took 'Wages' back; send that again to have it"
    ]
    command("apply", str(path), "--yes")
    assert balance(run) == 0
    assert run(wages("10.00"), **SETTINGS) == 0
    assert balance(run) == 10
