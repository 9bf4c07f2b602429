"""Every operation of the contract over HTTP; each answer keeps to its schema."""

from __future__ import annotations

from jsonschema import Draft202012Validator

from clearbooks.contract import load_contract
from clearbooks_sandbox.reply import decode
from clearbooks_sandbox.validation import _Validator, resource_of
from tests.ledger import COST, line

SALE = {
    "date": "2024-03-01",
    "vatTreatment": "UK",
    "customerId": 1,
    "lineItems": [{k: float(v) if k == "unitPrice" else v for k, v in line(100).items()}],
}
BILL = {
    "date": "2024-03-01",
    "vatTreatment": "UK",
    "supplierId": 2,
    "lineItems": [SALE["lineItems"][0] | {"accountCode": COST}],
}
PAYMENT = {
    "date": "2024-03-02",
    "description": "p",
    "amount": 120.0,
    "contactId": 1,
    "bankAccountId": 1,
}
ALLOCATION = {"invoiceId": 1, "paymentId": 1, "allocationType": "payment", "amount": 20.5}
JOURNAL = {
    "accountingDate": "2024-03-01",
    "lines": [{"accountCodeId": 4001001, "amount": 5}, {"accountCodeId": 9501001, "amount": -5}],
}
STATEMENT = {
    "transactionId": "t",
    "transactionDate": "2024-03-01",
    "description": "d",
    "amount": 1.5,
}
A = "/accounting"
# In this order: later ones use what earlier ones made. `{feed}` is filled in on the way.
SCRIPT = [
    ("createCustomer", "POST", f"{A}/customers", {"name": "C", "address": {"countryCode": "GB"}}),
    ("createSupplier", "POST", f"{A}/suppliers", {"name": "S", "externalId": "s-1"}),
    ("createSalesDocument", "POST", f"{A}/sales/invoices", SALE),
    ("createPurchaseDocument", "POST", f"{A}/purchases/bills", BILL),
    ("createPayment", "POST", f"{A}/payments", PAYMENT),
    ("createAllocation", "POST", f"{A}/allocations/sales", ALLOCATION),
    ("createStockItem", "POST", f"{A}/stockItems", {"name": "W", "type": "both", "sku": "1"}),
    ("createAccountCode", "POST", f"{A}/accountCodes", {"name": "Tea", "heading": 4004}),
    ("createBankAccount", "POST", f"{A}/bankAccounts", {"name": "Petty cash"}),
    ("createJournal", "POST", f"{A}/journals", JOURNAL),
    ("createBankFeeds", "POST", f"{A}/bankFeeds", {"items": [{"accountId": 1}]}),
    (
        "createBankStatements",
        "POST",
        f"{A}/bankStatements",
        {"items": [{"feedId": "{feed}", "statementLines": [STATEMENT]}]},
    ),
    ("createSalesAttachment", "POST", f"{A}/sales/invoices/1/attachments/a%2Fb.pdf", b"%PDF"),
    ("createPurchaseAttachment", "POST", f"{A}/purchases/bills/2/attachments/b.pdf", b"%PDF"),
    ("listBusinesses", "GET", "/businesses", None),
    ("getBusiness", "GET", "/businesses/101", None),
    ("listAccountCodes", "GET", f"{A}/accountCodes", None),
    ("getAccountCode", "GET", f"{A}/accountCodes/1001001", None),
    ("listBankAccounts", "GET", f"{A}/bankAccounts", None),
    ("getBankAccount", "GET", f"{A}/bankAccounts/1", None),
    ("listCustomers", "GET", f"{A}/customers", None),
    ("getCustomer", "GET", f"{A}/customers/1", None),
    ("listSuppliers", "GET", f"{A}/suppliers", None),
    ("getSupplier", "GET", f"{A}/suppliers/2", None),
    ("listSalesDocuments", "GET", f"{A}/sales/invoices", None),
    ("getSalesDocument", "GET", f"{A}/sales/invoices/1", None),
    ("listPurchaseDocuments", "GET", f"{A}/purchases/bills", None),
    ("getPurchaseDocument", "GET", f"{A}/purchases/bills/2", None),
    ("listPayments", "GET", f"{A}/payments", None),
    ("getPayment", "GET", f"{A}/payments/1", None),
    ("listAllocations", "GET", f"{A}/allocations/sales", None),
    ("getAllocation", "GET", f"{A}/allocations/sales/1", None),
    ("listStockItems", "GET", f"{A}/stockItems", None),
    ("getStockItem", "GET", f"{A}/stockItems/1", None),
    ("listSalesAttachments", "GET", f"{A}/sales/invoices/1/attachments", None),
    ("getSalesAttachment", "GET", f"{A}/sales/invoices/1/attachments/1", None),
    ("listPurchaseAttachments", "GET", f"{A}/purchases/bills/2/attachments", None),
    ("getPurchaseAttachment", "GET", f"{A}/purchases/bills/2/attachments/2", None),
    ("listVatTreatments", "GET", f"{A}/vatTreatments/sales", None),
    ("listVatRates", "GET", f"{A}/vatRates/purchases", None),
    ("listTransactions", "GET", f"{A}/transactions", None),
    ("listTransactionLines", "GET", f"{A}/transactionLines", None),
    (
        "listAccountBalances",
        "GET",
        f"{A}/accountBalances?accountingDateFrom=2024-01-01&accountingDateTo=2024-12-31",
        None,
    ),
    ("updateBusiness", "PUT", "/businesses/101", {"name": "Renamed"}),
    ("updateAccountCode", "PUT", f"{A}/accountCodes/4004003", {"name": "Milk", "heading": 4004}),
    ("updateBankAccount", "PUT", f"{A}/bankAccounts/2", {"name": "Cash"}),
    ("updateCustomer", "PUT", f"{A}/customers/1", {"name": "C2"}),
    ("updateSupplier", "PUT", f"{A}/suppliers/2", {"name": "S2"}),
    ("updateStockItem", "PUT", f"{A}/stockItems/1", {"sku": "2"}),
    ("updatePayment", "PUT", f"{A}/payments/1", PAYMENT | {"amount": 130.0}),
    ("updateSalesDocument", "PUT", f"{A}/sales/invoices/1", {"reference": "r"}),
    ("updatePurchaseDocument", "PUT", f"{A}/purchases/bills/2", {"description": "d"}),
    ("deleteAllocation", "DELETE", f"{A}/allocations/sales/1", None),
    ("deleteSalesAttachment", "DELETE", f"{A}/sales/invoices/1/attachments/1", None),
    ("deletePurchaseAttachment", "DELETE", f"{A}/purchases/bills/2/attachments/2", None),
    ("deletePayment", "DELETE", f"{A}/payments/1", None),
    ("deleteSalesDocument", "DELETE", f"{A}/sales/invoices/3", None),
    ("deletePurchaseDocument", "DELETE", f"{A}/purchases/bills/4", None),
    ("deleteStockItem", "DELETE", f"{A}/stockItems/1", None),
    ("deleteAccountCode", "DELETE", f"{A}/accountCodes/4004003", None),
    ("deleteBankAccount", "DELETE", f"{A}/bankAccounts/2", None),
    ("createCustomer", "POST", f"{A}/customers", {"name": "Gone"}),
    ("deleteCustomer", "DELETE", f"{A}/customers/3", None),
    ("createSupplier", "POST", f"{A}/suppliers", {"name": "Gone"}),
    ("deleteSupplier", "DELETE", f"{A}/suppliers/4", None),
]


def test_the_script_names_every_operation():
    assert {step[0] for step in SCRIPT} == set(load_contract().operations)


def test_every_operation(http, ledger, served):
    feed = ""
    for operation, method, path, body in SCRIPT:
        if operation == "createBankStatements":
            body["items"][0]["feedId"] = feed
        sent = {"data": body} if isinstance(body, bytes) else {"json": body}
        answer = http(method, path, **(sent if body is not None else {}))
        wanted = {"POST": 201, "DELETE": 204}.get(method, 200)
        assert answer.status_code == wanted, (operation, answer.text)
        logged = served.requests[-1]
        assert (logged.operation, logged.status, logged.method) == (operation, wanted, method)
        if wanted == 204:
            assert answer.content == b""
            continue
        _check(operation, decode(answer.content))
        if operation == "createBankFeeds":
            feed = answer.json()["items"][0]["id"]
    assert http("GET", f"{A}/sales/invoices").json() == []
    assert ledger.balances() == {4001001: 5, 9501001: -5}


def _check(operation, answer):
    """The answer has every type and format of the contract, and no field beside it."""
    resource, _ = resource_of(operation)
    schema = {**resource.schema, "additionalProperties": False}
    items = answer if isinstance(answer, list) else answer.get("items", [answer])
    assert items, operation
    for item in items:
        faults = list(_Validator(schema).iter_errors(item))
        assert not faults, (operation, faults)
        assert not [k for k, v in item.items() if v is None], operation


def test_schemas_are_schemas():
    for resource in load_contract().resources.values():
        Draft202012Validator.check_schema(resource.schema)
