"""The SDK's standard tests for taps, on the sandbox or on any address.

`CLEARBOOKS_TAP_CONFIG=config.json pytest tests/tap_clearbooks/test_standard.py` runs them with the
configuration of that file instead: of a real account, or of another server.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from clearbooks_sandbox import AccountingEngine, Options, running
from clearbooks_sandbox.demo.workshop import enter_workshop
from tap_clearbooks.tap import TapClearbooks

# The suite says of every field that none of the records holds that it holds none.
pytestmark = pytest.mark.filterwarnings("ignore:Fields in transformed catalog:UserWarning")
GIVEN = os.environ.get("CLEARBOOKS_TAP_CONFIG")
# Filled in once the sandbox runs: the tests are collected before.
CONFIG = {"attachments": True, "page_size": 50}
# What the small business has none of.
NONE = ["expenses", "stock_items", "sales_attachments", "purchase_attachments"]

Standard = get_tap_test_class(
    TapClearbooks,
    config=CONFIG,
    suite_config=SuiteConfig(
        max_records_limit=None,
        ignore_no_records=bool(GIVEN),
        ignore_no_records_for_streams=NONE,
    ),
)


class TestTap(Standard):
    """The tests of `singer_sdk.testing`."""

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def served(cls, tmp_path_factory):
        if GIVEN:
            CONFIG.update(json.loads(Path(GIVEN).read_text(encoding="utf-8")))
            yield
            return
        engine = AccountingEngine()
        business = enter_workshop(engine)
        with running(engine, Options(pages=False)) as server:
            CONFIG.update(
                api_url=server.url,
                token_url=server.token_url,
                access_token="sandbox-access-token",
                token_store=str(tmp_path_factory.mktemp("tokens") / "tokens.json"),
                business_ids=[business],
            )
            yield
        engine.close()
