"""Several records of one key in a run."""

from __future__ import annotations

import pytest

from tests.target_clearbooks.conftest import (
    TWO,
    customer,
    invoice,
    journal,
    line,
    record,
    schema,
)

# One key twice in a run


def warnings(caplog):
    return [r.getMessage() for r in caplog.records if "came twice" in r.getMessage()]


def test_the_last_of_one_key_counts_once(run, caplog):
    messages = [*TWO, customer(), invoice(description="First"), invoice(description="Second")]
    assert run(messages) == 0
    assert run.writes() == {("POST", "customers"): 1, ("POST", "sales"): 1}
    assert [d["description"] for d in run.invoices()] == ["Second"]
    [words] = warnings(caplog)
    assert "(lines 4 and 5)" in words
    before = run.writes()
    for _ in range(2):
        assert run(messages) == 0
        assert run.writes() == before


def test_a_second_run_of_keys_that_come_apart_sends_nothing(run):
    """The first was sent before the second came: it is known again all the same."""
    messages = [
        *TWO,
        customer(),
        invoice(description="First"),
        *(invoice(f"I{n}") for n in range(2, 90)),
        invoice(description="Second"),
        customer(name="Renamed"),
        invoice(description="Third"),
    ]
    assert run(messages) == 0
    before = run.writes()
    for _ in range(2):
        assert run(messages) == 0
        assert run.writes() == before
    # The source has gone back to an earlier one: that is the last now.
    assert run(messages[:-1]) == 0
    assert "Second" in {d.get("description") for d in run.invoices()}
    assert run(messages[:4]) == 0
    assert "First" in {d.get("description") for d in run.invoices()}


@pytest.mark.parametrize("order", ["121", "1213", "1223", "12312"])
def test_any_order_of_some_versions_of_a_record(run, order):
    """Next to each other, apart, and in the second run as in the first."""
    between = [invoice(f"{n}") for n in range(40)]
    versions = [invoice(description=f"Version {n}") for n in order]
    together = [*TWO, customer(), *versions]
    apart = [*TWO, customer(), *(m for each in versions for m in (each, *between))]
    for messages in (together, apart):
        assert run(messages) == 0
        described = {d.get("description") for d in run.invoices()}
        assert described - {None} == {f"Version {order[-1]}"}
        before = run.writes()
        assert run(messages) == 0
        assert run.writes() == before


def test_a_void_after_its_record_in_one_run(run):
    void = record("sales_invoices", "I1", _operation="void")
    messages = [*TWO, customer(), invoice(), void]
    assert run(messages) == 0
    before = run.writes()
    assert run(messages) == 0
    assert run.writes() == before


def rows_of_one(key="dup"):
    return [invoice(key, "C1", line(n, description=f"Row {n}")) for n in (1, 2, 3)]


def test_a_file_with_a_row_a_line_is_refused(run):
    messages = [*TWO, customer(), *rows_of_one(), invoice("I2")]
    for _ in range(2):
        assert run(messages) == 3
        assert [r["key"] for r in run.rejects] == ["dup"] * 3
        assert "(lines 4 and 5)" in run.rejects[0]["reasons"][0]
        assert "no line in common" in run.rejects[2]["reasons"][0]
        (run.directory / "rejects.jsonl").unlink()
    assert len(run.invoices()) == 1


def test_a_row_that_comes_after_the_first_was_written_is_refused(run):
    first, second, _ = rows_of_one()
    others = [invoice(f"I{n}") for n in range(90)]
    assert run([*TWO, customer(), first, *others, second]) == 3
    [row] = run.rejects
    assert "no line in common" in row["reasons"][0]
    [found] = [d for d in run.invoices() if d["lineItems"][0]["description"] == "Row 1"]
    assert len(found["lineItems"]) == 1


def test_of_two_journals_of_a_key_the_last_is_posted(run):
    first, last = (journal("J", ("9501001", f"-{n}"), ("9001002", n)) for n in ("10.00", "20.00"))
    for _ in range(2):
        assert run([*schema("journals"), first, last]) == 0
        [found] = run.listed("listTransactions")
        assert [row["amount"] for row in found["lines"]] == [-20, 20]
