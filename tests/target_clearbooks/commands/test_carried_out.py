"""What an applied plan made, as `clearbooks write` compares it with the ledger."""

from __future__ import annotations

from types import SimpleNamespace

from target_clearbooks.commands.apply import carried_out
from target_clearbooks.plan import FIRST, PlanFile

URL = "http://127.0.0.1:1/v1"
NEW = FIRST - 1


def operation(stream, key, what, body, **more):
    return {
        "type": "operation",
        "business": 101,
        "stream": stream,
        "key": key,
        "operation": what,
        "params": {},
        "id": None,
        "planned": None,
        "planned_account": None,
        "body": body,
        "sha256": None,
        "diff": [],
        "seen": None,
        "marker": None,
        "depends_on": [],
        "warnings": [],
        "record": {},
        **more,
    }


def carried(path, became):
    writer = SimpleNamespace(business_id=101, became=lambda stream, key: became.get((stream, key)))
    session = SimpleNamespace(
        connection=SimpleNamespace(api_url=URL), writers={101: writer}, client=None
    )
    return list(carried_out(session, path))


def test_a_change_whose_parent_was_refused_was_not_carried_out(tmp_path):
    path = tmp_path / "plan.jsonl"
    plan = PlanFile(path, URL, "target")
    plan.add(operation("customers", "C2", "create", {"name": "Two"}, planned=NEW))
    plan.add(operation("sales_invoices", "I1", "update", {"customerId": NEW}, id=7))
    plan.seal()
    plan.close()
    invoice = SimpleNamespace(remote_id=7, lineage=[7])
    made = SimpleNamespace(remote_id=12, lineage=[12])
    assert carried(path, {("sales_invoices", "I1"): invoice}) == []
    both = carried(path, {("sales_invoices", "I1"): invoice, ("customers", "C2"): made})
    assert [(o["key"], o["body"].get("customerId"), m.remote_id) for o, m in both] == [
        ("C2", None, 12),
        ("I1", 12, 7),
    ]
