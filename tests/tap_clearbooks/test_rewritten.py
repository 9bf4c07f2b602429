"""Transactions that the API rewrites in place: the copy is right after `reread_days`."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from tests.ledger import ONE

STREAMS = ["transactions", "transaction_lines", "account_balances"]


class Rewriting:
    """Changes transactions without a trace: neither ID nor count tells."""

    def __init__(self, books):
        self.books = books
        customer = books.do("createCustomer", {"name": "Smith"})["id"]
        for month in range(1, 7):
            books.invoice(customer, f"2024-{month:02}-03", month)

    def _run(self, sql, *values):
        with self.books.engine.transaction():
            self.books.engine.db.execute(sql, values)

    def write(self, number, date, lines):
        """Another date and other lines, amounts in pounds by account."""
        rows = [{"accountCodeId": account, "amount": amount} for account, amount in lines.items()]
        text = json.dumps({"id": number, "accountingDate": date, "lines": rows}).encode()
        self._run(
            "UPDATE transactions SET date = ?, json = ? WHERE business = ? AND id = ?",
            date,
            text,
            ONE,
            number,
        )
        self._run("DELETE FROM lines WHERE business = ? AND id = ?", ONE, number)
        for n, (account, amount) in enumerate(lines.items()):
            self._run(
                "INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?, NULL)",
                ONE,
                number,
                n,
                date,
                account,
                amount * 100,
            )


class Copy:
    """A loaded table of each stream."""

    def __init__(self):
        self.tables = {name: {} for name in STREAMS}

    def load(self, output):
        keys = {
            "transactions": ["id"],
            "transaction_lines": ["transactionId", "lineNumber"],
            "account_balances": ["accountingDateFrom", "accountCodeId"],
        }
        for name, table in self.tables.items():
            for record in output.records(name):
                key = tuple(record[field] for field in keys[name])
                table.pop(key, None)
                if not record.get("_sdc_deleted_at"):
                    table[key] = record
        return self


@pytest.fixture
def rewriting(books):
    return Rewriting(books)


@pytest.fixture
def run(run_tap):
    """`run(state, streams, …)`: a run over one business in which nothing fails."""

    def call(state=None, streams=STREAMS, **settings):
        output = run_tap(streams, state=state, business_ids=[ONE], page_size=2, **settings)
        assert not output.failures
        return output

    return call


def aged(state, days):
    """The state as if it had been left so many days earlier."""
    state = json.loads(json.dumps(state))
    for bookmark in state["bookmarks"].values():
        for partition in bookmark.get("partitions", []):
            if read := partition.get("read"):
                then = dt.datetime.fromisoformat(read) - dt.timedelta(days=days)
                partition["read"] = then.isoformat()
    return state


def test_what_is_rewritten_in_place_is_right_after_reread_days(rewriting, run):
    first = run()
    copy = Copy().load(first)
    # Another amount and month; fewer lines; none any more.
    rewriting.write(2, "2023-11-05", {1001001: -40, 7501001: 25, 8502001: 15})
    rewriting.write(3, "2024-03-03", {1001001: -4, 7501001: 4})
    rewriting.write(4, "2024-04-03", {})
    soon = run(aged(first.state, 6))
    assert not any(soon.records(stream) for stream in STREAMS)
    copy.load(soon)
    later = run(aged(soon.state, 1.01))
    copy.load(later)
    assert copy.tables == Copy().load(run()).tables
    again = run(later.state)
    assert not any(again.records(stream) for stream in STREAMS)


def test_a_stream_that_was_selected_later_has_a_week_of_its_own(rewriting, run):
    lines = run(streams=["transaction_lines"])
    both = ["transactions", "transaction_lines"]
    state = run(aged(lines.state, 5), both).state
    copy = Copy().load(lines)
    rewriting.write(2, "2024-02-03", {1001001: -4, 7501001: 4})
    output = run(aged(state, 2.01), both)
    copy.load(output)
    assert copy.tables["transaction_lines"] == Copy().load(run()).tables["transaction_lines"]
    assert not output.records("transactions")
