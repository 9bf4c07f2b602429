"""schemathesis with the API's own document: whatever is sent, nothing is answered with 500."""

import os
import re
import shutil
import tempfile
from pathlib import Path
from urllib.parse import unquote

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig

from clearbooks_app.ui.access import Access, Doors
from clearbooks_app.ui.api import DOCUMENT, ENDPOINTS
from clearbooks_app.ui.api.accounting import PATH
from clearbooks_app.ui.app import create_app
from clearbooks_app.ui.site import Site
from clearbooks_sandbox import AccountingEngine, running

from .conftest import TOKEN, config_of

AUTH = {"Authorization": f"Bearer {TOKEN}", "Host": "localhost"}
EXAMPLES = 6
FOLDER = Path(tempfile.mkdtemp(prefix="page-"))
CONFIG = SchemathesisConfig.from_dict(
    {
        "checks": {
            "positive_data_acceptance": {
                "expected-statuses": ["2xx", "400", "403", "404", "409", "422"]
            }
        }
    }
)


@pytest.fixture(scope="module", autouse=True)
def books():
    """The sandbox behind the page; the document needs none."""
    engine = AccountingEngine()
    engine.add_business("Fuzzed")
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(FOLDER / "state")
    with running(engine) as served:
        config_of(served, FOLDER)
        yield
        for job in SITE.jobs.newest(200):
            SITE.jobs.stop(job)
    engine.close()
    shutil.rmtree(FOLDER, ignore_errors=True)
    if before is not None:
        os.environ["XDG_STATE_HOME"] = before


# What the tests are made of is asked for before there is a sandbox.
SITE = Site(
    access=Access(Doors(api_token=TOKEN)),
    configs=(str(FOLDER / "settings.json"),),
    folder=FOLDER / "ui",
    references=FOLDER / "references.json",
    loader="cat",
)
schema = schemathesis.openapi.from_asgi(DOCUMENT, create_app(SITE), config=CONFIG, headers=AUTH)


@schema.hook("map_path_parameters")
def known_mostly(context, path_parameters):
    """Most requests name a connection and a business that are there."""
    given = path_parameters or {}
    if re.fullmatch(r"[^\x00-\x1f/]{1,100}", unquote(str(given.get("connection", "")))):
        given["connection"] = "default"
    if type(given.get("business")) is int and 0 < given["business"] < 2**31:
        given["business"] = 101
    return given


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    # A failure is told as it was found: explaining it costs more than all requests.
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_nothing_is_found(case):
    # A model that is only read answers POST with 400, and says that it is.
    names = ("allow_header_conformance", "unsupported_method")
    skipped = [CHECKS.get_one(n) for n in names] if "/accounting/" in case.path else []
    case.call_and_validate(headers=AUTH, excluded_checks=skipped)


def test_every_operation_is_fuzzed():
    found = {o.ok().definition.raw["operationId"] for o in schema.get_all_operations()}
    wanted = {endpoint.id for endpoint in ENDPOINTS if endpoint.path != PATH}
    assert found >= wanted
    assert {"listInvoices", "writeInvoices", "listTaxRates"} <= found
    assert "writeTaxRates" not in found
