"""Settings of a target with an empty business, as the commands and the page load them."""

import json

import pytest

from clearbooks.settings import connection_properties
from clearbooks_app.config import load_settings
from target_clearbooks.settings import target_properties
from tests.clearbooks_app.conftest import (  # noqa: F401 - fixtures
    engine,
    home,
    sandbox,
)


@pytest.fixture
def load(sandbox, home):  # noqa: F811
    """Settings from a file; what is given replaces values."""

    def load(**more):
        values = {
            "api_url": sandbox.url,
            "token_url": sandbox.token_url,
            "access_token": "sandbox-access-token",
            "business_ids": [sandbox.engine.business_ids()[0]],
            "state_store": str(home / "target.sqlite3"),
            "settle_seconds": 0,
            **more,
        }
        (home / "target.json").write_text(json.dumps(values))
        known = {**connection_properties(), **target_properties()}
        return load_settings((str(home / "target.json"),), known)

    return load


@pytest.fixture
def business(sandbox):  # noqa: F811
    return sandbox.engine.business_ids()[0]


def message(stream, **record):
    return {"type": "RECORD", "stream": stream, "record": record}


def invoice(key, customer, price="30.00", account="Revenue"):
    line = {
        "description": "Pump",
        "quantity": 1,
        "unitPrice": price,
        "accountCode": account,
        "vatRate": "20%",
    }
    return message(
        "sales_invoices",
        externalId=key,
        customer=customer,
        date="2026-11-20",
        vatTreatment="UK",
        lineItems=[line],
    )
