"""Whatever a record holds, preparing it ends in an outcome, not in a traceback."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clearbooks_sandbox import AccountingEngine
from target_clearbooks.intent import Intent, Outcome
from target_clearbooks.prepare.stream_shapes import line_shape, shape_of
from target_clearbooks.writable import WRITABLE
from tests.ledger import SALES
from tests.target_clearbooks.prepared import Ledger

plain = st.sampled_from(
    [
        None,
        "",
        " ",
        "x",
        "5",
        -1,
        0,
        1,
        5,
        0.2,
        20,
        "20%",
        True,
        2**70,
        1e300,
        float("nan"),
        float("inf"),
        Decimal("NaN"),
        Decimal("1.005"),
        Decimal("1E+400"),
        dt.date(2024, 3, 1),
        "2024-03-01",
        "2024-13-01",
        "{bad",
        "[",
        '{"name": "x"}',
        "Revenue",
        "UK",
        "Manual",
        SALES,
        "20.00:Standard",
        "Acme Ltd",
        "Current account",
        b"x",
        ("a",),
    ]
)
NAMES = ("externalId", "id", "name", "email", "documentNumber", "reference", "sortCode", "sku")
nested = st.one_of(
    plain,
    st.lists(plain, max_size=2),
    st.dictionaries(st.sampled_from(NAMES), plain, max_size=3),
)


def records(stream):
    if "attachments" in stream:
        names = ["invoice", "bill", "document", "salesType", "salesId", "fileName", "content"]
        return st.dictionaries(st.sampled_from(names), nested, max_size=6)
    fields = dict.fromkeys(shape_of(stream).readers, nested)
    for name in ("lineItems", "lines", "statementLines"):
        if name in fields:
            inner = [*line_shape(stream, name).readers, "vatRate", "gross", "net", "accountCode"]
            fields[name] = st.lists(st.dictionaries(st.sampled_from(inner), plain), max_size=3)
    return st.fixed_dictionaries({}, optional=fields | {"bogus": nested, "_operation": plain})


@pytest.fixture(scope="module")
def ledger():
    engine = AccountingEngine()
    made = Ledger(engine, engine.add_business("Test Limited"))
    customer = made.customer()
    made.map.set("customers", "5", customer)
    made.map.set("sales_invoices", "5", made.sale(customer)["id"])
    made.map.set("payments", "5", made.pay(customer, 10))
    yield made
    made.lookups.close()
    engine.close()


@pytest.mark.parametrize("stream", WRITABLE)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_record_has_an_outcome(ledger, stream, data):
    record = data.draw(records(stream))
    outcome = ledger.prepare(
        stream, record, "k", create_missing=frozenset({"customers", "suppliers"})
    )
    assert isinstance(outcome, (Intent, Outcome))
    if not isinstance(outcome, Intent):
        assert getattr(outcome, "reasons", None) or getattr(outcome, "parents", None)
