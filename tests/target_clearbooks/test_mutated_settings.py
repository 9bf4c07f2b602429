"""Settings of every wrong kind: a line that names the setting and exit code 2, or a run."""

from __future__ import annotations

import io
import json
import random

from clearbooks.errors import ClearBooksError, SettingError
from clearbooks.settings import connection_properties
from target_clearbooks.settings import target_properties
from target_clearbooks.target import TargetClearbooks
from tests.tap_clearbooks.test_mutated_inputs import JUNK
from tests.target_clearbooks.conftest import customer, invoice, schema

SDK = (
    "stream_maps",
    "stream_map_config",
    "flattening_enabled",
    "flattening_max_depth",
    "faker_config",
)
# These lead elsewhere, or only make a run slow.
LEFT_ALONE = {"api_url", "token_url", "authorize_url", "max_requests_per_second", "max_in_flight"}
SETTINGS = sorted({*connection_properties(), *target_properties(), *SDK} - LEFT_ALONE)
MESSAGES = "".join(
    json.dumps(m) + "\n" for m in [*schema("customers", "sales_invoices"), customer(), invoice()]
)
WHOLE = {
    "stream_maps": {"customers": {"name": "nonsense("}},
    "references": {"vatRate": {"a": {}}},
    "api_paths": {"createCustomer": "x"},
    "match": ["shoe size"],
}


def outcome(config):
    try:
        TargetClearbooks(config=config).run(io.StringIO(MESSAGES))
    except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
        return error


def test_a_wrong_setting_ends_in_a_line_or_works(run, monkeypatch):
    # A path such as `7` or `x` is a good one: what is made there goes with the test.
    monkeypatch.chdir(run.directory)
    refused = 0
    for name in SETTINGS:
        chosen = random.Random(name).sample(JUNK, 5)  # noqa: S311 - repeatable on purpose
        for value in [*chosen, *([WHOLE[name]] if name in WHOLE else [])]:
            error = outcome({**run.config, name: value})
            what = f"{name}: {value!r}: {error!r}"
            if isinstance(error, SettingError):
                refused += 1
                assert name.split("_")[0] in str(error) or "plan_path" in str(error), what
            elif error is not None:
                # A value of the right form that the API does not accept.
                assert isinstance(error, ClearBooksError), what
                assert name in {"access_token", "business_ids", "api_paths"}, what
    assert refused > 50
