"""Records as caches mangle them become what the source said."""

from decimal import Decimal

import pytest

from airbyte_clearbooks.repair import Repair
from clearbooks.contract import load_contract

SCHEMA = {
    "properties": {
        "id": {"type": ["integer", "null"]},
        "customerId": {"type": ["integer", "null"], "airbyte_type": "integer"},
        "net": {"type": ["number", "null"]},
        "paid": {"type": ["boolean", "null"]},
        "date": {"type": ["string", "null"], "format": "date"},
        "reference": {"type": ["string", "null"]},
        "lineItems": {
            "type": ["array", "null"],
            "items": {
                "type": "object",
                "properties": {"unitPrice": {"type": "number"}, "accountCode": {"type": "integer"}},
            },
        },
    }
}


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("net", "195.070000000", Decimal("195.07")),
        ("net", "100.000000000", Decimal("100.00")),
        ("net", "0.123400000", Decimal("0.1234")),
        ("net", "-5", Decimal(-5)),
        ("net", "1E+2", Decimal(100)),
        ("net", "", ""),
        ("net", "many", "many"),
        ("net", Decimal("12.50"), Decimal("12.50")),
        ("id", "7", 7),
        ("id", "7.000000000", 7),
        ("id", Decimal("7.0"), 7),
        ("paid", "true", True),
        ("paid", "False", False),
        ("date", "2024-03-01T00:00:00", "2024-03-01"),
        ("date", "2024-03-01 00:00:00+00:00", "2024-03-01"),
        ("date", "2024-03-01", "2024-03-01"),
        ("reference", "195.070000000", "195.070000000"),
        ("reference", 42, "42"),
        ("reference", None, None),
    ],
)
def test_values(name, given, expected):
    found = Repair(SCHEMA, {})({name: given})[name]
    assert (found, type(found)) == (expected, type(expected))
    if isinstance(expected, Decimal) and expected:
        assert found.as_tuple().exponent == expected.as_tuple().exponent or given == "1E+2"


def test_names_in_lower_case_at_every_depth_and_columns_of_the_client():
    repaired = Repair(SCHEMA, {})(
        {
            "customerid": "12",
            "lineitems": '[{"unitprice": "9.990000000", "accountcode": "1001001"}]',
            "_airbyte_raw_id": "x",
            "_airbyte_meta": {},
            "_operation": "void",
            "unknown": "kept",
        }
    )
    assert repaired == {
        "customerId": 12,
        "lineItems": [{"unitPrice": Decimal("9.99"), "accountCode": 1001001}],
        "_operation": "void",
        "unknown": "kept",
    }


def test_names_that_the_catalog_does_not_tell_come_from_the_contract():
    repair = Repair({}, load_contract().resources["sales_invoices"].schema)
    assert repair({"customerid": "3", "date": "2024-03-01"}) == {
        "customerId": 3,
        "date": "2024-03-01",
    }


def test_a_whole_record_stays_as_it_is():
    record = {"id": 1, "net": Decimal("1.10"), "lineItems": [{"unitPrice": Decimal("1.10")}]}
    assert Repair(SCHEMA, {})(record) == record
