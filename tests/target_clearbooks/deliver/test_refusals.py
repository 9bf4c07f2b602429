"""Refusals of the API: the reject names the record's own field; a lapsed plan ends the run."""

from __future__ import annotations

import json

import pytest

from clearbooks.errors import SubscriptionError
from tests.target_clearbooks.conftest import (
    FOUR,
    allocation,
    customer,
    invoice,
    payment,
    record,
    schema,
    state,
)

HTML = "<p>This <b>key</b> is not permitted.</p>"
POST = "/accounting/sales/invoices"


class Refusing:
    """Lets the sandbox answer the creates of a stream as a server with other words would."""

    def __init__(self, run, monkeypatch, status, body):
        api = run.sandbox.engine
        carry_out = api.call

        def call(operation_id, **request):
            reply = carry_out(operation_id, **request)
            if operation_id == "createSalesDocument":
                reply.status, reply.body = status, json.dumps(body).encode()
            return reply

        monkeypatch.setattr(api, "call", call)


@pytest.mark.parametrize(
    "source",
    ["lineItems[0].vatRateKey", {"pointer": "/lineItems/0/vatRateKey"}, "/lineItems/0/vatRateKey"],
)
def test_a_reject_names_the_field_of_the_record(run, monkeypatch, source):
    body = {"errors": [{"errorCode": "BAD_RATE", "errorMessage": HTML, "source": source}]}
    Refusing(run, monkeypatch, 422, body)
    assert run([*schema("customers", "sales_invoices"), customer(), invoice()]) == 3
    (reject,) = run.rejects
    assert reject["reasons"] == ["lineItems[0].vatRate: BAD_RATE: This key is not permitted."]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([{"errorCode": "BAD", "errorMessage": "customerId: is wrong"}], "customer: BAD: is wrong"),
        ([{"errorCode": "BAD", "errorMessage": "Note: it is wrong"}], "BAD: Note: it is wrong"),
        (
            {
                "errors": [
                    {
                        "errorCode": "BAD",
                        "errorMessage": "customerId: is wrong",
                        "source": "customerId",
                    }
                ]
            },
            "customer: BAD: is wrong",
        ),
        ({"errors": [{"errorCode": "BAD", "errorMessage": "wrong", "source": None}]}, "BAD: wrong"),
    ],
)
def test_a_reject_without_a_source(run, monkeypatch, body, reason):
    Refusing(run, monkeypatch, 422, body)
    assert run([*schema("customers", "sales_invoices"), customer(), invoice()]) == 3
    assert run.rejects[0]["reasons"] == [reason]


@pytest.mark.parametrize(
    "dialects",
    [(), ("errors-array",), ("errors-pointer",), ("errors-html",), ("errors-array", "errors-html")],
)
def test_the_field_is_named_in_every_dialect(run, dialects):
    run.sandbox.dialects.on(*dialects)
    accounts = schema("bank_accounts")
    assert run([*accounts, record("bank_accounts", "A", name="x", currency="ZZZ")]) == 3
    (reason,) = run.rejects[0]["reasons"]
    assert reason.startswith("currency: CURRENCY: 'ZZZ' is no currency code")


# A plan that has ended

MESSAGES = [
    *schema("customers", "sales_invoices"),
    customer("C1"),
    invoice("I1", "C1"),
    state({"done": 1}),
    customer("C2"),
    invoice("I2", "C2"),
    state({"done": 2}),
]


@pytest.mark.parametrize("dialects", [(), ("errors-array",)])
@pytest.mark.parametrize("status", [402, 403])
def test_a_plan_that_ends_ends_the_run_and_loses_nothing(run, status, dialects):
    run.sandbox.dialects.on(*dialects)
    run.sandbox.faults.add(f"no-subscription:path={POST},method=POST,status={status}")
    with pytest.raises(SubscriptionError) as caught:
        run(MESSAGES)
    assert f"business {run.business}" in str(caught.value)
    assert "plan (subscription)" in str(caught.value)
    assert caught.value.exit_code == 5
    assert run.rejects == []
    assert run.states == []
    run.sandbox.faults.clear()
    assert run(MESSAGES) == 0
    assert run.states[-1] == {"done": 2}
    assert len(run.invoices()) == 2
    assert len(run.customers()) == 2


@pytest.mark.parametrize("fault", ["no-subscription", "error:status=403"])
def test_a_record_that_waited_is_kept_for_the_next_run(run, fault):
    """STATE went out behind it, so that the source does not send it again."""
    first = [*schema("customers", "sales_invoices"), invoice("I1", "C1"), state({"done": 1})]
    assert run(first) == 4
    assert run.states == [{"done": 1}]
    parent = [*schema("customers"), customer("C1"), state({"done": 2})]
    kind, _, rest = fault.partition(":")
    run.sandbox.faults.add(f"{kind}:path={POST},method=POST" + (f",{rest}" if rest else ""))
    with pytest.raises(Exception, match="HTTP 403"):
        run(parent)
    run.sandbox.faults.clear()
    assert run([*schema("customers"), state({"done": 3})]) == 0
    assert len(run.invoices()) == 1


def test_a_list_that_cannot_be_read_ends_the_run_too(run):
    run.sandbox.faults.add("no-subscription:path=/accounting/allocations,status=402")
    messages = [
        *FOUR,
        customer(),
        invoice(),
        payment(),
        allocation(),
    ]
    with pytest.raises(SubscriptionError):
        run(messages)
    assert run.rejects == []
    run.sandbox.faults.clear()
    assert run(messages) == 0
    assert run.invoices()[0]["due"] == 0


def test_the_program_ends_in_one_line(run):
    run.sandbox.faults.add(f"no-subscription:path={POST},status=402")
    process = run.process(MESSAGES)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 5
    assert out == ""
    assert "Traceback" not in err
    told = [text for text in err.splitlines() if "BUSINESS_NO_SUBSCRIPTION" in text]
    assert len(told) == 1
    assert f"business {run.business}" in told[0]


def test_an_allocation_that_the_server_refuses_leaves_the_pair_to_a_right_one(run):
    books = [*FOUR, customer(), invoice(), payment(amount="180.00")]
    assert run(books) == 0
    both = [*FOUR, allocation("X2", amount="110.00"), allocation("X3", amount="120.00")]
    run.sandbox.faults.plan("error", method="POST", path="/accounting/allocations", status=422)
    assert run(both) == 3
    assert [row["key"] for row in run.rejects] == ["X2"]
    [found] = run.listed("listAllocations", invoiceType="sales")
    assert found["amount"] == 120
    # Where the first one is written, the second is still one too many.
    assert (
        run(
            [
                *books,
                invoice("I2"),
                allocation("Y1", "I2", amount="40.00"),
                allocation("Y2", "I2", amount="50.00"),
            ]
        )
        == 3
    )
    assert [row["key"] for row in run.rejects[1:]] == ["Y2"]


@pytest.mark.parametrize("spelled", ["50.00", "50"])
def test_what_was_one_too_many_is_so_in_the_next_run_too(run, spelled):
    books = [*FOUR, customer(), invoice(), payment()]
    for first in ("50.00", spelled):
        both = [allocation("A1", amount=first), allocation("A2", amount="60.00")]
        assert run([*books, *both]) == 3
        assert run.rejects[-1]["key"] == "A2"
        [found] = run.listed("listAllocations", invoiceType="sales")
        assert found["amount"] == 50
    # Once the first is taken back, there is room for the second.
    void = record("sales_allocations", "A1", _operation="void")
    assert run([*books, void]) == 0
    for _ in range(2):
        assert run([*books, void, both[1]]) == 0
    [found] = run.listed("listAllocations", invoiceType="sales")
    assert found["amount"] == 60


def test_an_allocation_that_was_refused_goes_through_in_the_next_run(run):
    books = [*FOUR, customer(), invoice(), payment()]
    run.sandbox.faults.plan("error", method="POST", path="/accounting/allocations", status=422)
    assert run([*books, allocation("X2")]) == 3
    assert run([*books, allocation("X3")]) == 0
