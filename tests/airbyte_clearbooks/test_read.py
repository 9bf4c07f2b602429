"""`discover` and `read`: records, statuses, states, estimates."""

import collections
import itertools
import json
from decimal import Decimal

import pytest

from airbyte_clearbooks.state import NOTHING
from tap_clearbooks.streams import STREAMS
from tests.airbyte_clearbooks.conftest import INVOICES
from tests.airbyte_clearbooks.program import configured
from tests.ledger import ONE, TWO


def catalog_of(source, **config):
    run = source("discover", config={**source.config, **config})
    assert run.code == 0, run.out
    return {s["name"]: s for s in run.one("CATALOG")["catalog"]["streams"]}


def walk(schema):
    yield schema
    for sub in (*schema.get("properties", {}).values(), *filter(None, [schema.get("items")])):
        yield from walk(sub)


class TestDiscover:
    def test_every_stream_with_its_key_modes_and_cursor(self, source):
        catalog = catalog_of(source, attachments=True)
        assert list(catalog) == list(STREAMS)
        assert {n: s["source_defined_cursor"] for n, s in catalog.items()} == {
            n: spec.cursor is not None for n, spec in STREAMS.items()
        }
        invoices, customers = catalog["sales_invoices"], catalog["customers"]
        assert invoices["source_defined_primary_key"] == [["businessId"], ["id"]]
        assert invoices["supported_sync_modes"] == ["full_refresh", "incremental"]
        assert invoices["default_cursor_field"] == ["date"]
        assert customers["supported_sync_modes"] == ["full_refresh"]
        assert "default_cursor_field" not in customers
        resumable = [name for name, s in catalog.items() if s["is_resumable"]]
        assert resumable == ["transactions", "transaction_lines"]

    def test_schemas_say_what_airbyte_understands(self, source):
        integers = 0
        for found in catalog_of(source).values():
            assert found["json_schema"]["type"] == "object"
            assert found["json_schema"]["additionalProperties"] is True
            for sub in walk(found["json_schema"]):
                assert not {"$ref", "allOf", "not", "anyOf"} & set(sub)
                assert sub.get("additionalProperties") is not False
                if "integer" in sub["type"]:
                    integers += 1
                    assert sub["airbyte_type"] == "integer"
        assert integers > 50

    def test_attachments_need_a_setting(self, source):
        streams = ["sales_attachments", "purchase_attachments"]
        assert set(STREAMS) - set(catalog_of(source)) == set(streams)
        run = source("read", catalog=configured("customers", *streams))
        assert run.code != 0
        (error,) = run.errors
        assert error["failure_type"] == "config_error"
        assert "set attachments to true" in error["message"]

    def test_needs_no_answer_of_the_api(self, source, books):
        catalog_of(source)
        assert not books.requests("/")

    def test_only_the_streams_of_the_settings(self, source):
        assert list(catalog_of(source, streams=["payments", "customers"])) == [
            "payments",
            "customers",
        ]


class TestRecords:
    def test_every_record_once_with_money_to_the_penny(self, source):
        run = source("read", catalog=configured("sales_invoices"))
        assert run.code == 0
        assert sorted(run.ids("sales_invoices")) == [
            *((ONE, i + 1) for i in range(INVOICES)),
            (TWO, 1),
            (TWO, 2),
        ]
        first = next(r for r in run.records("sales_invoices") if r["id"] == 1)
        assert first["net"] == Decimal("1.10")
        assert first["gross"] == Decimal("1.32")
        assert first["date"] == "2024-03-01"

    def test_records_carry_milliseconds(self, source):
        run = source("read", catalog=configured("customers"))
        assert all(
            1_600_000_000_000 < m["record"]["emitted_at"] < 9_000_000_000_000
            for m in run.of("RECORD")
        )

    def test_incremental_is_taken_from_streams_without_a_cursor(self, source):
        run = source("read", catalog=configured("customers", mode="incremental"))
        assert (run.code, len(run.records("customers"))) == (0, 2)

    def test_fields_that_the_catalog_leaves_out_do_not_come(self, source):
        catalog = configured("sales_invoices")
        catalog["streams"][0]["stream"]["json_schema"] = {
            "type": "object",
            "properties": {"id": {}, "gross": {}},
        }
        run = source("read", catalog=catalog)
        # The key and the cursor always come.
        assert set(run.records("sales_invoices")[0]) == {"businessId", "id", "date", "gross"}

    def test_a_field_left_out_of_transactions_does_not_hurt_their_lines(self, source):
        whole = source("read", catalog=configured("transaction_lines")).records("transaction_lines")
        catalog = configured("transactions", "transaction_lines")
        catalog["streams"][0]["stream"]["json_schema"] = {"properties": {"id": {}}}
        run = source("read", catalog=catalog)
        assert set(run.records("transactions")[0]) == {"businessId", "id"}
        assert run.records("transaction_lines") == whole

    def test_both_of_transactions_and_lines_cost_the_requests_of_one(self, source, books):
        source("read", catalog=configured("transactions"))
        alone = len(books.requests("/accounting/transactions"))
        run = source("read", catalog=configured("transactions", "transaction_lines"))
        assert len(books.requests("/accounting/transactions")) == 2 * alone
        assert len(run.records("transaction_lines")) > len(run.records("transactions"))


class TestStatuses:
    def test_started_running_complete_in_order_around_the_records(self, source):
        run = source("read", catalog=configured("customers", "quotes"))
        assert run.statuses("customers") == ["STARTED", "RUNNING", "COMPLETE"]
        assert run.statuses("quotes") == ["STARTED", "COMPLETE"]
        kinds = [
            m["trace"]["stream_status"]["status"] if m["type"] == "TRACE" else m["type"]
            for m in run.messages
            if "customers" in json.dumps(m, default=str) and "estimate" not in m.get("trace", {})
        ]
        # A customer of each of two businesses.
        of_one = ["RECORD", "STATE"]
        assert kinds == ["STARTED", "RUNNING", *of_one, *of_one, "COMPLETE"]

    def test_estimates_come_from_the_count_of_the_listing(self, source):
        run = source("read", catalog=configured("sales_invoices"))
        estimates = [t["estimate"] for t in run.traces if t["type"] == "ESTIMATE"]
        assert estimates[-1] == {
            "name": "sales_invoices",
            "type": "STREAM",
            "row_estimate": INVOICES + 2,
        }


class TestState:
    def test_one_for_each_stream_with_its_count_and_no_two_alike_in_a_row(self, source):
        run = source("read", catalog=configured("customers", "quotes", "sales_invoices"))
        assert set(run.states) == {"customers", "quotes", "sales_invoices"}
        counts = collections.Counter()
        for message in run.of("STATE"):
            name = message["state"]["stream"]["stream_descriptor"]["name"]
            counts[name] += message["state"]["sourceStats"]["recordCount"]
        assert counts == {"customers": 2, "quotes": 0, "sales_invoices": INVOICES + 2}
        assert run.states["customers"]["state"]["stream"]["stream_state"] == NOTHING
        states = [m["state"] for m in run.of("STATE")]
        assert all(a != b for a, b in itertools.pairwise(states))

    def test_counts_add_up_to_the_records(self, source):
        config = {**source.config, "attachments": True}
        run = source("read", config=config, catalog=configured(*STREAMS))
        for name in STREAMS:
            counted = sum(
                m["state"]["sourceStats"]["recordCount"]
                for m in run.of("STATE")
                if m["state"]["stream"]["stream_descriptor"]["name"] == name
            )
            assert counted == len(run.records(name)), name
            assert run.statuses(name)[-1] == "COMPLETE"

    @pytest.mark.parametrize("stream", ["transactions", "sales_invoices"])
    def test_the_next_run_reads_what_is_new(self, source, books, stream):
        config = {**source.config, "lookback_days": 0}
        first = source("read", config=config, catalog=configured(stream))
        customer = books.customer("New")
        books.invoice(customer, "2024-04-01")
        before = len(books.server.requests)
        second = source("read", config=config, catalog=configured(stream), state=first.state)
        fresh = set(second.ids(stream)) - set(first.ids(stream))
        assert len(fresh) == 1
        # A listing of one page is sent whole; of a longer one what is new.
        assert len(second.ids(stream)) <= 3 or stream == "sales_invoices"
        assert len(books.server.requests) - before <= 8
        third = source("read", config=config, catalog=configured(stream), state=second.state)
        assert not set(third.ids(stream)) - set(second.ids(stream)) - set(first.ids(stream))

    def test_states_as_pyairbyte_and_the_platform_send_them(self, source):
        first = source("read", catalog=configured("transactions"))
        (state,) = first.state
        stream = {
            "stream_descriptor": {"name": "transactions", "namespace": None},
            "stream_state": {**state["stream"]["stream_state"], "__ab_something": True},
        }
        shapes = (
            [
                {
                    "type": "STREAM",
                    "stream": stream,
                    "global_": None,
                    "data": None,
                    "sourceStats": None,
                }
            ],
            [{"type": "GLOBAL", "global": {"shared_state": None, "stream_states": [stream]}}],
            [{"type": "STATE", "state": {"type": "STREAM", "stream": stream}}],
        )
        for shape in shapes:
            run = source("read", catalog=configured("transactions"), state=shape)
            assert (run.code, run.records("transactions")) == (0, [])

    @pytest.mark.parametrize("empty", ["[]", "{}", "", "null"])
    def test_an_empty_state_reads_all(self, source, empty):
        run = source("read", catalog=configured("customers"), state=empty)
        assert (run.code, len(run.records("customers"))) == (0, 2)

    def test_a_full_refresh_does_not_go_on_from_a_bookmark(self, source):
        first = source("read", catalog=configured("transactions", "sales_invoices"))
        catalog = configured("transactions", "sales_invoices", mode="full_refresh")
        again = source("read", catalog=catalog, state=first.state)
        assert sorted(again.ids("transactions")) == sorted(first.ids("transactions"))
        assert sorted(again.ids("sales_invoices")) == sorted(first.ids("sales_invoices"))
