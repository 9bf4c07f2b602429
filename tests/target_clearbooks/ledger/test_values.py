"""Values, shapes and diffs, against any input."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.validators import extend

from clearbooks.contract import load_contract
from target_clearbooks.intent import canonical, content_hash
from target_clearbooks.ledger import amounts
from target_clearbooks.ledger.matching import diff
from target_clearbooks.ledger.records import plain
from target_clearbooks.prepare.shapes import Shape
from target_clearbooks.prepare.vat import percentage
from target_clearbooks.writable import WRITABLE

money = st.decimals(
    min_value=-(10**12), max_value=10**12, places=2, allow_nan=False, allow_infinity=False
)


@given(money)
def test_every_writing_of_an_amount_is_one_amount(value):
    written = [
        amounts.decimal(form)
        for form in (value, str(value), f" {value} ", f"{value:,}", f"{value}000", f"{value:E}")
    ]
    assert {content_hash({"amount": w}) for w in written} == {content_hash({"amount": value})}
    assert len(set(written)) == 1
    assert str(amounts.decimal(str(value))) == str(value)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9))
def test_a_float_is_its_shortest_text(value):
    if value and abs(value) < 1e-15:
        return
    found = amounts.decimal(value)
    assert float(found) == value
    assert found == Decimal(repr(value))


@given(money, money)
def test_different_amounts_hash_apart(a, b):
    assert (content_hash(a) == content_hash(b)) is (a == b)


@given(money.filter(bool))
def test_plain_text_is_exact_and_has_no_exponent(value):
    text = amounts.plain(value)
    assert Decimal(text) == value
    assert "E" not in text.upper()
    assert amounts.is_pennies(value)
    assert not amounts.is_pennies(value + Decimal("0.001"))


def test_key_order_makes_no_difference():
    assert canonical({"a": 1, "b": Decimal("2.50")}) == canonical({"b": Decimal("2.5"), "a": 1})


@pytest.mark.parametrize(
    "value", ["", "abc", "1.234,50", "12,34", "1e999", None, [], "0x10", "1_000"]
)
def test_what_is_no_amount(value):
    with pytest.raises(ValueError, match=r"should be a number|more digits"):
        amounts.decimal(value)


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2025-06-30T23:30:00Z", "2025-07-01"),
        ("2025-06-30 23:30:00 UTC", "2025-07-01"),
        ("2025-06-30 23:30:00.123456789 +0000", "2025-07-01"),
        ("2025-12-31T23:59:59Z", "2025-12-31"),
        ("2025-07-01T00:30:00+02:00", "2025-06-30"),
        ("2025-06-30T24:00:00", "2025-07-01"),
        ("2025-06-30T23:30:00", "2025-06-30"),
        ("2025-06-30", "2025-06-30"),
        (dt.datetime(2025, 6, 30, 23, 30, tzinfo=dt.UTC), "2025-07-01"),
        (dt.datetime(2025, 6, 30, 23, 30), "2025-06-30"),  # noqa: DTZ001 - one without a zone
        (dt.date(2025, 6, 30), "2025-06-30"),
        # The calendar ends before London's day of these.
        ("9999-12-31T23:00:00-12:00", "9999-12-31"),
        ("0001-01-01T00:00:00+12:00", "0001-01-01"),
    ],
)
def test_the_day_of_a_moment_is_that_in_london(value, day):
    assert amounts.day(value) == day


@pytest.mark.parametrize(
    "value",
    ["2025-06-30T25:00:00Z", "2025-06-30T10:00 Europe/London", "9999-12-31T24:00:00"],
)
def test_what_is_no_moment(value):
    with pytest.raises(ValueError, match="or a moment such as"):
        amounts.day(value)


@pytest.mark.parametrize(
    "value", ["2024-02-30", "20240301", "01/03/2024", "2024-3-1", 20240301, ""]
)
def test_what_is_no_day(value):
    with pytest.raises(ValueError, match=r"should be a date|no day of the calendar"):
        amounts.day(value)


@pytest.mark.parametrize(
    ("value", "percent"),
    [
        ("20%", 20),
        ("20", 20),
        (20, 20),
        (20.0, 20),
        (0.2, 20),
        ("0.2", 20),
        (Decimal("17.5"), 17.5),
        ("17.5 %", 17.5),
        (0, 0),
        ("0%", 0),
        ("0.2%", "0.2"),
        (0.175, 17.5),
        ("20 per cent", 20),
    ],
)
def test_percentages(value, percent):
    assert percentage(value).value == Decimal(str(percent))


@pytest.mark.parametrize("value", ["Standard", "20.00:Standard", True, None, "twenty"])
def test_what_is_no_percentage(value):
    assert percentage(value) is None


@cache
def _tools(stream):
    """Schema, strategy, shape and an independent validator of a stream."""
    schema = load_contract().resources[stream].write_schema("create")
    records = _values(schema).filter(lambda v: isinstance(v, dict))
    return records, Shape(schema), _validator(schema)


def _validator(schema):
    checks = FormatChecker(formats=())
    checks.checks("date")(lambda v: not isinstance(v, str) or _is_day(v))
    checks.checks("int32")(lambda v: not isinstance(v, int) or -(2**31) <= v < 2**31)
    types = Draft202012Validator.TYPE_CHECKER.redefine(
        "number", lambda _, v: isinstance(v, (int, Decimal)) and not isinstance(v, bool)
    )
    return extend(Draft202012Validator, type_checker=types)(schema, format_checker=checks)


def _is_day(value):
    try:
        return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", value)) and bool(amounts.day(value))
    except ValueError:
        return False


def _values(schema):
    """Values that mostly keep to the schema, and some that do not."""
    kinds = schema.get("type", "object" if "properties" in schema else "string")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    junk = st.sampled_from([None, "", "x", -1, True, 2**40, [], {}, Decimal("1.5"), "2024-13-01"])
    if "enum" in schema:
        good = st.sampled_from([*schema["enum"], schema["enum"][0].upper()])
    elif kind == "object":
        values = {n: _values(s) for n, s in schema["properties"].items()}
        needed = {n: values.pop(n) for n in schema.get("required", ())}
        good = st.fixed_dictionaries(needed, optional=values)
    elif kind == "array":
        good = st.lists(_values(schema["items"]), max_size=3)
    elif kind == "number":
        good = st.one_of(money, money.map(str), st.integers(-5, 5), st.just(1.1))
    elif kind == "integer":
        good = st.one_of(st.integers(-(2**33), 2**33), st.just("12"), st.just(3.0))
    elif kind == "boolean":
        good = st.sampled_from([True, False, "true", 0])
    elif schema.get("format") == "date":
        good = st.sampled_from(["2024-03-01", "2024-03-01T10:00:00", "2024-02-30"])
    else:
        good = st.one_of(st.text(max_size=8), st.integers(0, 99))
    return st.one_of(*[good] * 15, junk)


STREAMS = [s for s in WRITABLE if "attachments" not in s and WRITABLE[s].creates]


@pytest.mark.parametrize("stream", STREAMS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_what_a_shape_lets_through_the_schema_lets_through(stream, data):
    records, shape, validator = _tools(stream)
    faults = []
    body = shape.read(data.draw(records), "", faults)
    if faults or shape.missing(body) or shape.wanting(body):
        return
    assert not [e.message for e in validator.iter_errors(body)]


@pytest.mark.parametrize("stream", STREAMS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_what_the_schema_lets_through_stays_as_it_is(stream, data):
    records, shape, validator = _tools(stream)
    body = data.draw(records)
    # Stricter than the schema in two things: these have a fixed number of digits, which
    # prepare/test_others.py tries, and an identity is no empty text.
    for name in ("sortCode", "accountNumber"):
        body.pop(name, None)
    if any(validator.iter_errors(body)):
        return
    faults = []
    read = shape.read(body, "", faults)
    assert not [fault for fault in faults if not fault.endswith("is required")]
    assert content_hash(_without_nulls(read)) == content_hash(_without_nulls(body))


def _without_nulls(value):
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return [_without_nulls(v) for v in value] if isinstance(value, list) else value


def test_a_schema_that_is_not_understood_is_noticed():
    with pytest.raises(NotImplementedError, match="pattern"):
        Shape({"type": "object", "properties": {"a": {"type": "string", "pattern": "x"}}})
    with pytest.raises(NotImplementedError, match="uuid"):
        Shape({"type": "object", "properties": {"a": {"type": "string", "format": "uuid"}}})


def test_a_diff_names_fields_and_values():
    old = {
        "id": 5,
        "reference": "A",
        "gross": "120.00",
        "description": None,
        "lineItems": [
            {"unitPrice": "100.00", "vatAmount": "20.00", "quantity": 1, "accountCode": 1001001},
            {"unitPrice": 5},
        ],
    }
    body = {
        "reference": "B",
        "description": "",
        "lineItems": [
            {"unitPrice": Decimal("99.5"), "quantity": Decimal("1.0"), "accountCode": 1001001}
        ],
    }
    changes = diff(old, body)
    assert [str(c) for c in changes] == [
        'reference: "A" → "B"',
        'lineItems[0].unitPrice: "100.00" → "99.50"',
        'lineItems[1]: {"unitPrice":5} → nothing',
    ]
    assert changes[1].as_json() == {
        "field": "lineItems[0].unitPrice",
        "old": "100.00",
        "new": "99.50",
    }


@given(st.dictionaries(st.sampled_from("abc"), money))
def test_no_diff_with_itself_however_written(body):
    assert diff({k: str(v) for k, v in body.items()}, body) == []
    assert diff({k: v + 1 for k, v in body.items()}, body) or not body


@pytest.mark.parametrize(
    ("resource", "row", "known"),
    [
        ("customers", {"id": "0012", "email": None}, {"id": 12}),
        ("bank_feeds", {"id": "0012670"}, {"id": "0012670"}),
        ("bank_feeds", {"id": "1267", "bankAccountId": "3"}, {"id": "1267", "bankAccountId": 3}),
    ],
)
def test_an_id_is_a_number_unless_its_schema_says_text(resource, row, known):
    assert plain(row, load_contract().resources[resource].schema["properties"]) == known
