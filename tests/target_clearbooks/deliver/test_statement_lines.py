"""Lines of bank statements: the server keeps the first of an ID, whatever comes later."""

from __future__ import annotations

import pytest

from tests.target_clearbooks.conftest import record, schema

FEED = [
    *schema("bank_feeds", "bank_statements"),
    record("bank_feeds", "F1", bankAccount="Current account"),
]


def line(number, amount="-10.99", day="2024-03-01", text="Card payment"):
    return {"transactionId": number, "transactionDate": day, "amount": amount, "description": text}


def statement(key, *lines):
    return record("bank_statements", key, feed={"externalId": "F1"}, statementLines=list(lines))


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (line("2", "-11.99"), "as -10.99 of 2024-03-01, which the server keeps; now it is -11.99"),
        (line("2", day="2024-04-01"), "now it is -10.99 of 2024-04-01"),
        (line("2", text="Ada Bell"), "now it is the same with another description"),
    ],
    ids=["amount", "date", "description"],
)
def test_another_line_of_a_known_id_is_refused(run, changed, words, together):
    """Row numbers as IDs, say: each month begins with 1."""
    first, second = statement("March", line("1"), line("2")), statement("April", changed)
    for messages in [[first, second]] if together else [[first], [second]]:
        code = run([*FEED, *messages], assume_new=True)
    assert code == 3
    (reject,) = run.rejects
    assert reject["key"] == "April"
    assert words in reject["reasons"][0]
    assert "Ada Bell" not in reject["reasons"][0]


def test_the_same_line_in_two_statements_is_kept_once(run):
    both = [statement("1-15", line("1"), line("2")), statement("10-31", line("2"), line("3"))]
    for _ in range(2):
        assert run([*FEED, *both], assume_new=True) == 0
