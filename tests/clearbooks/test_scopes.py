"""The scopes of streams, and the cheapest request that shows whether one is granted."""

import datetime as dt

import pytest

from clearbooks.contract import load_contract
from clearbooks.errors import SettingError
from clearbooks.scopes import (
    cheapest_params,
    cheapest_read,
    needed_scopes,
    readable_streams,
    stream_scopes,
)

CONTRACT = load_contract()
RESOURCES = CONTRACT.resources


def test_each_scope_names_its_streams():
    assert needed_scopes(CONTRACT, ["quotes", "bills", "sales_invoices"]) == {
        "accounting.sales:read": ["quotes", "sales_invoices"],
        "accounting.purchases:read": ["bills"],
    }


def test_a_stream_that_is_only_written_is_refused():
    with pytest.raises(SettingError, match="no stream journals can be read; there are: businesses"):
        stream_scopes(CONTRACT, ["customers", "journals"])


@pytest.mark.parametrize(
    ("stream", "parents", "params"),
    [
        ("customers", {}, {"limit": 1}),
        ("quotes", {}, {"salesType": "quotes", "limit": 1}),
        ("vat_rates", {}, {"vatType": "sales"}),
        ("sales_attachments", {}, None),
        ("sales_attachments", {("purchaseType", "bills"): 7}, None),
        (
            "sales_attachments",
            {("salesType", "quotes"): 7},
            {"salesType": "quotes", "salesId": 7, "limit": 1},
        ),
    ],
)
def test_one_record_is_asked_for(stream, parents, params):
    assert cheapest_params(RESOURCES[stream], parents) == params


def test_balances_are_asked_for_one_day():
    days = cheapest_params(RESOURCES["account_balances"])
    assert len(set(days.values())) == 1
    assert abs(
        dt.date.fromisoformat(days["accountingDateTo"]) - dt.datetime.now(dt.UTC).date()
    ) <= (dt.timedelta(days=1))


@pytest.mark.parametrize(
    ("streams", "operation"),
    [
        (["sales_attachments"], "listSalesDocuments"),
        (["account_balances"], "listTransactions"),
        (["account_balances", "transaction_lines"], "listTransactionLines"),
    ],
)
def test_a_scope_is_tried_with_a_listing_that_asks_for_no_id_or_date(streams, operation):
    assert cheapest_read(CONTRACT, streams)[0].id == operation


def test_every_stream_has_a_request_that_tries_its_scope():
    for name in readable_streams(CONTRACT):
        operation, params = cheapest_read(CONTRACT, [name])
        assert operation.scope == RESOURCES[name].scope
        assert set(operation.path_parameters) <= params.keys()
        assert params.get("limit") == (1 if operation.paged else None)
