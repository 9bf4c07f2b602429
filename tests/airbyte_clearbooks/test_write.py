"""`write`: records into the ledger, states back once all before them is settled."""

import json
import os
import signal
from decimal import Decimal

import pytest

from airbyte_clearbooks.spec import MODES
from target_clearbooks.settings import target_properties
from tests.airbyte_clearbooks.conftest import INVOICES
from tests.airbyte_clearbooks.program import configured, kill_after
from tests.ledger import ONE

CUSTOMER = {"externalId": "C1", "name": "Acme Ltd", "email": "acme@example.com"}
ACME = {"name": "Acme Ltd"}


def record(stream, **data):
    return {"type": "RECORD", "record": {"stream": stream, "data": data, "emitted_at": 1.5}}


def state(stream, **value):
    return {
        "type": "STATE",
        "state": {
            "type": "STREAM",
            "stream": {"stream_descriptor": {"name": stream}, "stream_state": value},
            "sourceStats": {"recordCount": 1.0},
            "id": 7,
        },
    }


def invoice(number, amount="10.00", treatment="UK"):
    return record(
        "sales_invoices",
        externalId=f"I{number}",
        customer={"externalId": "C1"},
        date="2024-05-01",
        vatTreatment=treatment,
        reference=f"INV-{number}",
        lineItems=[
            {
                "description": "Work",
                "unitPrice": amount,
                "quantity": 1,
                "accountCode": 1001001,
                "vatRateKey": "20.00:Standard",
            }
        ],
    )


def lines(*messages):
    return "".join(json.dumps(m) + "\n" for m in messages)


BOTH = configured("customers", "sales_invoices")


@pytest.fixture(autouse=True)
def empty(books):
    """Nothing stands in the way of the state store: its ledger carries none of our markers."""
    books.server.requests.clear()


def made(books):
    return {s["reference"]: s for s in books.sales() if s.get("reference", "").startswith("INV")}


def test_records_reach_the_ledger_and_every_state_comes_back_in_order(destination, books):
    states = [
        state("customers", at=1),
        state("sales_invoices", at=1, unknown={"a": [1]}),
        state("sales_invoices", at=2),
    ]
    run = destination(
        "write",
        catalog=BOTH,
        stdin=lines(
            record("customers", **CUSTOMER),
            states[0],
            invoice(1),
            invoice(2, "20.50"),
            states[1],
            invoice(3),
            states[2],
        ),
    )
    assert run.code == 0, run.out
    assert {r: s["net"] for r, s in made(books).items()} == {
        "INV-1": 10,
        "INV-2": Decimal("20.50"),
        "INV-3": 10,
    }
    out = [m["state"] for m in run.of("STATE")]
    assert [s["destinationStats"]["recordCount"] for s in out] == [1, 2, 1]
    assert [{k: v for k, v in s.items() if k != "destinationStats"} for s in out] == [
        m["state"] for m in states
    ]
    assert '"recordCount":2.0' in run.out


def test_a_second_time_nothing_is_sent(destination, books):
    text = lines(record("customers", **CUSTOMER), invoice(1), state("sales_invoices", at=1))
    destination("write", catalog=BOTH, stdin=text)
    books.server.requests.clear()
    run = destination("write", catalog=BOTH, stdin=text)
    assert run.code == 0
    assert len(run.of("STATE")) == 1
    assert not [r for r in books.server.requests if r.method != "GET"]


def test_append_comes_to_the_same_upsert(destination, books):
    catalog = configured("customers", "sales_invoices", destination_sync_mode="append")
    text = lines(record("customers", **CUSTOMER), invoice(1))
    for _ in range(2):
        assert destination("write", catalog=catalog, stdin=text).code == 0
    assert len(made(books)) == 1


def test_keys_of_the_catalog_identify_a_record_without_external_id(destination, books):
    catalog = configured("customers", primary_key=[["companyNumber"]])
    for email in ("a@example.com", "b@example.com"):
        nine = record("customers", companyNumber="09", name=f"Nine {email}", email=email)
        run = destination("write", catalog=catalog, stdin=lines(nine))
        assert run.code == 0, run.out
    found = books.do("listCustomers", query={"limit": 200})
    assert [c["email"] for c in found if c["name"].startswith("Nine")] == ["b@example.com"]


def test_a_mangled_record_is_made_whole(destination, books):
    schema = {
        "properties": {
            "externalId": {"type": "string"},
            "lineItems": {
                "type": "array",
                "items": {"properties": {"unitPrice": {"type": "number"}}},
            },
        }
    }
    catalog = configured("customers", "sales_invoices")
    catalog["streams"][1]["stream"]["json_schema"] = schema
    mangled = {
        "externalid": "I1",
        "date": "2024-05-01T00:00:00",
        "vattreatment": "UK",
        "reference": "INV-1",
        "customer": {"externalId": "C1"},
        "_airbyte_raw_id": "x",
        "lineitems": json.dumps(
            [
                {
                    "description": "Work",
                    "unitprice": "195.070000000",
                    "quantity": "1.000000000",
                    "accountcode": "1001001",
                    "vatratekey": "20.00:Standard",
                }
            ]
        ),
    }
    run = destination(
        "write",
        catalog=catalog,
        stdin=lines(record("customers", **CUSTOMER), record("sales_invoices", **mangled)),
    )
    assert run.code == 0, run.out
    assert made(books)["INV-1"]["net"] == Decimal("195.07")


class TestRejected:
    def test_the_sync_fails_at_the_end_with_the_reasons_after_all_else_was_written(
        self, destination, books
    ):
        run = destination(
            "write",
            catalog=BOTH,
            stdin=lines(
                record("customers", **CUSTOMER),
                invoice(1),
                invoice(2, treatment="Mars"),
                state("sales_invoices", at=1),
                invoice(3),
                state("sales_invoices", at=2),
            ),
        )
        assert run.code == 3
        assert set(made(books)) == {"INV-1", "INV-3"}
        (error,) = run.errors
        assert error["failure_type"] == "config_error"
        assert "1 records were rejected" in error["message"]
        assert "sales_invoices I2" in error["message"]
        assert "Mars" in error["message"]
        stats = [m["state"]["destinationStats"] for m in run.of("STATE")]
        assert stats == [
            {"recordCount": 1, "rejectedRecordCount": 1},
            {"recordCount": 1, "rejectedRecordCount": 0},
        ]
        assert run.messages[-1]["type"] == "TRACE"

    def test_so_many_as_allowed_do_not_fail_it(self, destination):
        config = {**destination.config, "max_rejects": 1}
        run = destination(
            "write",
            config=config,
            catalog=BOTH,
            stdin=lines(record("customers", **CUSTOMER), invoice(2, treatment="Mars")),
        )
        assert (run.code, run.errors) == (0, [])
        assert any("Mars" in text for text in run.logs)

    def test_a_record_whose_parent_never_comes_is_left_open(self, destination):
        run = destination("write", catalog=BOTH, stdin=lines(invoice(1)))
        assert run.code == 4
        assert "1 waiting" in run.errors[0]["message"]


class TestInput:
    @pytest.mark.parametrize(
        ("catalog", "words"),
        [
            (configured("cats"), "'cats' is not known"),
            (
                configured("customers", destination_sync_mode="overwrite"),
                "destination_sync_mode 'overwrite' should be one of append_dedup, append, update",
            ),
        ],
    )
    def test_a_catalog_that_cannot_be(self, destination, catalog, words):
        run = destination("write", catalog=catalog, stdin="")
        assert run.code == 2
        assert words in run.errors[0]["message"]
        assert run.errors[0]["failure_type"] == "config_error"

    def test_unknown_streams_may_be_ignored(self, destination):
        config = {**destination.config, "unknown_streams": "ignore"}
        text = lines(record("cats", id=1), record("customers", **CUSTOMER))
        catalog = configured("cats", "customers")
        run = destination("write", config=config, catalog=catalog, stdin=text)
        assert run.code == 0, run.out
        assert any("cats" in text for text in run.logs)

    def test_other_messages_and_unknown_kinds_are_ignored(self, destination):
        log = {"type": "LOG", "log": {"level": "INFO", "message": "x"}}
        run = destination(
            "write",
            catalog=BOTH,
            stdin=lines(log, {"type": "FUTURE", "future": {}}, {"x": 1})
            + "\n"
            + lines(state("customers", at=1)),
        )
        assert run.code == 0
        assert len(run.of("STATE")) == 1

    @pytest.mark.parametrize("text", ["no json\n", "[1]\n", lines(record("cats", id=1))])
    def test_what_is_no_message_fails(self, destination, text):
        run = destination("write", catalog=BOTH, stdin=text)
        assert run.code == 2
        assert len(run.errors) == 1


def test_states_wait_for_what_is_in_doubt_and_a_second_run_settles_it(destination, books):
    books.server.faults.plan("drop-after", method="POST", path="/accounting/sales", nth=1)
    config = {**destination.config, "settle_seconds": 0}
    text = lines(record("customers", **CUSTOMER), invoice(1), state("sales_invoices", at=1))
    run = destination("write", config=config, catalog=BOTH, stdin=text)
    assert run.code in {0, 4}, run.out
    run = destination("write", config=config, catalog=BOTH, stdin=text)
    assert run.code == 0, run.out
    assert len(run.of("STATE")) == 1
    assert len(made(books)) == 1


def test_a_plan_that_ended_is_told_and_no_record_is_refused(destination, books):
    books.server.faults.add("no-subscription:path=/accounting/sales,method=POST,status=402")
    text = lines(record("customers", **CUSTOMER), invoice(1), state("sales_invoices", at=1))
    run = destination("write", catalog=BOTH, stdin=text)
    assert run.code == 5
    (error,) = run.errors
    assert error["failure_type"] == "config_error"
    assert "the Clear Books plan (subscription) of business" in error["message"]
    assert run.of("STATE") == []
    books.server.faults.clear()
    run = destination("write", catalog=BOTH, stdin=text)
    assert run.code == 0, run.out
    assert len(made(books)) == 1


def test_sigterm_puts_down_what_is_settled_and_each_record_stands_once(destination, books):
    books.server.options.latency_ms = 60
    messages = [record("customers", **CUSTOMER)]
    for number in range(40):
        messages += [invoice(number), state("sales_invoices", at=number)]
    process = destination.start("write", catalog=BOTH)
    process.stdin.write(lines(*messages))
    process.stdin.flush()
    run = kill_after(process, 1)
    assert run.code == -signal.SIGTERM
    echoed = [m["state"]["stream"]["stream_state"]["at"] for m in run.of("STATE")]
    assert echoed == list(range(len(echoed)))
    assert 0 < len(echoed) < 40
    assert {f"INV-{n}" for n in echoed} <= set(made(books))
    again = destination("write", catalog=BOTH, stdin=lines(*messages))
    assert again.code == 0, again.out
    assert len(made(books)) == len(books.sales()) - INVOICES == 40


class TestCheck:
    def status(self, run):
        assert run.code == 0, run.out
        return run.one("CONNECTION_STATUS")["connectionStatus"]

    def test_all_is_well_and_nothing_is_written(self, destination, books):
        assert self.status(destination("check")) == {"status": "SUCCEEDED"}
        assert not [r for r in books.server.requests if r.method != "GET"]

    def test_streams_that_are_only_written_need_no_scope_to_read(self, destination):
        config = {**destination.config, "streams": ["journals"]}
        assert self.status(destination("check", config=config)) == {"status": "SUCCEEDED"}

    def test_a_missing_scope_to_write_is_named(self, destination, books, tmp_path):
        scopes = {"businesses:read", "accounting.customers:read"}
        books.server.oauth.add_token("refresh", "narrow-refresh", "sandbox", scopes=scopes)
        config = books.application(tmp_path, streams=["customers"], business_ids=[ONE])
        config["credentials"]["refresh_token"] = "narrow-refresh"
        run = destination("check", config=config)
        found = self.status(run)
        assert found["status"] == "FAILED"
        assert "accounting.customers:write (for customers)" in found["message"]
        assert len(run.configs) == 1

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"mode": "maybe"}, "mode"),
            ({"streams": ["cats"]}, "streams: ['cats'] not known"),
            ({"dry_run": True}, "plan_path: a dry run needs"),
            ({"state_store": "/proc/no/such.sqlite3"}, "state_store"),
        ],
    )
    def test_a_wrong_setting_is_named(self, destination, change, words):
        found = self.status(destination("check", config={**destination.config, **change}))
        assert (found["status"], words in found["message"]) == ("FAILED", True), found


def test_spec_has_every_setting_of_the_target_and_is_quick(destination):
    began = os.times()
    run = destination("spec")
    used = sum(os.times()[2:4]) - sum(began[2:4])
    spec = run.one("SPEC")["spec"]
    assert set(target_properties()) <= set(spec["connectionSpecification"]["properties"])
    assert spec["supported_destination_sync_modes"] == list(MODES)
    assert used < 0.6
