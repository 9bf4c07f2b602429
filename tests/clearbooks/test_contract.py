"""The contract: valid OpenAPI, complete against the API's operations, replaceable by settings."""

from __future__ import annotations

import json

import jsonschema
import pytest
import yaml
from openapi_spec_validator import validate_url

from clearbooks.contract import METHODS, load_contract, schemas_dir
from clearbooks.errors import SettingError

CONTRACT = load_contract()


def test_it_is_valid_openapi():
    validate_url((schemas_dir() / "openapi.yaml").as_uri())


@pytest.mark.parametrize("path", sorted(schemas_dir().glob("*.json")), ids=lambda p: p.name)
def test_each_schema_is_valid_json_schema(path):
    jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text()))


def test_every_schema_is_used():
    text = (schemas_dir() / "openapi.yaml").read_text()
    text += "".join(path.read_text() for path in schemas_dir().glob("*.json"))
    for path in schemas_dir().glob("*.json"):
        assert path.name in text


def test_reads_need_read_scopes_and_writes_need_write_scopes():
    for operation in CONTRACT.operations.values():
        assert operation.scope in CONTRACT.scopes
        wanted = ":read" if operation.method == "GET" else ":write"
        assert operation.scope.endswith(wanted), operation.id


def test_paged_operations_promise_the_headers():
    document = yaml.safe_load((schemas_dir() / "openapi.yaml").read_text())
    promised = {
        node["operationId"]
        for item in document["paths"].values()
        for method, node in item.items()
        if method.upper() in METHODS
        and len(
            [
                h
                for h in node["responses"].get("200", {}).get("headers", {})
                if h.startswith("X-Pagination-")
            ]
        )
        == 4
    }
    assert promised == {o.id for o in CONTRACT.operations.values() if o.paged}
    assert {"listVatRates", "listVatTreatments", "listBusinesses", "listAccountBalances"} == {
        o.id for o in CONTRACT.operations.values() if o.id.startswith("list") and not o.paged
    }


@pytest.mark.parametrize(
    "operation",
    [
        "updateBusiness",
        "getAllocation",
        "deleteAllocation",
        "getStockItem",
        "createBankFeeds",
        "createBankStatements",
        "listTransactionLines",
        "listAccountBalances",
        "getSalesAttachment",
    ],
)
def test_what_no_text_names_is_marked_as_assumed(operation):
    assert CONTRACT.operations[operation].assumed


def test_what_was_seen_is_not():
    seen = ["listCustomers", "createJournal", "listTransactions", "createSalesAttachment"]
    assert not any(CONTRACT.operations[name].assumed for name in seen)


def test_resources_hold_their_keys():
    for resource in CONTRACT.resources.values():
        assert resource.key[0] == "businessId"
        for name in resource.key[1:]:
            known = name in resource.schema["properties"]
            assert known or resource.dimension_schema(name), (resource.name, name)


def test_write_schemas_hold_what_may_be_sent():
    invoice = CONTRACT.resources["sales_invoices"].write_schema("create")
    assert set(invoice["required"]) == {"date", "vatTreatment", "lineItems", "customerId"}
    assert not {"id", "gross", "due", "status", "datePaid"} & set(invoice["properties"])
    assert invoice["additionalProperties"] is False
    assert "required" not in CONTRACT.resources["sales_invoices"].write_schema("update")
    bank = CONTRACT.resources["bank_accounts"]
    assert "currency" in bank.write_schema("create")["properties"]
    assert "currency" not in bank.write_schema("update")["properties"]


def test_paths_are_filled_in_and_encoded():
    operation = CONTRACT.operations["createSalesAttachment"]
    params = {"salesType": "invoices", "salesId": 7, "fileName": "a/b c%.pdf"}
    assert operation.url_path(params) == (
        "/accounting/sales/invoices/7/attachments/a%2Fb%20c%25.pdf"
    )


def test_api_paths_replaces_path_method_or_both():
    changed = CONTRACT.with_paths(
        {
            "listAccountBalances": "/accounting/balances",
            "update": "PATCH",
            "updateCustomer": "post /accounting/customers/{customerId}/change",
        }
    )
    assert changed.operations["listAccountBalances"].path == "/accounting/balances"
    assert changed.operations["updateSupplier"].method == "PATCH"
    customer = changed.resources["customers"].operations["update"]
    assert (customer.method, customer.path) == (
        "POST",
        "/accounting/customers/{customerId}/change",
    )
    assert CONTRACT.operations["updateSupplier"].method == "PUT"


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        ({"listThings": "/x"}, "no operation 'listThings'; there are: createAccountCode"),
        ({"getCustomer": "/customer"}, "must contain {customerId}"),
        ({"listCustomers": "FETCH"}, "GET, POST, PUT, PATCH, DELETE"),
        ({"listCustomers": "customers"}, "should be a path"),
        ({"listCustomers": 3}, "should be a path"),
    ],
)
def test_a_wrong_replacement_says_what_would_be_right(paths, words):
    with pytest.raises(SettingError, match=words):
        CONTRACT.with_paths(paths)
