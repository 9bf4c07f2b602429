"""Lists that move while they are read, and how many requests are under way meanwhile."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from clearbooks.contract import load_contract
from clearbooks.errors import UnavailableError
from clearbooks.pacing import Pacer
from target_clearbooks.deliver.reconcile import Reconciler
from target_clearbooks.deliver.sending import Sender
from target_clearbooks.intent import Intent, WriteOperation
from target_clearbooks.ledger.lookups import Lookups
from tests.clearbooks.paging.at_once import most_at_once
from tests.clearbooks.paging.fake_api import FakeApi
from tests.target_clearbooks.conftest import customer, journal, schema

JOURNAL = Intent(
    1, "journals", WriteOperation.POST, "J1", {"accountingDate": "2024-05-02", "lines": []}
)
CUSTOMER = Intent(1, "customers", WriteOperation.CREATE, "C1", {"name": "Acme Ltd"})


class Falling(FakeApi):
    """Customers, or transactions, of which the oldest goes away before each request."""

    def __init__(self, count, **server):
        super().__init__(range(1, count + 1), before=self.shorten, **server)
        self.contract = load_contract()
        self.connection = SimpleNamespace(max_in_flight=8)

    def shorten(self, _number):
        self.records.pop(next(iter(self.records)), None)


class Nobody:
    """A map in which nothing stands."""

    def owner(self, _stream, _remote_id):
        return None


def read_customers(api):
    with Lookups(api, 1) as lookups:
        return {row["id"] for row in lookups.rows("customers")}


def read_payments(api):
    with Lookups(api, 1) as lookups:
        return set(api.records) if lookups.documents("payments", "reference", "R") == [] else set()


def reconciler(api):
    return Reconciler(Sender(api, 1), Nobody())


READINGS = {
    "contacts": read_customers,
    "payments": read_payments,
    "journals": lambda api: reconciler(api).snapshot(JOURNAL),
    "the newest": lambda api: reconciler(api).newest(CUSTOMER),
    "a lost reply": lambda api: reconciler(api).settle("customers", [(CUSTOMER, {"newest": 5})]),
}


@pytest.mark.parametrize("reading", READINGS.values(), ids=READINGS)
def test_a_list_that_never_stands_still_is_refused(reading):
    with pytest.raises(UnavailableError, match="changed in each of 20 readings"):
        reading(Falling(2000, sorts=()))


def test_where_the_server_sorts_what_slips_is_found():
    api = Falling(2000)
    found = read_customers(api)
    assert found >= set(api.records)
    assert len(api.requests) <= 20
    # None of them is the one whose reply was lost.
    [verdict] = reconciler(Falling(2000)).settle("customers", [(CUSTOMER, {"newest": 5})])
    assert type(verdict).__name__ == "Absent"


@pytest.fixture
def unpaced(monkeypatch):
    """Requests go as soon as they may."""
    monkeypatch.setattr(
        "clearbooks.client.open_pacer", lambda _: Pacer(None, sleep=lambda _seconds: None)
    )


def test_no_more_requests_are_under_way_than_the_setting_says(run, unpaced):
    days = [f"2024-05-{day}" for day in range(10, 14)]
    lines = [{"accountCodeId": a, "amount": m} for a, m in ((9501001, -1), (9001002, 1))]
    for n in range(850):
        run.call("createCustomer", {"name": f"Customer {n}"})
        for day in days:
            body = {"accountingDate": day, "description": f"Old {n}", "lines": lines}
            assert run.call("createJournal", body).status == 201
    run.sandbox.options.latency_ms = 40
    run.sandbox.requests.clear()
    # Each journal looks through five pages of its day first, in a thread of the pool.
    messages = [
        *schema("customers", "journals"),
        customer("C1"),
        *(journal(f"J{day}", accountingDate=day) for day in days),
    ]
    assert run(messages, max_in_flight=4) == 0
    assert 1 < most_at_once(run.sandbox.requests) <= 4
    assert run.writes()["POST", "journals"] == 4
