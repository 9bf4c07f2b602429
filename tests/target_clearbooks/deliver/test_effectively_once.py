"""Whatever happens on the way, each source record stands in the ledger exactly once."""

from __future__ import annotations

import random
import time

import pytest

from tests.target_clearbooks.conftest import book, check_book, customer, invoice, schema

WRITES = ("POST",)
LOST = ("drop-after", "error-after", "html-after", "truncate", "cut")
NOT_DONE = ("error", "drop-before", "html", "throttle")


def test_twice_sends_nothing_the_second_time(run):
    assert run(book(3)) == 0
    assert run.states[-1] == {"done": 2}
    check_book(run, 3)
    run.sandbox.requests.clear()
    assert run(book(3)) == 0
    # One record is looked up, to see that the ledger is still the one that the store knows.
    assert [r.method for r in run.sandbox.requests] == ["GET"]


@pytest.mark.parametrize("fault", [*LOST, *NOT_DONE])
def test_each_fault_at_every_third_write(run, fault):
    times = ",times=2" if fault == "throttle" else ""
    run.sandbox.faults.add(f"{fault}:every=3,method=POST{times}")
    for _ in range(4):
        if run(book(4)) == 0:
            break
    run.sandbox.faults.clear()
    assert run(book(4)) == 0
    check_book(run, 4)
    assert run.sandbox.faults.counts.total() == 0


def test_time_out(run):
    run.sandbox.faults.add("slow-after:1:1.5:every=5,method=POST,times=2")
    for _ in range(3):
        if run(book(2), request_timeout=1) == 0:
            break
    assert run.sandbox.faults.counts["slow-after"] == 2
    check_book(run, 2)


def test_tokens_that_expire_in_mid_run(run):
    run.sandbox.faults.add("expire-tokens:every=9")
    code = run(
        book(4),
        access_token=None,
        client_id="sandbox",
        client_secret="sandbox-secret",
        refresh_token="sandbox-refresh-token",
        max_in_flight=1,
    )
    assert code == 0
    assert run.sandbox.faults.counts["expire-tokens"] > 2
    check_book(run, 4)


@pytest.mark.parametrize(
    "dialect",
    [
        "no-headers",
        "unsorted",
        "ascending-only",
        "wrapped",
        "nulls",
        "empties",
        "ok-200",
        "string-money",
        "string-ids",
        "unknown-fields",
        "voided-listed",
        "other-statuses",
    ],
)
def test_doubts_are_settled_in_every_dialect(run, dialect):
    run.sandbox.dialects.on(dialect)
    run.sandbox.faults.add("drop-after:every=2,method=POST")
    run.sandbox.faults.add("error:every=5,method=POST")
    for _ in range(6):
        if run(book(3)) == 0:
            break
    assert run.sandbox.faults.counts["drop-after"] > 2
    run.sandbox.faults.clear()
    assert run(book(3)) == 0
    check_book(run, 3)


def test_markers_off(run):
    run.sandbox.faults.add("drop-after:every=2,method=POST")
    for _ in range(4):
        if run(book(3), marker="off") == 0:
            break
    run.sandbox.faults.clear()
    assert run(book(3), marker="off") == 0
    check_book(run, 3)
    assert not any("reference" in d for d in run.invoices())


def test_markers_off_and_documents_that_look_alike(run):
    messages = [*schema("customers", "sales_invoices"), customer()]
    alike = [invoice(f"I{i}", description=f"Number {i}") for i in range(4)]
    assert run(messages) == 0
    run.sandbox.faults.plan("drop-after", method="POST")
    run.sandbox.faults.plan("drop-before", method="POST", nth=2)
    for _ in range(3):
        if run([*messages, *alike], marker="off") == 0:
            break
    found = run.invoices()
    assert sorted(d["description"] for d in found) == [f"Number {i}" for i in range(4)]


@pytest.mark.parametrize("dialect", ["pretty", "no-external-id", "external-id-ignored"])
def test_contacts_of_one_name(run, dialect):
    run.sandbox.dialects.on(dialect)
    names = [customer(f"C{i}", name="Smith", email=f"{i}@example.com") for i in range(4)]
    messages = [*schema("customers"), *names]
    run.sandbox.faults.plan("drop-after", method="POST")
    run.sandbox.faults.plan("drop-before", method="POST", nth=2)
    for _ in range(3):
        if run(messages) == 0:
            break
    assert sorted(c["email"] for c in run.customers()) == [f"{i}@example.com" for i in range(4)]


def test_kill_at_random_moments(run):
    chance = random.Random(11)  # noqa: S311 - repeatable on purpose
    run.sandbox.options.latency_ms = 15
    for _ in range(7):
        process = run.process(book(8))
        begun = len(run.sandbox.requests)
        end = time.monotonic() + 20
        wanted = begun + chance.randrange(1, 25)
        while len(run.sandbox.requests) < wanted and process.poll() is None:
            assert time.monotonic() < end
            time.sleep(0.001)
        process.kill()
        process.communicate()
    run.sandbox.options.latency_ms = 0
    assert run(book(8)) == 0
    check_book(run, 8)
