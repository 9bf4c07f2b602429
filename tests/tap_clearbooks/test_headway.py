"""A run of many businesses that is killed again and again comes to its end."""

from __future__ import annotations

import gc
import weakref

import pytest

from clearbooks.errors import UnavailableError
from clearbooks.pacing import Pacer
from tap_clearbooks.keys import copy_keys
from tap_clearbooks.library import read
from tap_clearbooks.tap import TapClearbooks
from tests.clearbooks.paging.at_once import most_at_once
from tests.ledger import ONE
from tests.tap_clearbooks.conftest import Output

BUSINESSES = range(ONE, ONE + 5)
STREAMS = ["bank_accounts", "sales_invoices", "suppliers", "transactions", "transaction_lines"]
RECORDS, PAGE = 80, 10


class Killed(BaseException):
    """As if by SIGKILL: nothing more is emitted."""


@pytest.fixture(autouse=True)
def no_pace(monkeypatch):
    monkeypatch.setattr(
        "clearbooks.client.open_pacer", lambda _: Pacer(None, sleep=lambda _s: None)
    )


@pytest.fixture
def ledgers(books):
    """Five businesses with some customers and invoices each."""
    for name in ("Three", "Four", "Five"):
        books.engine.add_business(name)
    for business in BUSINESSES:
        customer = books.do("createCustomer", {"name": "Smith"}, business=business)["id"]
        for n in range(RECORDS):
            books.invoice(customer, f"2024-03-{n % 28 + 1:02}", business=business)
    return books


@pytest.fixture
def run(ledgers, tmp_path):
    """`run(state, most)`: messages of a run that is killed after so many requests, or not."""
    config = ledgers.config(tmp_path, page_size=PAGE, max_in_flight=2)

    def call(state=None, most=None, **more):
        messages, before = [], len(ledgers.server.requests)

        def emit(message):
            if most is not None and len(ledgers.server.requests) - before >= most:
                raise Killed
            messages.append(message)

        try:
            result = read({**config, **more}, state=state, streams=STREAMS, emit=emit)
        except Killed:
            result = None
        requests = len(ledgers.server.requests) - before
        return Output(messages), result, requests

    return call


def keys(messages):
    return {
        (
            m["stream"],
            m["record"]["businessId"],
            m["record"].get("id"),
            m["record"].get("transactionId"),
        )
        for m in messages
        if m["type"] == "RECORD"
    }


@pytest.mark.parametrize("share", [0.45, 0.6, 0.8])
def test_killed_after_every_so_many_requests(ledgers, run, share):
    whole, _, first = run()
    _, _, later = run(whole.state)
    most, state, total, got, killed = int(first * share), {}, 0, set(), 0
    for _ in range(12):
        output, result, requests = run(state, most)
        state, total, got = output.state or state, total + requests, got | keys(output.messages)
        if result is not None:
            break
        killed += 1
    assert result is not None
    assert killed >= 1
    assert got == keys(whole.messages)
    assert total <= first + later + 30 * killed


def test_what_a_killed_run_left_out_comes_also_where_lists_may_be_a_day_old(
    books, tmp_path, monkeypatch
):
    monkeypatch.setattr("clearbooks.paging.passes.MARK_SECONDS", 0)
    customer = books.do("createCustomer", {"name": "Smith"})["id"]
    for _ in range(RECORDS):
        books.invoice(customer)
    config = books.config(tmp_path, page_size=PAGE, business_ids=[ONE], refresh_hours=24)
    messages = []

    def emit(message):
        messages.append(message)
        if message["type"] == "RECORD" and message["record"]["id"] > RECORDS - PAGE:
            raise Killed

    with pytest.raises(Killed):
        read(config, streams=["transactions"], emit=emit)
    state = Output(messages).state
    assert state["bookmarks"]["transactions"]["partitions"][0]["position"]
    read(config, state=state, streams=["transactions"], emit=messages.append)
    assert {number for _, number in Output(messages).ids("transactions")} == {
        *range(1, RECORDS + 1)
    }


def test_an_endpoint_that_fails_for_two_businesses_is_not_asked_again(ledgers, run):
    ledgers.server.faults.add("error:path=/accounting/suppliers")
    output, result, _ = run(max_tries=1)
    assert [failure.business for failure in result.failures] == list(BUSINESSES)
    assert {failure.stream for failure in result.failures} == {"suppliers"}
    assert len(output.ids("sales_invoices")) == len(BUSINESSES) * RECORDS
    # Of two businesses; nothing of a third one was begun.
    assert len(ledgers.asked("/suppliers")) == 2


def test_businesses_that_the_last_run_did_not_come_to_are_first(ledgers, run):
    whole, _, _ = run()
    state = whole.state
    for bookmark in state["bookmarks"].values():
        for partition in bookmark.get("partitions", []):
            if partition["context"] == {"businessId": ONE}:
                partition["last_run"] = "99991231-235959-000000"
    before = len(ledgers.server.requests)
    run(state)
    asked = [r.business for r in list(ledgers.server.requests)[before:] if r.business]
    assert list(dict.fromkeys(asked))[-1] == ONE


def test_a_business_that_is_refused_does_not_stop_reading_ahead(ledgers, run):
    ledgers.server.options.latency_ms = 20
    _, result, _ = run(business_ids=[999, *BUSINESSES], max_in_flight=8)
    assert result.failures
    assert most_at_once([r for r in ledgers.asked("/accounting") if r.status == 200]) > 2


def test_what_is_not_asked_again_does_not_count_as_a_second_failure_in_a_row(ledgers, tmp_path):
    tap = TapClearbooks(config=ledgers.config(tmp_path))
    errors = [UnavailableError(name, 500) for name in ("one", "two", "other")]
    for business, error in zip(BUSINESSES[:2], errors, strict=False):
        tap.plan.failures.note("suppliers", business, error)
        list(tap.plan.reading(tap.plan.streams["bank_accounts"], business))
    tap.plan.failures.note("suppliers", BUSINESSES[2], errors[1])
    tap.plan.failures.note("transactions", BUSINESSES[2], errors[2])
    assert len(tap.plan.failures) == 4
    with pytest.raises(UnavailableError):
        tap.plan.failures.note("vat_rates", BUSINESSES[2], UnavailableError("another", 500))
    tap.close()


def test_keys_of_one_business_are_held_at_a_time(run, monkeypatch):
    made, most = weakref.WeakSet(), []

    def tell(stream, kept=()):
        keys = copy_keys(stream, kept)
        made.add(keys)
        gc.collect()
        most.append(len(made))
        return keys

    monkeypatch.setattr("tap_clearbooks.stream.copy_keys", tell)
    whole, _, _ = run()
    run(whole.state)
    assert len(most) == 2 * len(BUSINESSES) * len(STREAMS)
    # Lines come from the pages of their transactions.
    assert max(most) == 2
