"""The SDK's standard tests for targets, as far as they make sense for a ledger, in this process.

Their streams are tables of any name, which a ledger does not have: they are ignored here, and have
to do no harm. The tests for records of a ledger's streams are those of `LEDGER`.
"""

from __future__ import annotations

import json

import pytest
from singer_sdk.testing import get_target_test_class
from singer_sdk.testing.suites import SingerTestSuite
from singer_sdk.testing.templates import TargetFileTestTemplate

from clearbooks_sandbox import AccountingEngine, Options, running
from target_clearbooks.target import TargetClearbooks

# Filled in once the sandbox runs: the tests are collected before.
CONFIG = {"unknown_streams": "ignore", "settle_seconds": 0}
SERVED = {}


def message(kind, **parts):
    return {"type": kind, "stream": "customers", **parts}


SCHEMA = message(
    "SCHEMA",
    key_properties=["externalId"],
    schema={"properties": {"externalId": {"type": "string"}, "name": {"type": "string"}}},
)


def customer(key, **fields):
    return message("RECORD", record={"externalId": key, **fields})


class _Ledger(TargetFileTestTemplate):
    """Messages of a stream of the ledger, and the names of the customers after them."""

    singer_filepath = None
    messages: tuple[dict, ...] = ()
    names: tuple[str, ...] = ()

    def setup(self):
        path = SERVED["folder"] / f"{self.name}.singer"
        path.write_text("".join(json.dumps(m) + "\n" for m in (SCHEMA, *self.messages)))
        self.runner.input_filepath = path
        self.before = self.customers()

    @staticmethod
    def customers():
        reply = SERVED["server"].engine.call(
            "listCustomers", business_id=SERVED["business"], params={}, query={"limit": 200}
        )
        return {row["id"]: row["name"] for row in reply.json()}

    def validate(self):
        new = self.customers().items() - self.before.items()
        assert sorted(name for _, name in new) == sorted(self.names)


class DuplicateRecords(_Ledger):
    name = "ledger_duplicate_records"
    messages = (customer("1", name="One"), customer("2", name="Two"), customer("1", name="Uno"))
    names = ("Two", "Uno")


class OptionalAttributes(_Ledger):
    name = "ledger_optional_attributes"
    messages = (customer("3", name="Three", phone=None), customer("4", name="Four", phone="1"))
    names = ("Three", "Four")


class EncodedStrings(_Ledger):
    name = "ledger_encoded_strings"
    texts = ("Ünïcödé Ltd", "丸 Co", 'Quote " and \\ Ltd', "🔔 Bells")
    messages = tuple(customer(f"e{n}", name=text) for n, text in enumerate(texts))
    names = texts


class RecordMissingRequired(_Ledger):
    """It is refused with a reason, and the others are written."""

    name = "ledger_record_missing_required"
    messages = (customer("5"), customer("6", name="Six"))
    names = ("Six",)


class States(_Ledger):
    """What the SDK's own test asks of states, on a stream of the ledger: all come, in order."""

    name = "ledger_states"
    messages = (
        {"type": "STATE", "value": {"a": 1}},
        customer("7", name="Seven"),
        {"type": "STATE", "value": {"a": 2}},
        customer("8", name="Eight"),
        {"type": "STATE", "value": {"a": 3}},
    )
    names = ("Seven", "Eight")

    def validate(self):
        super().validate()
        states = self.runner.state_messages
        assert states == sorted(states, key=lambda state: state["a"])
        assert states[-1] == {"a": 3}


LEDGER = SingerTestSuite(
    kind="target",
    tests=[DuplicateRecords, OptionalAttributes, EncodedStrings, RecordMissingRequired, States],
)
Standard = get_target_test_class(TargetClearbooks, config=CONFIG, custom_suites=[LEDGER])


class TestTarget(Standard):
    """The tests of `singer_sdk.testing`, and ours in its form."""

    # A reject file that is piped back holds no SCHEMA, and a record without its key is refused
    # with a reason instead of ending the run: tests/target_clearbooks/test_input.py.
    test_target_record_before_schema = None
    test_target_record_missing_key_property = None
    # Whatever schema a stream has that cannot be written is ignored with it.
    test_target_invalid_schema = None

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def served(cls, tmp_path_factory):
        engine = AccountingEngine()
        business = engine.add_business("Target Limited")
        folder = tmp_path_factory.mktemp("standard")
        with running(engine, Options(pages=False)) as server:
            SERVED.update(server=server, business=business, folder=folder)
            CONFIG.update(
                api_url=server.url,
                token_url=server.token_url,
                access_token="sandbox-access-token",
                token_store=str(folder / "tokens.json"),
                state_store=str(folder / "state.sqlite3"),
                rejects_path=str(folder / "rejects.jsonl"),
                business_ids=[business],
            )
            yield
        engine.close()
