"""What the records of each stream may hold beside the contract's own fields, and their shapes."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from clearbooks.contract import load_contract
from target_clearbooks.ledger.lookups import PURCHASES, SALES
from target_clearbooks.prepare.shapes import (
    Extras,
    Shape,
    amount,
    anything,
    label,
    named,
    yes_or_no,
)
from target_clearbooks.writable import WRITABLE

if TYPE_CHECKING:
    from target_clearbooks.prepare.shapes import Reader

# Fields that every record may hold, read elsewhere.
_EVERY = frozenset({"externalId", "_operation", "businessId"})

TOTALS = ("gross", "net", "vat")

_LINE = Extras(
    fields={
        "vatRate": named,
        "stockItem": anything,
        "grossUnitPrice": amount,
        "gross": amount,
        "net": amount,
    },
    open=frozenset({"accountCode", "vatRateKey"}),
)


def _document(contact: str, **more: Reader) -> Extras:
    return Extras(
        fields={contact: anything, "contact": anything, **more, **dict.fromkeys(TOTALS, amount)},
        inside={"lineItems": _LINE},
        ignored=_EVERY,
        open=frozenset({"vatTreatment"}),
    )


_ALLOCATION = {"payment": anything, "creditNote": anything, "invoice": anything}

_EXTRAS = {
    **dict.fromkeys(SALES, _document("customer", bankAccount=anything)),
    **dict.fromkeys(PURCHASES, _document("supplier")),
    "payments": Extras(
        fields={
            "contact": anything,
            "customer": anything,
            "supplier": anything,
            "bankAccount": anything,
            "paymentMethod": anything,
            "currency": label,
            "refund": yes_or_no,
        },
        ignored=_EVERY,
    ),
    "sales_allocations": Extras(fields=_ALLOCATION, ignored=_EVERY),
    "purchase_allocations": Extras(
        fields={**_ALLOCATION, "bill": anything, "expense": anything}, ignored=_EVERY
    ),
    "journals": Extras(
        inside={"lines": Extras(fields={"accountCode": named}, open=frozenset({"accountCodeId"}))},
        ignored=_EVERY,
    ),
    "bank_feeds": Extras(fields={"bankAccount": anything}, ignored=_EVERY),
    "bank_statements": Extras(
        fields={"feed": anything, "bankFeed": anything},
        ignored=_EVERY,
    ),
    "stock_items": Extras(
        fields={"salesVatRate": named, "purchaseVatRate": named},
        ignored=_EVERY,
        open=frozenset(
            {"salesAccountCode", "purchaseAccountCode", "salesVatRateKey", "purchaseVatRateKey"}
        ),
    ),
    "account_codes": Extras(ignored=_EVERY, open=frozenset({"defaultVatRate"})),
    # The caller's own ID is a field of a contact.
    "customers": Extras(ignored=_EVERY - {"externalId"}),
    "suppliers": Extras(ignored=_EVERY - {"externalId"}),
}


def side_of(stream: str) -> str:
    """`sales` or `purchases`, of a document or allocation."""
    return "sales" if stream in SALES or stream == "sales_allocations" else "purchases"


@cache
def shape_of(stream: str) -> Shape:
    """How records of a stream become bodies: those of a create, which an update's are part of."""
    resource = load_contract().resources[stream]
    verb = "create" if WRITABLE[stream].creates else "update"
    extras = _EXTRAS.get(stream, Extras(ignored=_EVERY))
    known = {name for name in resource.schema["properties"] if name not in extras.fields}
    schema = resource.write_schema(verb)
    readonly = frozenset(known - set(schema["properties"]))
    return Shape(
        schema,
        Extras(extras.fields, extras.inside, extras.ignored | readonly, extras.open),
    )


@cache
def line_shape(stream: str, name: str) -> Shape:
    """Shape of the items of a list field, for what they need once references are resolved."""
    schema = load_contract().resources[stream].write_schema("create")
    return Shape(schema["properties"][name]["items"])


@cache
def flat_shape() -> Shape:
    """A bank statement that is given line by line, each record one line of a feed."""
    line = load_contract().resources["bank_statements"].write_schema("create")
    schema = line["properties"]["statementLines"]["items"]
    fields: dict[str, Reader] = {"feedId": label, "feed": anything, "bankFeed": anything}
    return Shape(schema, Extras(fields, ignored=_EVERY))


@cache
def update_fields(stream: str) -> frozenset[str]:
    """Fields that an update takes."""
    resource = load_contract().resources[stream]
    if resource.operation("update") is None:
        return frozenset()
    return frozenset(resource.write_schema("update")["properties"])
