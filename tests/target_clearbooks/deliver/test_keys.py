"""Which record a source key stands for: spellings, key properties, namespaces, keys that repeat."""

from __future__ import annotations

from decimal import Decimal

import pytest

from clearbooks.errors import SettingError
from target_clearbooks.settings import TargetSettings
from target_clearbooks.source_key import earlier_spellings, source_key, spelled
from tests.target_clearbooks.conftest import (
    TWO,
    allocation,
    customer,
    invoice,
    line,
    payment,
    schema,
)


def keyed(stream, **fields):
    return {"type": "RECORD", "stream": stream, "record": fields}


def without_key(message):
    fields = {k: v for k, v in message["record"].items() if k != "externalId"}
    return {**message, "record": fields}


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (7, "7"),
        (7.0, "7"),
        (Decimal("7.00"), "7"),
        ("7", "7"),
        ("7.0", "7"),
        (Decimal("1E+3"), "1000"),
        (Decimal("7.50"), "7.5"),
        ("007", "007"),
        ("7.50", "7.50"),
        ("v7.0", "v7.0"),
        (10**40, str(10**40)),
        (Decimal("1e999999999"), "1E+999999999"),
    ],
)
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
    assert [d["description"] for d in run.invoices()] == ["Second"]
    paid = [*schema("payments", "sales_allocations"), payment(), allocation(invoice_key="7.0")]
    assert run(paid) == 0
    assert run.invoices()[0]["due"] == 0


def test_any_column_may_be_the_key(run):
    """Also where no field is called so, where the record waits, and in references to it."""
    order = without_key(invoice())
    order["record"]["order_id"] = 9001
    messages = [*schema("sales_invoices", keys=("order_id",)), order]
    assert run(messages) == 4  # its customer has not come
    assert run([*schema("customers"), customer()]) == 0
    assert len(run.invoices()) == 1
    before = run.writes()
    assert run(messages) == 0
    assert run.writes() == before
    paid = [*schema("payments", "sales_allocations"), payment(), allocation(invoice_key="9001")]
    assert run(paid) == 0
    assert run.invoices()[0]["due"] == 0


def test_what_waits_for_a_key_property_is_released_by_it(run):
    order = without_key(invoice())
    order["record"]["order_id"] = 9001
    paid = [*schema("payments", "sales_allocations"), payment(), allocation(invoice_key="9001")]
    messages = [*paid, customer(), *schema("sales_invoices", keys=("order_id",)), order]
    assert run(messages) == 0
    assert run.invoices()[0]["due"] == 0


def test_a_reject_of_a_key_property_can_be_piped_back(run):
    order = without_key(invoice(vatTreatment="nonsense"))
    order["record"]["order_id"] = 7
    assert run([*TWO, customer(), *schema("sales_invoices", keys=("order_id",)), order]) == 3
    [row] = run.rejects
    assert row["key"] == '["7"]'
    assert len(row["reasons"]) == 1, row["reasons"]
    row["record"]["vatTreatment"] = "UK"
    assert run([row]) == 0
    assert len(run.invoices()) == 1


# Several sources


def shop_a():
    return [
        *TWO,
        customer("1", name="Ada Bell", email="ada@example.com"),
        invoice("1001", "1", line(10, description="Bell")),
    ]


def shop_b():
    return [
        *TWO,
        customer("2", name="Bob Low", email="bob@example.com"),
        invoice("1001", "2", line(20, description="Pump")),
    ]


def test_a_second_shop_does_not_write_over_the_first(run):
    assert run(shop_a()) == 0
    assert run(shop_b()) == 3
    [row] = run.rejects
    assert "its contact and every line differ" in row["reasons"][0]
    assert "set `source`" in row["reasons"][0]
    [found] = run.invoices()
    assert found["lineItems"][0]["description"] == "Bell"
    assert run(shop_b(), source="shop-b") == 0
    assert len(run.invoices()) == 2
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
    assert len(run.invoices()) == 1


def test_a_second_shop_does_not_take_over_contacts_and_payments(run):
    paid = payment("P1", "1", "12.00", date="2024-05-01")
    assert run([*shop_a(), *schema("payments"), paid]) == 0
    bob = customer("1", name="Bob Low", email="bob@example.com")
    assert run([*TWO, bob]) == 3
    assert "every other field that tells who it is" in run.rejects[-1]["reasons"][0]
    order = invoice("2001", customer={"externalId": "1", **bob["record"]})
    assert run([*TWO, order]) == 4
    assert [c["name"] for c in run.customers()] == ["Ada Bell"]
    other = [
        *schema("customers", "payments"),
        customer("2", name="Bob Low"),
        payment("P1", "2", "99.00", date="2024-06-01"),
    ]
    assert run(other) == 3
    assert [p["amount"] for p in run.listed("listPayments")] == [12]
    # A new name alone is a new name.
    assert run([*TWO, customer("1", name="Ada Low", email="ada@example.com")]) == 0
    assert run([*TWO, customer("1", name="Ada Bell", email="low@example.com")], source="") == 3
    assert [c["name"] for c in run.customers() if c["name"].startswith("Ada")] == ["Ada Low"]


def test_contacts_of_two_sources_are_kept_apart_by_key_and_shared_by_person(run):
    same = customer("1", name="Ada Bell", email="ADA@example.com")
    bob = customer("1", name="Bob Low", email="bob@example.com")
    assert run(shop_a()) == 0
    assert run([*TWO, same, invoice("5", "1")], source="shop-b") == 0
    assert run([*TWO, bob, invoice("5", "1")], source="shop-c") == 0
    assert sorted((c["name"], c["externalId"]) for c in run.customers()) == [
        ("Ada Bell", "1"),
        ("Bob Low", "shop-c:1"),
    ]
    assert [d["customerId"] for d in run.invoices()] == [1, 1, 2]


def test_a_source_that_is_named_later(run, command):
    """What was written without `source` is known under it, once a person says whose it was."""
    assert run(shop_a()) == 0
    command("map", "source", "shop-a")
    before = run.writes()
    assert run(shop_a(), source="shop-a") == 0
    assert run.writes() == before
    more = [
        *TWO,
        *schema("payments", "sales_allocations"),
        payment("P1", "1", "12.00"),
        allocation("A1", "1001", "P1", "12.00"),
    ]
    assert run(more, source="shop-a") == 0
    assert run.invoices()[0]["due"] == 0
    assert run(shop_b(), source="shop-b") == 0
    assert len(run.invoices()) == 2


# What has left its source


def test_tombstones_may_be_ignored(run):
    gone = {"_sdc_deleted_at": "2024-06-01T00:00:00Z"}
    assert run([*TWO, customer(), invoice()]) == 0
    messages = [*TWO, invoice(**gone), invoice("I2", **gone), customer(**gone)]
    before = run.writes()
    assert run(messages, on_deleted="ignore") == 0
    assert run.writes() == before
    assert [d["status"] for d in run.invoices()] == ["approved"]
