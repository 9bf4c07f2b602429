"""Error bodies: of every shape, as plain text, with the field that each fault is about."""

from __future__ import annotations

import json
from functools import partial

import pytest

from clearbooks.errors import ApiError, Fault, SubscriptionError
from clearbooks.faults import field_path, plain_text, read_faults
from tests.clearbooks.stub import scripted
from tests.clearbooks.test_client import client


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'[{"errorCode": "a", "errorMessage": "b"}]', [("a", "b")]),
        (b'{"errors": [{"errorCode": "a", "errorMessage": "b"}]}', [("a", "b")]),
        (b'{"errors": {"errorCode": "a", "errorMessage": "b"}}', [("a", "b")]),
        (b'{"errorCode": "a", "errorMessage": "b"}', [("a", "b")]),
        (b'{"error": "invalid_request", "error_description": "b"}', [("invalid_request", "b")]),
        (b'{"code": 12, "message": "b"}', [("12", "b")]),
        (b'["one", "two"]', [("", "one"), ("", "two")]),
        (b"<html>Mrs Miggins</html>", []),
        (b"", []),
        (b"{}", []),
        (b'[{"errorMessage": "' + b"x" * 5000 + b'"}]', [("", "x" * 300)]),
    ],
)
def test_error_bodies_of_every_shape(body, found):
    assert [fault[:2] for fault in read_faults(body)] == found


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("lineItems[0].vatRateKey", "lineItems[0].vatRateKey"),
        ("lineItems.0.vatRateKey", "lineItems[0].vatRateKey"),
        ("/lineItems/0/vatRateKey", "lineItems[0].vatRateKey"),
        ("#/lineItems/0/vatRateKey", "lineItems[0].vatRateKey"),
        ("/data/attributes/name", "name"),
        ("body.address.countryCode", "address.countryCode"),
        ({"pointer": "/lineItems/12/vatRateKey"}, "lineItems[12].vatRateKey"),
        ({"field": "customerId"}, "customerId"),
        ({"parameter": "sortBy"}, "sortBy"),
        (["lineItems", 0, "vatRateKey"], "lineItems[0].vatRateKey"),
        ("name", "name"),
        ("", ""),
        (None, ""),
        (7, ""),
        ({}, ""),
        ({"pointer": ""}, ""),
        ({"line": 3}, ""),
        ([{"x": 1}], ""),
    ],
)
def test_the_field_of_a_fault_however_it_is_written(source, path):
    assert field_path(source) == path
    body = {"errors": [{"errorCode": "A", "errorMessage": "b", "source": source}]}
    assert read_faults(json.dumps(body).encode()) == [Fault("A", "b", path)]


@pytest.mark.parametrize(
    ("words", "plain"),
    [
        ("<p>The <b>name</b> is missing.</p>", "The name is missing."),
        ("One<br>Two<br/>Three", "One Two Three"),
        ("<ul><li>One</li><li>Two</li></ul>", "One Two"),
        ("Smith &amp; Sons &lt;Ltd&gt;", "Smith & Sons <Ltd>"),
        ("quantity < 5 or > 9", "quantity < 5 or > 9"),
        ('<a href="https://x.example/y?z=1">Upgrade</a> now', "Upgrade now"),
        ("plain", "plain"),
    ],
)
def test_messages_without_html(words, plain):
    assert plain_text(words) == plain


def test_an_error_says_which_field_where_the_message_does_not():
    faults = [("A", "is wrong", "name"), ("B", "email: is wrong", "email"), ("C", "is wrong")]
    error = ApiError("createCustomer", 422, faults)
    assert str(error) == (
        "createCustomer: HTTP 422 - name: A: is wrong; B: email: is wrong; C: is wrong"
    )


PLAN = {"errorCode": "BUSINESS_NO_SUBSCRIPTION", "errorMessage": "<b>Upgrade</b> your plan"}


@pytest.mark.parametrize("status", [402, 403, 422])
@pytest.mark.parametrize("body", [[PLAN], {"errors": [PLAN]}])
@pytest.mark.parametrize("writing", [False, True])
def test_a_plan_that_lacks_something_is_named_with_the_business(tmp_path, status, body, writing):
    with scripted((status, body)) as server, client(server, tmp_path) as c:
        ask = partial(c.write, "createCustomer", {}, {"name": "x"})
        if not writing:
            ask = partial(c.get, "listCustomers")
        with pytest.raises(SubscriptionError) as caught:
            ask(business_id=101)
        assert len(server.asked) == 1
    words = str(caught.value)
    assert "BUSINESS_NO_SUBSCRIPTION: Upgrade your plan" in words
    assert "the Clear Books plan (subscription) of business 101" in words
    assert "scope" not in words
    assert "\n" not in words


def test_402_is_about_the_plan_whatever_it_says(tmp_path):
    with scripted((402, b"<html>Pay</html>")) as server, client(server, tmp_path) as c:
        with pytest.raises(SubscriptionError, match=r"plan \(subscription\) of the business"):
            c.get("listCustomers")
        assert len(server.asked) == 1
