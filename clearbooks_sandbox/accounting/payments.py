"""Payments. The amount is positive for money received, negative for money paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.accounting import allocations, contacts, ledger
from clearbooks_sandbox.accounting.chart import ROLES
from clearbooks_sandbox.accounting.exchange import exchange_rate
from clearbooks_sandbox.accounting.ledger import Line
from clearbooks_sandbox.accounting.money import HOME, amount, decimal, exact_pennies, to_home
from clearbooks_sandbox.accounting.paging import ListQuery, sortable
from clearbooks_sandbox.accounting.session import without_nulls
from clearbooks_sandbox.reply import Reply, decode, encode, not_found
from clearbooks_sandbox.validation import resource_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from clearbooks_sandbox.accounting.session import Session

_POSTED = ("accountingDate", "amount", "exchangeRate", "contactId", "bankAccountId")
_CONTROL = {"customers": "debtors", "suppliers": "creditors"}


def list_payments(s: Session, params: Mapping[str, Any], query: Mapping[str, Any]) -> Reply:
    """`listPayments`."""
    del params
    fields = sortable(resource_of("listPayments")[0].schema)
    columns = {"id": "id", "date": "date"}
    where = {"business": s.business, "hidden": 0}
    return s.pager.page(ListQuery("payments", where, fields, columns), query)


def get_payment(s: Session, params: Mapping[str, Any]) -> Reply:
    """`getPayment`."""
    return Reply(200, {}, encode(s.record("payments", params["paymentId"], "payment")))


def create_payment(s: Session, params: Mapping[str, Any], body: dict[str, Any]) -> Reply:
    """`createPayment`."""
    del params
    record, bank_code, kind = _validated(s, body)
    s.raise_faults()
    record = {"id": s.next_id("payment"), **record}
    posting = _post(s, record, bank_code, kind)
    data = encode(record)
    s.db.execute(
        "INSERT INTO payments VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, 0, ?)",
        (
            s.business,
            record["id"],
            record["contactId"],
            record["bankAccountId"],
            record["date"],
            record["currency"],
            str(_rate(record)),
            exact_pennies(record["amount"]),
            posting,
            data,
        ),
    )
    return Reply(201, {}, data)


def update_payment(s: Session, params: Mapping[str, Any], body: dict[str, Any]) -> Reply:
    """`updatePayment`: the ID stays; it is posted anew where a posted field changed."""
    row = s.row("payments", params["paymentId"], "json, settled, posting")
    if row is None:
        raise not_found("payment", params["paymentId"])
    old, settled, posting = decode(row[0]), row[1], row[2]
    merged = {k: v for k, v in old.items() if k not in ("id", "currency")} | body
    record, bank_code, kind = _validated(s, merged, old)
    if settled:
        _check_settled(s, old, record, settled)
    s.raise_faults()
    record = {"id": old["id"], **record}
    if any(old.get(name) != record.get(name) for name in _POSTED):
        ledger.cancel(s, posting)
        posting = _post(s, record, bank_code, kind)
    s.db.execute(
        "UPDATE payments SET contact = ?, bank = ?, date = ?, currency = ?, rate = ?, amount = ?, "
        "posting = ? WHERE business = ? AND id = ?",
        (
            record["contactId"],
            record["bankAccountId"],
            record["date"],
            record["currency"],
            str(_rate(record)),
            exact_pennies(record["amount"]),
            posting,
            s.business,
            record["id"],
        ),
    )
    data = s.put_json("payments", record)
    if settled:
        allocations.recalculate(s, "payment", record["id"])
    return Reply(200, {}, data)


def delete_payment(s: Session, params: Mapping[str, Any]) -> Reply:
    """`deletePayment`: its allocations are deleted, too."""
    row = s.row("payments", params["paymentId"], "posting")
    if row is None:
        raise not_found("payment", params["paymentId"])
    allocations.delete_all(s, "payment", params["paymentId"])
    ledger.cancel(s, row[0])
    s.hide("payments", params["paymentId"])
    return Reply(204)


def _validated(
    s: Session, body: Mapping[str, Any], old: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], int, str]:
    """The record without its id, the bank's account code, and the kind of contact."""
    kinds = contacts.kinds(s, body["contactId"])
    if not kinds:
        s.add_fault("contactId", f"contactId: there is no contact {body['contactId']}")
    bank = s.row("bank_accounts", body["bankAccountId"], "code, currency, json")
    if bank is None:
        s.add_fault(
            "bankAccountId", f"bankAccountId: there is no bank account {body['bankAccountId']}"
        )
    currency = bank[1] if bank else HOME
    if bank:
        _check_method(s, body.get("paymentMethodId"), decode(bank[2])["paymentMethods"])
    try:
        pence = exact_pennies(body["amount"])
        if not pence:
            s.add_fault("amount", "amount: must not be 0")
    except ValueError as error:
        pence = 0
        s.add_fault("amount", f"amount: {error}")
    record = dict(body)
    if (
        old
        and old["currency"] != currency
        and record.get("exchangeRate") == old.get("exchangeRate")
    ):
        record.pop("exchangeRate", None)  # the rate of another currency
    rate = exchange_rate(s, currency, record.get("exchangeRate"))
    record |= {
        "accountingDate": body.get("accountingDate") or body["date"],
        "amount": amount(pence),
        "currency": currency,
        "exchangeRate": None if currency == HOME else rate,
    }
    # Of one that is both, money that comes in is a customer's.
    side = "suppliers" if pence < 0 else "customers"
    kind = side if side in kinds or not kinds else kinds[0]
    return without_nulls(record), bank[0] if bank else 0, kind


def _check_method(s: Session, method: int | None, known: list[dict[str, Any]]) -> None:
    if method is not None and method not in {m["id"] for m in known}:
        words = ", ".join(f"{m['id']} ({m['name']})" for m in known)
        s.add_fault("paymentMethodId", f"paymentMethodId: {method} is none of {words}")


def _check_settled(
    s: Session, old: Mapping[str, Any], record: Mapping[str, Any], settled: int
) -> None:
    for name in ("contactId", "currency"):
        if old[name] != record[name]:
            s.add_fault(name, f"{name}: cannot change while the payment is allocated")
    new, was = exact_pennies(record["amount"]), exact_pennies(old["amount"])
    if abs(new) < settled or (new < 0) != (was < 0):
        s.add_fault("allocated", f"amount: {amount(settled)} of the payment is allocated already")


def _rate(record: Mapping[str, Any]) -> Decimal:
    return decimal(record.get("exchangeRate", 1))


def _post(s: Session, record: Mapping[str, Any], bank_code: int, kind: str) -> int | None:
    value = to_home(exact_pennies(record["amount"]), _rate(record))
    control = ROLES[_CONTROL[kind]]
    return ledger.post(
        s.db,
        s.business,
        record["accountingDate"],
        [Line(bank_code, value), Line(control, -value, record["contactId"])],
        ("payment", record["id"]),
    )
