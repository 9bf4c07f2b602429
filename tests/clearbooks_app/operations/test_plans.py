"""Some operations of a plan are approved, with those that they need."""

import pytest

from clearbooks_app.operations import plans
from clearbooks_app.operations.plan_view import view_plan
from target_clearbooks.library import write
from target_clearbooks.plan import PlanError

from .conftest import invoice


@pytest.fixture
def plan(load, home, sandbox):
    """Two invoices of two customers that are made for them."""
    settings = load(create_missing=["customers"])
    path = home / "plan.jsonl"
    config = {**settings.values, "dry_run": True, "plan_path": str(path)}
    write(config, [invoice("W-1", "Ada Bell"), invoice("W-2", "Bob Cole", "40.00")])
    return settings, path, sandbox.url


def test_what_an_approved_operation_needs_comes_with_it(plan, home, sandbox, business):
    settings, path, url = plan
    found = plans.operations(path, url, limit=10)
    streams = [(o["stream"], o["key"]) for o in found]
    assert len(streams) == 4
    wanted = streams.index(("sales_invoices", "W-2"))
    some = home / "some.jsonl"
    assert plans.approve(path, url, {wanted}, some) == 2
    view = view_plan(some, url)
    assert {name: s.counts["create"] for name, s in view.streams.items()} == {
        "customers": 1,
        "sales_invoices": 1,
    }
    # Worked out, since the record states no total.
    sold = view.streams["sales_invoices"]
    assert (str(sold.net), str(sold.gross)) == ("40.00", "48.00")
    assert view.streams["customers"].gross is None
    done = plans.apply(settings, some, read_back=True)
    assert done.code == 0, done.summary
    by_stream = {r.stream: r for r in done.reconciled}
    assert by_stream["sales_invoices"].ledger == by_stream["sales_invoices"].file
    (document,) = sandbox.engine.books(business).documents("sales", "invoices", limit=9)
    assert document["contactName"] == "Bob Cole"


def test_nothing_approved_is_a_plan_of_nothing(plan, home):
    _, path, url = plan
    assert plans.approve(path, url, set(), home / "none.jsonl") == 0
    assert view_plan(home / "none.jsonl", url).operations == 0


def test_a_plan_that_was_changed_is_refused(plan, home):
    _, path, url = plan
    path.write_bytes(path.read_bytes().replace(b"40.00", b"41.00"))
    with pytest.raises(PlanError, match="was changed since it was made"):
        plans.approve(path, url, {0}, home / "some.jsonl")


def test_a_page_of_operations(plan):
    _, path, url = plan
    first = plans.operations(path, url, limit=2)
    rest = plans.operations(path, url, start=2, limit=9)
    assert [*first, *rest] == plans.operations(path, url, limit=9)
