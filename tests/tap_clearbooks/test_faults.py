"""Servers that fail, lie, move or speak another dialect, and what reaches the output."""

from __future__ import annotations

from decimal import Decimal

import pytest

from clearbooks.client import Client
from clearbooks.errors import ApiError, ClearBooksError
from clearbooks.replies import Reply
from tap_clearbooks.records import ONLY_ID, Shape, to_dict
from tap_clearbooks.schema import stream_schema
from tests.ledger import ONE, TWO
from tests.tap_clearbooks.conftest import select

STREAMS = ["customers", "sales_invoices", "transactions", "transaction_lines"]


@pytest.fixture
def ledger(books):
    """Sixty customers and invoices, and what a calm run reads of them."""
    for n in range(60):
        customer = books.do("createCustomer", {"name": f"Customer {n}"})["id"]
        books.invoice(customer, f"2024-{n % 12 + 1:02}-05", amount=10 + n)
    return books


def sample(output):
    return {s: sorted(map(repr, output.records(s))) for s in STREAMS}


@pytest.mark.parametrize(
    "fault",
    [
        *(
            f"{kind}:0.2:seed=1"
            for kind in ("error", "drop-before", "drop-after", "html", "truncate")
        ),
        "expire-tokens:every=7",
    ],
)
def test_faults_change_nothing_in_the_output(fault, ledger, run_tap):
    calm = sample(run_tap(STREAMS, page_size=10))
    ledger.server.faults.add(fault)
    credentials = {
        "access_token": None,
        "client_id": "sandbox",
        "client_secret": "sandbox-secret",
        "refresh_token": "sandbox-refresh-token",
    }
    settings = credentials if "expire" in fault else {}
    assert sample(run_tap(STREAMS, page_size=10, max_tries=20, **settings)) == calm
    assert sum(ledger.server.faults.counts.values()) > 0


@pytest.mark.parametrize(
    "dialect",
    [
        "nulls",
        "string-money",
        "string-ids",
        "unknown-fields",
        "pretty",
        "no-headers",
        "unsorted",
        "ascending-only",
        "errors-array",
    ],
)
def test_dialects_change_nothing_in_the_output(dialect, ledger, run_tap):
    plain = run_tap(STREAMS, page_size=10)
    ledger.server.dialects.on(dialect)
    other = run_tap(STREAMS, page_size=10)

    def without_nulls(record):
        lines = [without_nulls(line) for line in record.get("lineItems") or []]
        return {k: lines if k == "lineItems" else v for k, v in record.items() if v is not None}

    for stream in STREAMS:
        assert sorted(map(repr, map(without_nulls, other.records(stream)))) == sorted(
            map(repr, map(without_nulls, plain.records(stream)))
        )


@pytest.mark.parametrize(
    "fault", ["delete-between-pages", "add-between-pages", "replace-between-pages"]
)
def test_a_ledger_that_moves_between_two_pages(fault, ledger, run_tap):
    before = {i for _, i in run_tap(["customers"]).ids("customers")}
    for n in range(40):
        ledger.do("createCustomer", {"name": f"Movable {n}"})
    ledger.server.faults.add(fault)
    moving = run_tap(["customers"], page_size=10)
    ledger.server.faults.clear()
    after = {i for _, i in run_tap(["customers"]).ids("customers")}
    got = [i for _, i in moving.ids("customers")]
    assert (before & after) <= set(got)
    assert len(got) == len(set(got))


def test_a_business_that_is_refused_is_told_and_the_others_are_read(ledger, run_tap):
    refused = 999
    output = run_tap(["customers", "transactions"], business_ids=[refused, ONE, TWO])
    assert len(output.records("customers")) == 60
    assert len(output.failures) == 2
    assert all("business 999" in fault and "403" in fault for fault in output.failures)


@pytest.mark.parametrize("dialects", [(), ("errors-array",)])
@pytest.mark.parametrize("status", [402, 403])
def test_what_the_plan_lacks_is_left_out_and_the_rest_is_read(ledger, run_tap, status, dialects):
    ledger.server.dialects.on(*dialects)
    ledger.server.faults.add(f"no-subscription:path=/accounting/purchases,status={status}")
    output = run_tap(["customers", "bills", "transactions"], business_ids=[ONE])
    assert len(output.records("customers")) == 60
    assert output.records("transactions")
    (failure,) = output.failures
    assert failure.startswith(f"bills of business {ONE}")
    assert f"the Clear Books plan (subscription) of business {ONE}" in failure
    assert "scope" not in failure


def test_one_entity_under_one_id_is_a_record_of_each_stream(books, run_tap):
    books.server.dialects.on("one-entity")
    one = books.do("createCustomer", {"name": "Both Ltd", "email": "sales@example.com"})["id"]
    other = books.do("createSupplier", {"name": "Both Ltd", "email": "bills@example.com"})["id"]
    assert one == other
    output = run_tap(["customers", "suppliers"], business_ids=[ONE])
    for stream, email in (("customers", "sales@example.com"), ("suppliers", "bills@example.com")):
        (record,) = output.records(stream)
        assert (record["id"], record["email"]) == (one, email)


def test_activate_version_only_after_everything_was_read(ledger, run_tap):
    output = run_tap(["customers"], emit_activate_version_messages=True)
    kinds = [m["type"] for m in output.messages]
    assert kinds.index("ACTIVATE_VERSION") > max(i for i, k in enumerate(kinds) if k == "RECORD")
    (version,) = {m["version"] for m in output.messages if m["type"] == "RECORD"}
    (activate,) = output.of_type("ACTIVATE_VERSION")
    assert (activate["stream"], activate["version"]) == ("customers", version)
    assert not run_tap(["customers"]).of_type("ACTIVATE_VERSION")


def test_a_refused_business_means_no_activate_version(ledger, run_tap):
    output = run_tap(["customers"], emit_activate_version_messages=True, business_ids=[ONE, 999])
    assert output.records("customers")
    assert not output.of_type("ACTIVATE_VERSION")


def test_a_failed_run_deletes_nothing_and_keeps_no_bookmark(ledger, run_tap):
    ledger.server.faults.add("error:1.0:path=/accounting/transactions")
    settings = {"emit_activate_version_messages": True, "max_tries": 2}
    output = run_tap(["customers", "transactions"], business_ids=[ONE], **settings)
    assert output.failures
    assert [m["stream"] for m in output.of_type("ACTIVATE_VERSION")] == ["customers"]
    transactions = output.state.get("bookmarks", {}).get("transactions", {})
    assert not any("replication_key_value" in p for p in transactions.get("partitions", []))


def test_an_endpoint_that_keeps_failing_is_told_and_the_others_are_read(ledger, run_tap):
    ledger.server.faults.add("error:1.0:path=/accounting/sales")
    streams = ["customers", "sales_invoices", "transactions"]
    output = run_tap(streams, business_ids=[ONE], max_tries=2)
    assert len(output.records("customers")) == 60
    assert output.records("transactions")
    assert len(output.failures) == 1
    assert "sales_invoices of business" in output.failures[0]
    assert "500" in output.failures[0]


def test_an_api_that_keeps_failing_ends_the_run(ledger, run_tap):
    ledger.server.faults.add("error:1.0:path=/accounting/")
    with pytest.raises(ClearBooksError):
        run_tap(["customers", "sales_invoices", "transactions"], max_tries=2)


def test_an_assumed_path_that_the_api_lacks_points_to_the_setting(books, run_tap):
    books.invoice(books.do("createCustomer", {"name": "A"})["id"])
    output = run_tap(["account_balances"], api_paths={"listAccountBalances": "/accounting/nowhere"})
    assert "api_paths" in output.failures[0]
    assert "listAccountBalances" in output.failures[0]


def test_a_document_deleted_before_its_attachments_are_listed(books, run_tap):
    customer = books.do("createCustomer", {"name": "A"})["id"]
    for _ in range(3):
        invoice = books.invoice(customer)
        books.do(
            "createSalesAttachment",
            b"x",
            salesType="invoices",
            salesId=invoice["id"],
            fileName="a.txt",
        )
    books.server.faults.plan("error", path="/accounting/sales/invoices/2/", status=404)
    output = run_tap(["sales_attachments"], attachments=True)
    assert {r["salesId"] for r in output.records("sales_attachments")} == {1, 3}
    assert not output.failures


# Selection, stream maps, flattening


def test_fields_that_nobody_selected_stay_out(ledger, run_tap):
    catalog = select(["customers"])
    (entry,) = [e for e in catalog["streams"] if e["tap_stream_id"] == "customers"]
    for item in entry["metadata"]:
        if tuple(item["breadcrumb"]) == ("properties", "name"):
            item["metadata"]["selected"] = False
    record = run_tap(catalog).records("customers")[0]
    assert "name" not in record
    assert record["id"]


def test_stream_maps_are_applied(ledger, run_tap):
    maps = {"customers": {"name_upper": "name.upper()", "name": "__NULL__"}}
    record = run_tap(["customers"], stream_maps=maps).records("customers")[0]
    assert record["name_upper"] == "CUSTOMER 0"
    assert "name" not in record


def test_flattening_is_applied(ledger, run_tap):
    ledger.do("createCustomer", {"name": "Z", "address": {"town": "Leeds"}})
    run = run_tap(["customers"], flattening_enabled=True, flattening_max_depth=2)
    assert run.records("customers")[-1]["address__town"] == "Leeds"


def test_both_paths_write_the_same_records(ledger, run_tap):
    fast = run_tap(STREAMS)
    slow = run_tap(STREAMS, stream_maps={"customers": {"extra": "'x'"}}, stream_map_config={})
    assert fast.records("transaction_lines") == slow.records("transaction_lines")
    assert [{**r, "extra": "x"} for r in fast.records("customers")] == slow.records("customers")


def test_values_of_the_wrong_type_are_brought_to_the_schema(caplog):
    shape = Shape("sales_invoices", stream_schema("sales_invoices", "_sdc_deleted_at"))
    body = (
        b'[{"id": "7", "documentNumber": 536365, "date": "2010-12-01T08:26:00", "dateDue": "",'
        b' "datePaid": "0000-00-00", "gross": "12.50", "net": 10, "due": "soon", "extra": 1,'
        b' "lineItems": [{"unitPrice": "2.550", "quantity": 6.0, "accountCode": "1001001"}]}]'
    )
    (record,) = shape.page(body, "listSalesDocuments")
    assert to_dict(record) == {
        "id": 7,
        "documentNumber": "536365",
        "date": "2010-12-01",
        "dateDue": None,
        "datePaid": None,
        "gross": Decimal("12.50"),
        "net": Decimal(10),
        "due": None,
        "lineItems": [
            {"unitPrice": Decimal("2.550"), "quantity": Decimal("6.0"), "accountCode": 1001001}
        ],
    }
    assert "field due" in caplog.text
    assert "soon" not in caplog.text


@pytest.mark.parametrize(
    ("sent", "day"),
    [
        # Midnight in London, by UTC.
        ("2026-07-25T23:00:00Z", "2026-07-26"),
        ("2026-01-25T23:00:00Z", "2026-01-25"),
        ("2026-07-26T00:00:00+01:00", "2026-07-26"),
        ("2026-07-26T00:00:00", "2026-07-26"),
    ],
)
def test_the_date_of_a_moment_is_that_in_london(sent, day):
    shape = Shape("sales_invoices", stream_schema("sales_invoices", "_sdc_deleted_at"))
    (record,) = shape.page(b'[{"id": 7, "date": "%s"}]' % sent.encode(), "listSalesDocuments")
    assert to_dict(record)["date"] == day


@pytest.mark.parametrize(
    "body",
    [
        b'{"accountCodeId": "7", "balance": 1.10}',
        b'{"data": {"accountCodeId": 7, "balance": "1.10"}}',
        b'{"items": [{"accountCodeId": 7, "balance": 1.10}]}',
    ],
)
def test_one_record_may_come_bare_or_wrapped(body):
    shape = Shape("account_balances", stream_schema("account_balances", "_sdc_deleted_at"))
    (record,) = shape.page(body, "listAccountBalances")
    assert to_dict(record) == {"accountCodeId": 7, "balance": Decimal("1.10")}


def test_ids_alone_may_be_strings():
    assert [r.id for r in Shape("bills", ONLY_ID).page(b'[{"id": "7", "net": 1}]', "x")] == [7]


@pytest.mark.parametrize("business", ['{"id": 101}', '{"data": [{"id": "101", "name": "One"}]}'])
def test_the_list_of_businesses_may_come_wrapped(business, books, run_tap, monkeypatch):
    books.do("createCustomer", {"name": "Customer"})
    get = Client.get

    def wrapped(self, operation, *args, **kwargs):
        reply = get(self, operation, *args, **kwargs)
        body = business.encode() if operation == "listBusinesses" else reply.body
        return Reply(reply.status, reply.headers, body, reply.path)

    monkeypatch.setattr(Client, "get", wrapped)
    output = run_tap(["businesses", "customers"])
    assert [r["id"] for r in output.records("businesses")] == [101]
    assert [r["businessId"] for r in output.records("customers")] == [101]


def test_a_record_without_its_key_is_told(ledger, run_tap, monkeypatch):
    get = Client.get

    def nothing(self, operation, *args, **kwargs):
        if operation != "listAccountBalances":
            return get(self, operation, *args, **kwargs)
        return Reply(200, {}, b'[{"errorCode": "1", "errorMessage": "no"}]', "/")

    monkeypatch.setattr(Client, "get", nothing)
    with pytest.raises(ApiError, match="a record without accountCodeId"):
        run_tap(["account_balances"])


def test_an_answer_that_is_no_list_is_told():
    shape = Shape("customers", stream_schema("customers", "_sdc_deleted_at"))
    with pytest.raises(ApiError, match="no list of records"):
        shape.page(b'{"message": "hello"}', "listCustomers")
