"""The models that aggregators of accounting APIs share: their fields, and the streams behind them.

Names are those of the dbt package's `models/unified`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clearbooks.contract import HOME_CURRENCY

if TYPE_CHECKING:
    from collections.abc import Mapping

ABSENT = {
    "employees": "Clear Books' API has no employees",
    "purchase-orders": "Clear Books' API has no purchase orders",
    "users": "Clear Books' API has no users",
}
"""Models of other accounting APIs that Clear Books' API has nothing for."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a model.

    Attributes:
        name: In the model.
        source: Where a record of the API has it; a dot stands before a field inside an object.
        kind: Of what it is the ID, such as `account`; empty where it is a value.
        write: What a record for the target calls it; empty where only the ledger sets it.
        type: Its JSON type.
    """

    name: str
    source: str
    kind: str = ""
    write: str = ""
    type: str = "string"


@dataclass(frozen=True, slots=True)
class Part:
    """One stream of a model.

    Attributes:
        stream: The stream that is read.
        kind: Stands in the ID of a record between the business and its own ID.
        fields: Its fields.
        constants: Fields that have one value in all records.
        lines: Name of the lines in the model, in the API, and their fields.
        written: The stream that is written; empty where none is.
    """

    stream: str
    kind: str
    fields: tuple[Field, ...]
    constants: Mapping[str, Any] = field(default_factory=dict)
    lines: tuple[str, str, tuple[Field, ...]] | None = None
    written: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A model: what it is for, and the streams that it is read from and written into.

    A record that is written says by the fields `by` which of several streams it is for.
    """

    description: str
    parts: tuple[Part, ...]
    by: str = ""


def _same(*names: str, type: str = "string") -> tuple[Field, ...]:  # noqa: A002
    return tuple(Field(name, name, write=name, type=type) for name in names)


_ADDRESS = tuple(
    Field(name, f"address.{source}", write=f"address.{source}")
    for name, source in {
        "address_building": "building",
        "street_1": "line1",
        "street_2": "line2",
        "city": "town",
        "state": "county",
        "zip_code": "postcode",
        "country": "countryCode",
    }.items()
)
_DOCUMENT_LINE = (
    *_same("description"),
    Field("quantity", "quantity", write="quantity", type="number"),
    Field("unit_price", "unitPrice", write="unitPrice", type="number"),
    Field("account", "accountCode", "account", "accountCode"),
    Field("tax_rate", "vatRateKey", "tax_rate", "vatRate"),
    Field("total_tax_amount", "vatAmount", write="vatAmount", type="number"),
    Field("item", "stockItem.id", "item", "stockItem"),
)


def _contacts(stream: str, side: str) -> Part:
    return Part(
        stream,
        f"contact-{side}",
        (
            *_same("name"),
            Field("email_address", "email", write="email"),
            Field("phone_number", "phone", write="phone"),
            Field("tax_number", "vatNumber", write="vatNumber"),
            Field("company_number", "companyNumber", write="companyNumber"),
            Field("remote_id", "externalId", write="externalId"),
            *_ADDRESS,
        ),
        {"is_customer": side == "sales", "is_supplier": side == "purchases"},
        written=stream,
    )


def _documents(stream: str, side: str, kind: str) -> Part:
    noun = "customer" if side == "sales" else "supplier"
    return Part(
        stream,
        f"{side}-{kind}",
        (
            Field("contact", f"{noun}Id", f"contact-{side}", noun),
            Field("number", "formattedDocumentNumber"),
            Field("document_number", "documentNumber", write="documentNumber"),
            Field("issue_date", "date", write="date"),
            Field("due_date", "dateDue", write="dateDue"),
            Field("paid_on_date", "datePaid"),
            Field("memo", "description", write="description"),
            *_same("reference", "currency"),
            Field("exchange_rate", "exchangeRate", write="exchangeRate", type="number"),
            Field("tax_treatment", "vatTreatment", write="vatTreatment"),
            Field("sub_total", "net", write="net", type="number"),
            Field("total_tax_amount", "vat", write="vat", type="number"),
            Field("total_amount", "gross", write="gross", type="number"),
            Field("balance", "due", type="number"),
            Field("document_status", "status"),
        ),
        {"type": "bill" if kind == "expense" else kind},
        ("line_items", "lineItems", _DOCUMENT_LINE),
        stream,
    )


_JOURNAL = (
    Field("transaction_date", "accountingDate", write="accountingDate"),
    Field("memo", "description", write="description"),
)
_JOURNAL_LINES = (
    "lines",
    "lines",
    (
        Field("account", "accountCodeId", "account", "accountCode"),
        Field("amount", "amount", write="amount", type="number"),
    ),
)
_POSTED = {"currency": HOME_CURRENCY, "posting_status": "posted"}

MODELS: Mapping[str, Model] = {
    "accounts": Model(
        "The chart of accounts.",
        (
            Part(
                "account_codes",
                "account",
                (
                    *_same("name"),
                    Field("account_number", "id"),
                    Field("heading", "heading", write="heading"),
                    Field("default_tax_rate", "defaultVatRate", write="defaultVatRate"),
                    *_same("sales", "purchases", type="boolean"),
                ),
                {"currency": HOME_CURRENCY, "status": "active"},
                written="account_codes",
            ),
        ),
    ),
    "bank-accounts": Model(
        "Bank accounts.",
        (
            Part(
                "bank_accounts",
                "bank_account",
                (
                    *_same("name", "iban", "swift", "currency"),
                    Field("account_number", "accountNumber", write="accountNumber"),
                    Field("sort_code", "sortCode", write="sortCode"),
                    Field("account", "accountCode", "account"),
                ),
                written="bank_accounts",
            ),
        ),
    ),
    "company-info": Model(
        "The business itself.",
        (
            Part(
                "businesses",
                "",
                (*_same("name"), Field("business_type", "type"), *_ADDRESS),
                {"currency": HOME_CURRENCY},
            ),
        ),
    ),
    "contacts": Model(
        "Customers and suppliers.",
        (_contacts("customers", "sales"), _contacts("suppliers", "purchases")),
        "is_customer or is_supplier",
    ),
    "credit-notes": Model(
        "Credit notes given to customers.",
        (_documents("sales_credit_notes", "sales", "credit_note"),),
    ),
    "currencies": Model("The currencies that occur in bank accounts, documents and payments.", ()),
    "expenses": Model("Expenses.", (_documents("expenses", "purchases", "expense"),)),
    "invoices": Model(
        "Invoices to customers (type `invoice`) and bills from suppliers (type `bill`).",
        (
            _documents("sales_invoices", "sales", "invoice"),
            _documents("bills", "purchases", "bill"),
        ),
        "type",
    ),
    "items": Model(
        "What is sold, bought and kept in stock.",
        (
            Part(
                "stock_items",
                "item",
                (
                    *_same("name", "sku", "description", "type"),
                    Field("unit_price", "salesUnitPrice", write="salesUnitPrice", type="number"),
                    Field(
                        "purchase_price",
                        "purchaseUnitPrice",
                        write="purchaseUnitPrice",
                        type="number",
                    ),
                    Field("sales_account", "salesAccountCode", "account", "salesAccountCode"),
                    Field(
                        "purchase_account", "purchaseAccountCode", "account", "purchaseAccountCode"
                    ),
                ),
                written="stock_items",
            ),
        ),
    ),
    "journal-entries": Model(
        "All transactions of the ledger with their lines; what is written is a journal.",
        (
            Part(
                "transactions", "transaction", _JOURNAL, _POSTED, _JOURNAL_LINES, written="journals"
            ),
        ),
    ),
    "payments": Model(
        "Money received (positive) and paid (negative).",
        (
            Part(
                "payments",
                "payment",
                (
                    Field("transaction_date", "date", write="date"),
                    Field("contact", "contactId", "contact", "contact"),
                    Field("account", "bankAccountId", "bank_account", "bankAccount"),
                    *_same("currency"),
                    Field("exchange_rate", "exchangeRate", write="exchangeRate", type="number"),
                    Field("total_amount", "amount", write="amount", type="number"),
                    Field("memo", "description", write="description"),
                ),
                written="payments",
            ),
        ),
    ),
    "tax-rates": Model("VAT rates: one for each side and treatment that it goes with.", ()),
    "transactions": Model(
        "The ledger's transactions with their lines.",
        (Part("transactions", "transaction", _JOURNAL[:1], _POSTED, _JOURNAL_LINES),),
    ),
    "vendor-credits": Model(
        "Credit notes received from suppliers.",
        (_documents("purchase_credit_notes", "purchases", "credit_note"),),
    ),
}
