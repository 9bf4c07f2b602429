"""Which record a source key stands for: spellings, key properties, namespaces, keys that repeat."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from decimal import Decimal

import pytest

from clearbooks.errors import SettingError
from target_clearbooks.deliver.sending import Sender
from target_clearbooks.intent import make_marker
from target_clearbooks.settings import TargetSettings
from target_clearbooks.source_key import earlier_spellings, source_key, spelled
from tests.target_clearbooks.conftest import (
    allocation,
    customer,
    invoice,
    journal,
    line,
    payment,
    record,
    schema,
)
from tests.target_clearbooks.store.test_lost_store import TO_VERSION_3, lose

TWO = schema("customers", "sales_invoices")


def invoices(run):
    return run.listed("listSalesDocuments", salesType="invoices")


def customers(run):
    return run.listed("listCustomers")


def keyed(stream, **fields):
    return {"type": "RECORD", "stream": stream, "record": fields}


def without_key(message):
    fields = {k: v for k, v in message["record"].items() if k != "externalId"}
    return {**message, "record": fields}


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (7, "7"), (7.0, "7"), (Decimal("7.00"), "7"), ("7", "7"), ("7.0", "7"),
        (Decimal("1E+3"), "1000"), (Decimal("7.50"), "7.5"), ("007", "007"), ("7.50", "7.50"),
        ("v7.0", "v7.0"), (10**40, str(10**40)), (Decimal("1e999999999"), "1E+999999999"),
    ],
)  # fmt: skip
def test_one_spelling_of_a_key(value, key):
    assert spelled(value) == key


def test_the_keys_of_version_0_1_are_among_the_earlier_spellings():
    assert {"7.0", "7.00"} <= set(earlier_spellings("7"))
    assert "1E+3" in set(earlier_spellings("1000"))
    assert '["7.0","2"]' in set(earlier_spellings('["7","2"]'))
    assert not list(earlier_spellings("INV-7"))
    assert not list(earlier_spellings('["x'))


def test_a_namespace_stands_in_front():
    assert source_key({"externalId": 7}, (), "shop-b") == "shop-b:7"
    assert source_key({"order_id": 7.0}, ["businessId", "order_id"], "b") == 'b:["7"]'
    assert source_key({"externalId": "@name x"}, (), "b") == "@name x"
    for wrong in ("a:b", "@a", " a"):
        with pytest.raises(SettingError, match="source"):
            TargetSettings(source=wrong)


def test_a_number_with_a_fraction_of_0_is_the_same_key(run):
    first = invoice()
    first["record"]["externalId"] = 7
    assert run([*TWO, customer(), first]) == 0
    again = invoice(description="Second")
    again["record"]["externalId"] = 7.0
    assert run([*TWO, again]) == 0
    assert [d["description"] for d in invoices(run)] == ["Second"]
    paid = [*schema("payments", "sales_allocations"), payment(), allocation(invoice_key="7.0")]
    assert run(paid) == 0
    assert invoices(run)[0]["due"] == 0


def test_any_column_may_be_the_key(run):
    """Also where no field is called so, where the record waits, and in references to it."""
    order = without_key(invoice())
    order["record"]["order_id"] = 9001
    messages = [*schema("sales_invoices", keys=("order_id",)), order]
    assert run(messages) == 4  # its customer has not come
    assert run([*schema("customers"), customer()]) == 0
    assert len(invoices(run)) == 1
    before = run.writes()
    assert run(messages) == 0
    assert run.writes() == before
    paid = [*schema("payments", "sales_allocations"), payment(),
            allocation(invoice_key="9001")]  # fmt: skip
    assert run(paid) == 0
    assert invoices(run)[0]["due"] == 0


def test_what_waits_for_a_key_property_is_released_by_it(run):
    order = without_key(invoice())
    order["record"]["order_id"] = 9001
    paid = [*schema("payments", "sales_allocations"), payment(), allocation(invoice_key="9001")]
    messages = [*paid, customer(), *schema("sales_invoices", keys=("order_id",)), order]
    assert run(messages) == 0
    assert invoices(run)[0]["due"] == 0


def test_a_reject_of_a_key_property_can_be_piped_back(run):
    order = without_key(invoice(vatTreatment="nonsense"))
    order["record"]["order_id"] = 7
    assert run([*TWO, customer(), *schema("sales_invoices", keys=("order_id",)), order]) == 3
    [row] = run.rejects
    assert row["key"] == '["7"]'
    assert len(row["reasons"]) == 1, row["reasons"]
    row["record"]["vatTreatment"] = "UK"
    assert run([row]) == 0
    assert len(invoices(run)) == 1


# Several sources


def shop_a():
    return [*TWO, customer("1", name="Ada Bell", email="ada@example.com"),
            invoice("1001", "1", line(10, description="Bell"))]  # fmt: skip


def shop_b():
    return [*TWO, customer("2", name="Bob Low", email="bob@example.com"),
            invoice("1001", "2", line(20, description="Pump"))]  # fmt: skip


def test_a_second_shop_does_not_write_over_the_first(run):
    assert run(shop_a()) == 0
    assert run(shop_b()) == 3
    [row] = run.rejects
    assert "its contact and every line differ" in row["reasons"][0]
    assert "set `source`" in row["reasons"][0]
    [found] = invoices(run)
    assert found["lineItems"][0]["description"] == "Bell"
    assert run(shop_b(), source="shop-b") == 0
    assert len(invoices(run)) == 2
    before = run.writes()
    assert run(shop_b(), source="shop-b") == 0
    assert run(shop_a()) == 0
    assert run.writes() == before


def test_what_is_written_over_in_part_is_the_same_record(run):
    assert run(shop_a()) == 0
    moved = [
        *TWO,
        customer("2", name="Bob Low"),
        invoice("1001", "2", line(10, description="Bell")),
    ]
    assert run(moved) == 0
    changed = invoice("1001", "2", line(99, description="Saddle"))
    assert run([*TWO, changed]) == 0
    assert len(invoices(run)) == 1


def test_a_second_shop_does_not_take_over_contacts_and_payments(run):
    paid = payment("P1", "1", "12.00", date="2024-05-01")
    assert run([*shop_a(), *schema("payments"), paid]) == 0
    bob = customer("1", name="Bob Low", email="bob@example.com")
    assert run([*TWO, bob]) == 3
    assert "every other field that tells who it is" in run.rejects[-1]["reasons"][0]
    order = invoice("2001", customer={"externalId": "1", **bob["record"]})
    assert run([*TWO, order]) == 4
    assert [c["name"] for c in customers(run)] == ["Ada Bell"]
    other = [*schema("customers", "payments"), customer("2", name="Bob Low"),
             payment("P1", "2", "99.00", date="2024-06-01")]  # fmt: skip
    assert run(other) == 3
    assert [p["amount"] for p in run.listed("listPayments")] == [12]
    # A new name alone is a new name.
    assert run([*TWO, customer("1", name="Ada Low", email="ada@example.com")]) == 0
    assert run([*TWO, customer("1", name="Ada Bell", email="low@example.com")], source="") == 3
    assert [c["name"] for c in customers(run) if c["name"].startswith("Ada")] == ["Ada Low"]


def test_contacts_of_two_sources_are_kept_apart_by_key_and_shared_by_person(run):
    same = customer("1", name="Ada Bell", email="ADA@example.com")
    bob = customer("1", name="Bob Low", email="bob@example.com")
    assert run(shop_a()) == 0
    assert run([*TWO, same, invoice("5", "1")], source="shop-b") == 0
    assert run([*TWO, bob, invoice("5", "1")], source="shop-c") == 0
    assert sorted((c["name"], c["externalId"]) for c in customers(run)) == [
        ("Ada Bell", "1"), ("Bob Low", "shop-c:1"),
    ]  # fmt: skip
    assert [d["customerId"] for d in invoices(run)] == [1, 1, 2]


def test_a_source_that_is_named_later(run, command):
    """What was written without `source` is known under it, once a person says whose it was."""
    assert run(shop_a()) == 0
    command("map", "source", "shop-a")
    before = run.writes()
    assert run(shop_a(), source="shop-a") == 0
    assert run.writes() == before
    more = [*TWO, *schema("payments", "sales_allocations"), payment("P1", "1", "12.00"),
            allocation("A1", "1001", "P1", "12.00")]  # fmt: skip
    assert run(more, source="shop-a") == 0
    assert invoices(run)[0]["due"] == 0
    assert run(shop_b(), source="shop-b") == 0
    assert len(invoices(run)) == 2


# A store of version 0.1


def test_a_store_of_version_0_1_knows_what_it_wrote(run):
    number = [*TWO, *schema("payments", "sales_allocations"), customer("1"),
              invoice("7.x", "1"), payment("P1", "1")]  # fmt: skip
    columns = without_key(record("sales_invoices", "", **invoice("x", "1")["record"]))
    columns["record"]["documentNumber"] = "55"
    assert run([*number, *schema("sales_invoices", keys=("documentNumber",)), columns]) == 0
    with closing(sqlite3.connect(run.directory / "state.sqlite3")) as db:
        db.execute("UPDATE map SET source_key = '7.0' WHERE source_key = '7.x'")
        db.execute("UPDATE lineage SET source_key = '7.0' WHERE source_key = '7.x'")
        db.commit()
        db.executescript(TO_VERSION_3)
    before = run.writes()
    seven = invoice("", "1", description="Changed")
    seven["record"]["externalId"] = 7
    columns["record"]["description"] = "Changed too"
    paid = allocation(invoice_key="7")
    messages = [*TWO, *schema("payments", "sales_allocations"), seven, paid,
                *schema("sales_invoices", keys=("documentNumber",)), columns]  # fmt: skip
    assert run(messages) == 0
    assert run.writes() - before == {("PUT", "sales"): 2, ("POST", "allocations"): 1}
    assert {d["description"] for d in invoices(run)} == {"Changed", "Changed too"}
    # A second shop's record under the key of one that version 0.1 has written.
    with closing(sqlite3.connect(run.directory / "state.sqlite3")) as db:
        db.execute("UPDATE map SET likeness = NULL")
        db.commit()
    other = [*TWO, customer("9", name="Other"), invoice("7", "9", line(5, description="Other"))]
    plan = run.directory / "plan.jsonl"
    assert run(other, dry_run=True, plan_path=str(plan)) == 3
    planned = [json.loads(text) for text in plan.read_text().splitlines()]
    assert [p["key"] for p in planned if p["type"] == "refused"] == ["7.0"]
    assert run(other) == 3
    assert "another one" in run.rejects[-1]["reasons"][0]


def test_a_lost_store_finds_the_markers_of_version_0_1(run):
    """Its marker of the key 7.0 is that of 7; that of another source's 7 is not certain."""
    messages = [*TWO, customer("1"), invoice("I7", "1")]
    assert run(messages) == 0
    [found] = invoices(run)
    body = {k: found[k] for k in ("customerId", "date", "vatTreatment", "lineItems", "dateDue")}
    marker = make_marker(run.business, "sales_invoices", "7.0")
    reply = run.call("updateSalesDocument", {**body, "reference": marker},
                     salesType="invoices", salesId=found["id"])  # fmt: skip
    assert reply.status == 200
    lose(run)
    before = run.writes()
    assert run([*TWO, customer("1"), invoice("7", "1")]) == 0
    assert len(invoices(run)) == 1
    lose(run)
    assert run([*TWO, customer("1"), invoice("7", "1")], source="shop-b") == 4
    assert len(invoices(run)) == 1
    assert (run.writes() - before).keys() <= {("PUT", "sales"), ("PUT", "customers")}


# One key twice in a run


def warnings(caplog):
    return [r.getMessage() for r in caplog.records if "came twice" in r.getMessage()]


def test_the_last_of_one_key_counts_once(run, caplog):
    messages = [*TWO, customer(), invoice(description="First"), invoice(description="Second")]
    assert run(messages) == 0
    assert run.writes() == {("POST", "customers"): 1, ("POST", "sales"): 1}
    assert [d["description"] for d in invoices(run)] == ["Second"]
    [words] = warnings(caplog)
    assert "(lines 4 and 5)" in words
    before = run.writes()
    for _ in range(2):
        assert run(messages) == 0
        assert run.writes() == before


def test_a_second_run_of_keys_that_come_apart_sends_nothing(run):
    """The first was sent before the second came: it is known again all the same."""
    messages = [
        *TWO, customer(), invoice(description="First"), *(invoice(f"I{n}") for n in range(2, 90)),
        invoice(description="Second"), customer(name="Renamed"), invoice(description="Third"),
    ]  # fmt: skip
    assert run(messages) == 0
    before = run.writes()
    for _ in range(2):
        assert run(messages) == 0
        assert run.writes() == before
    # The source has gone back to an earlier one: that is the last now.
    assert run(messages[:-1]) == 0
    assert "Second" in {d.get("description") for d in invoices(run)}
    assert run(messages[:4]) == 0
    assert "First" in {d.get("description") for d in invoices(run)}


@pytest.mark.parametrize("order", ["121", "1213", "1223", "12312"])
def test_any_order_of_some_versions_of_a_record(run, order):
    """Next to each other, apart, and in the second run as in the first."""
    between = [invoice(f"{n}") for n in range(40)]
    versions = [invoice(description=f"Version {n}") for n in order]
    together = [*TWO, customer(), *versions]
    apart = [*TWO, customer(), *(m for each in versions for m in (each, *between))]
    for messages in (together, apart):
        assert run(messages) == 0
        described = {d.get("description") for d in invoices(run)}
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
    assert len(invoices(run)) == 1


def test_a_row_that_comes_after_the_first_was_written_is_refused(run):
    first, second, _ = rows_of_one()
    others = [invoice(f"I{n}") for n in range(90)]
    assert run([*TWO, customer(), first, *others, second]) == 3
    [row] = run.rejects
    assert "no line in common" in row["reasons"][0]
    [found] = [d for d in invoices(run) if d["lineItems"][0]["description"] == "Row 1"]
    assert len(found["lineItems"]) == 1


# What has left its source


def test_tombstones_may_be_ignored(run):
    gone = {"_sdc_deleted_at": "2024-06-01T00:00:00Z"}
    assert run([*TWO, customer(), invoice()]) == 0
    messages = [*TWO, invoice(**gone), invoice("I2", **gone), customer(**gone)]
    before = run.writes()
    assert run(messages, on_deleted="ignore") == 0
    assert run.writes() == before
    assert [d["status"] for d in invoices(run)] == ["approved"]


# Exit code 4, and businesses that are not there


def test_exit_code_4_is_about_this_run(run):
    twins = [*TWO, customer("A", name="Twin"), customer("B", name="Twin"), invoice("I1", "B")]
    assert run(twins) == 4
    assert run([*TWO, customer("C")]) == 0
    assert run([*TWO, invoice("I2", "C")]) == 0
    assert run(twins) == 4
    # One that waits for what never came is tried again in each run.
    assert run([*TWO, invoice("I3", "nobody")]) == 4
    assert run([*TWO, invoice("I4", "C")]) == 4


def test_what_depends_on_one_that_was_set_aside_waits(run, command):
    twins = [*TWO, customer("A", name="Twin"), customer("B", name="Twin"), invoice("I1", "B")]
    assert run(twins) == 4
    assert invoices(run) == []
    assert [c["name"] for c in customers(run)] == ["Twin"]
    assert [r["key"] for r in run.rejects] == ["B"]
    command("map", "set", "customers", "B", "1")
    assert run([]) == 0
    assert [d["customerId"] for d in invoices(run)] == [1]


def test_a_person_says_that_one_that_was_set_aside_is_new(run, command):
    twins = [*TWO, customer("A", name="Twin"), customer("B", name="Twin"), invoice("I1", "B")]
    assert run(twins) == 4
    command("map", "unset", "customers", "B")
    assert run(twins) == 0
    assert [d["customerId"] for d in invoices(run)] == [2]


@pytest.mark.parametrize("name", ["businessId", "id", "externalId"])
def test_a_business_that_is_not_there_is_not_written(run, name):
    messages = schema("businesses", keys=(name,))
    assert run([*messages, keyed("businesses", **{name: 99999, "name": "Other Name"})]) == 3
    assert f"{name}: 99999 is none of" in run.rejects[0]["reasons"][0]
    assert not run.writes()
    one = keyed("businesses", **{name: float(run.business), "name": "New Name"})
    assert run([*messages, one]) == 0
    assert run.get("getBusiness", businessId=run.business)["name"] == "New Name"


@pytest.mark.parametrize("stream", ["customers", "sales_invoices", "payments", "stock_items"])
def test_a_record_that_is_not_there_is_not_named(run, command, stream):
    assert run([*TWO, customer()]) == 0
    for wrong in ("99999", "²", "abc", "9" * 30):
        assert command("map", "set", stream, "X", wrong, fails=2).endswith("not in business 101\n")
    assert "nothing" in command("map", "unset", stream, "X", fails=2)


def test_a_journal_is_named_by_its_transaction(run, command):
    assert run([*schema("journals"), journal()]) == 0
    number = max(row["id"] for row in run.listed("listTransactions"))
    command("map", "unset", "journals", "J1")
    for wrong in (str(number), f"transaction:{number + 1}", "transaction:x"):
        assert "transaction" in command("map", "set", "journals", "J1", wrong, fails=2)
    command("map", "set", "journals", "J1", f"transaction:{number}")


def test_one_is_looked_for_in_the_list_where_it_has_no_path_of_its_own(run, command, monkeypatch):
    item = record("stock_items", "S", sku="S", name="Saddle", type="sales")
    assert run([*schema("stock_items"), item]) == 0
    command("map", "unset", "stock_items", "S")
    monkeypatch.setattr(Sender, "get", lambda *_: None)
    assert "not in business" in command("map", "set", "stock_items", "S", "2", fails=2)
    command("map", "set", "stock_items", "S", "1")


def test_a_voided_document_is_not_named_and_a_revision_leads_to_the_newest(run, command):
    assert run([*TWO, customer(), invoice("I1"), invoice("I2")]) == 0
    assert run([*TWO, record("sales_invoices", "I2", _operation="void"),
                invoice("I1", description="x")]) == 0  # fmt: skip
    [current] = invoices(run)
    assert "voided" in command("map", "set", "sales_invoices", "X", "2", fails=2)
    command("map", "unset", "sales_invoices", "I1")
    found = json.loads(command("map", "set", "sales_invoices", "I1", "1", "--json"))
    assert found["id"] == current["id"]
