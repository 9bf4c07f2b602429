"""schemathesis with the contract against the whole application."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from clearbooks.contract import load_contract, schemas_dir
from clearbooks_sandbox import AccountingEngine, Options, create_app
from clearbooks_sandbox.validation import body_schema
from tests.ledger import Ledger, line

AUTH = {"Authorization": "Bearer sandbox-access-token"}
EXAMPLES = 12


def bundled() -> dict[str, Any]:
    """openapi.yaml in one document.

    Bodies are those of the typed contract, which comes from the same files and refuses unknown and
    read-only fields, as the server does.
    """
    raw = yaml.safe_load((schemas_dir() / "openapi.yaml").read_text(encoding="utf-8"))
    files = {p.name: yaml.safe_load(p.read_text("utf-8")) for p in schemas_dir().glob("*.json")}

    def inline(node: Any) -> Any:
        if isinstance(node, list):
            return [inline(item) for item in node]
        if not isinstance(node, dict):
            return node
        name = str(node.get("$ref", "")).partition("#")[0]
        if not name:
            return {key: inline(value) for key, value in node.items()}
        found = {k: v for k, v in files[name].items() if k not in ("$schema", "$defs")}
        return inline(found | {k: v for k, v in node.items() if k != "$ref"})

    for path in raw["paths"].values():
        for method in path.values():
            if "requestBody" not in method:
                continue
            content = method["requestBody"]["content"]
            if "application/json" in content:
                content["application/json"]["schema"] = body_schema(method["operationId"])
    raw["servers"] = [{"url": "/v1"}]
    return dict(inline(raw))


def application() -> Starlette:
    """The sandbox with something of everything, and the contract beside it."""
    engine = AccountingEngine()
    ledger = Ledger(engine, engine.add_business("Fuzzed"))
    customer, supplier = ledger.customer(), ledger.supplier()
    for kind in ("invoices", "creditNotes", "quotes"):
        ledger.sale(customer, kind=kind)
    for kind in ("bills", "creditNotes", "expenses"):
        ledger.bill(supplier, line(5, 2001001), kind=kind)
    ledger.allocate(1, 5, payment=ledger.pay(customer, 10))
    ledger.do("createStockItem", {"name": "x", "type": "both"})
    ledger.do("createSalesAttachment", b"x", salesType="invoices", salesId=1, fileName="x.txt")
    contract = bundled()
    return Starlette(
        routes=[
            Route("/openapi.json", lambda _: JSONResponse(contract)),
            Mount("/", app=create_app(engine, Options(pages=False))),
        ]
    )


# 422: kept to the contract, and the ledger cannot do it. 400 is not among them: whatever keeps to
# the contract is never answered so.
CONFIG = SchemathesisConfig.from_dict(
    {
        "checks": {
            "positive_data_acceptance": {
                "expected-statuses": ["2xx", "303", "403", "404", "409", "422"]
            }
        }
    }
)
schema = schemathesis.openapi.from_asgi("/openapi.json", application(), config=CONFIG)


@schema.hook("map_query")
def legal_sort(context, query):
    """The contract says `string` and leaves open which fields sort; `id` always does."""
    if query and "sortBy" in query and "/transaction" not in context.operation.path:
        query["sortBy"] = "id"
    return query


@pytest.mark.filterwarnings("ignore::DeprecationWarning:schemathesis")
@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_nothing_is_found(case):
    # The contract has two paths of one shape here: {fileName} takes POST, {attachmentId} the rest.
    twice = case.operation.path.endswith(("{fileName}", "{attachmentId}"))
    skipped = [CHECKS.get_one("allow_header_conformance")] if twice else []
    case.call_and_validate(headers=AUTH, excluded_checks=skipped)


def test_every_operation_is_fuzzed():
    found = {o.ok().definition.raw["operationId"] for o in schema.get_all_operations()}
    assert found == set(load_contract().operations)
