"""Account codes, bank accounts and stock items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.accounting import vat
from clearbooks_sandbox.accounting.chart import BANK_HEADING, HEADINGS, PAYMENT_METHODS
from clearbooks_sandbox.accounting.money import HOME, RATES
from clearbooks_sandbox.accounting.paging import ListQuery, sortable
from clearbooks_sandbox.accounting.session import without_nulls
from clearbooks_sandbox.reply import Reply, conflict, encode
from clearbooks_sandbox.validation import resource_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from clearbooks_sandbox.accounting.chart import Account
    from clearbooks_sandbox.accounting.session import Session

_RATE_KEYS = frozenset(rate.key for rate in vat.RATES)
_DIGITS = 1000  # accounts of one heading
_PRICES = 10**9


def _list(s: Session, table: str, operation: str, query: Mapping[str, Any]) -> Reply:
    fields = sortable(resource_of(operation)[0].schema)
    return s.pager.page(ListQuery(table, {"business": s.business, "hidden": 0}, fields), query)


def _check_name(s: Session, record: Mapping[str, Any]) -> None:
    if not record["name"].strip():
        s.add_fault("blank", "name: must not be blank")


def check_account(s: Session, where: str, code: int, side: str | None) -> None:
    """Note a fault unless the account code exists and may be used on documents of the side."""
    row = s.row("account_codes", code, "sales, purchases")
    if row is None:
        s.add_fault("accountCode", f"{where}: there is no account code {code}")
    elif side and not row[0 if side == "sales" else 1]:
        s.add_fault("accountCode", f"{where}: account code {code} does not take {side}")


# Account codes


def add_accounts(s: Session, accounts: Iterable[Account]) -> None:
    """Give a business accounts of the default chart."""
    for account in accounts:
        _insert_code(
            s,
            {
                "id": account.code,
                "name": account.name,
                "heading": account.heading,
                "defaultVatRate": account.vat,
                "sales": account.takes == "sales",
                "purchases": account.takes == "purchases",
            },
            account.role,
        )


def _insert_code(s: Session, record: dict[str, Any], role: str | None = None) -> bytes:
    data = encode(record)
    s.db.execute(
        "INSERT INTO account_codes VALUES (?, ?, ?, ?, ?, 0, ?)",
        (s.business, record["id"], record["sales"], record["purchases"], role, data),
    )
    return data


def _next_code(s: Session, heading: int) -> int:
    highest = s.db.execute(
        "SELECT max(id) FROM account_codes WHERE business = ? AND id BETWEEN ? AND ?",
        (s.business, heading * _DIGITS, heading * _DIGITS + _DIGITS - 1),
    ).fetchone()[0]
    code = (highest or heading * _DIGITS) + 1
    if code >= (heading + 1) * _DIGITS:
        s.add_fault("heading", f"heading: {heading} is full")
    return code


def list_codes(s: Session, params: Mapping[str, Any], query: Mapping[str, Any]) -> Reply:
    """`listAccountCodes`."""
    del params
    return _list(s, "account_codes", "listAccountCodes", query)


def get_code(s: Session, params: Mapping[str, Any]) -> Reply:
    """`getAccountCode`."""
    found = s.record("account_codes", params["accountCodeId"], "account code")
    return Reply(200, {}, encode(found))


def _headings(s: Session) -> set[int]:
    """The headings of the default chart, and those that the business's own accounts have."""
    rows = s.db.execute(
        "SELECT DISTINCT id / ? FROM account_codes WHERE business = ?", (_DIGITS, s.business)
    )
    return {*HEADINGS, *(row[0] for row in rows)}


def _check_code(s: Session, record: Mapping[str, Any]) -> None:
    _check_name(s, record)
    headings = _headings(s)
    if record["heading"] not in headings:
        known = ", ".join(map(str, sorted(headings)))
        s.add_fault("heading", f"heading: there is no heading {record['heading']}; known: {known}")
    rate = record.get("defaultVatRate")
    if rate and rate not in _RATE_KEYS:
        s.add_fault("vatRateKey", f"defaultVatRate: there is no VAT rate {rate!r}")


def create_code(s: Session, params: Mapping[str, Any], body: dict[str, Any]) -> Reply:
    """`createAccountCode`: the code is the heading and the next free three digits."""
    del params
    _check_code(s, body)
    s.raise_faults()
    code = _next_code(s, body["heading"])
    s.raise_faults()
    record = {"id": code, "sales": False, "purchases": False} | without_nulls(body)
    return Reply(201, {}, _insert_code(s, record))


def update_code(s: Session, params: Mapping[str, Any], body: dict[str, Any]) -> Reply:
    """`updateAccountCode`: the code stays, even where the heading changes."""
    record = s.record("account_codes", params["accountCodeId"], "account code") | body
    _check_code(s, record)
    s.raise_faults()
    s.db.execute(
        "UPDATE account_codes SET sales = ?, purchases = ? WHERE business = ? AND id = ?",
        (record["sales"], record["purchases"], s.business, record["id"]),
    )
    return Reply(200, {}, s.put_json("account_codes", without_nulls(record)))


def delete_code(s: Session, params: Mapping[str, Any]) -> Reply:
    """`deleteAccountCode`: only where nothing is posted to it."""
    code = params["accountCodeId"]
    s.record("account_codes", code, "account code")
    row = s.row("account_codes", code, "role")
    if row and row[0]:
        raise conflict(f"The account code {code} belongs to the ledger itself.")
    # Drafts and quotes name a code without a posting, so the documents are asked too.
    used = s.db.execute(
        "SELECT EXISTS (SELECT 1 FROM lines WHERE business = ?1 AND account = ?2) OR EXISTS "
        "(SELECT 1 FROM bank_accounts WHERE business = ?1 AND code = ?2 AND hidden = 0) OR EXISTS "
        "(SELECT 1 FROM documents WHERE business = ?1 AND posting IS NULL AND hidden = 0 "
        "AND instr(CAST(json AS TEXT), ?3))",
        (s.business, code, f'"accountCode":{code}'),
    ).fetchone()[0]
    if used:
        raise conflict(f"The account code {code} is in use.")
    s.hide("account_codes", code)
    return Reply(204)


# Bank accounts


def list_banks(s: Session, params: Mapping[str, Any], query: Mapping[str, Any]) -> Reply:
    """`listBankAccounts`."""
    del params
    return _list(s, "bank_accounts", "listBankAccounts", query)


def get_bank(s: Session, params: Mapping[str, Any]) -> Reply:
    """`getBankAccount`."""
    return Reply(
        200, {}, encode(s.record("bank_accounts", params["bankAccountId"], "bank account"))
    )


def create_bank(s: Session, params: Mapping[str, Any], body: dict[str, Any]) -> Reply:
    """`createBankAccount`."""
    del params
    return Reply(201, {}, encode(add_bank(s, body)))


def add_bank(s: Session, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Make a bank account with an account code and payment methods of its own."""
    _check_name(s, fields)
    currency = fields.get("currency", HOME)
    if currency not in RATES:
        s.add_fault("currency", f"currency: {currency!r} is no currency code that is known here")
    s.raise_faults()
    code = _next_code(s, BANK_HEADING)
    s.raise_faults()
    _insert_code(
        s,
        {
            "id": code,
            "name": fields["name"],
            "heading": BANK_HEADING,
            "defaultVatRate": "0.00:Out",
            "sales": False,
            "purchases": False,
        },
    )
    methods = [{"id": s.next_id("paymentMethod"), "name": name} for name in PAYMENT_METHODS]
    record = {
        "id": s.next_id("bankAccount"),
        "accountCode": code,
        **without_nulls(fields),
        "currency": currency,
        "paymentMethods": methods,
    }
    s.db.execute(
        "INSERT INTO bank_accounts VALUES (?, ?, ?, ?, ?, ?, 0, ?)",
        (
            s.business,
            record["id"],
            code,
            currency,
            record.get("accountNumber"),
            record.get("sortCode"),
            encode(record),
        ),
    )
    return record


def update_bank(s: Session, params: Mapping[str, Any], body: dict[str, Any]) -> Reply:
    """`updateBankAccount`: its account code is renamed with it."""
    record = s.record("bank_accounts", params["bankAccountId"], "bank account") | body
    _check_name(s, record)
    s.raise_faults()
    s.db.execute(
        "UPDATE bank_accounts SET account_number = ?, sort_code = ? WHERE business = ? AND id = ?",
        (record.get("accountNumber"), record.get("sortCode"), s.business, record["id"]),
    )
    code = s.record("account_codes", record["accountCode"], "account code")
    s.put_json("account_codes", code | {"name": record["name"]})
    return Reply(200, {}, s.put_json("bank_accounts", without_nulls(record)))


def delete_bank(s: Session, params: Mapping[str, Any]) -> Reply:
    """`deleteBankAccount`: only where it has no payments, feeds or postings."""
    bank = params["bankAccountId"]
    record = s.record("bank_accounts", bank, "bank account")
    used = s.db.execute(
        "SELECT EXISTS (SELECT 1 FROM payments WHERE business = ?1 AND bank = ?2) OR EXISTS "
        "(SELECT 1 FROM feeds WHERE business = ?1 AND account = ?2) OR EXISTS "
        "(SELECT 1 FROM lines WHERE business = ?1 AND account = ?3)",
        (s.business, bank, record["accountCode"]),
    ).fetchone()[0]
    if used:
        raise conflict(f"The bank account {bank} is in use.")
    s.hide("bank_accounts", bank)
    s.hide("account_codes", record["accountCode"])
    return Reply(204)


# Stock items


def list_stock(s: Session, params: Mapping[str, Any], query: Mapping[str, Any]) -> Reply:
    """`listStockItems`."""
    del params
    return _list(s, "stock_items", "listStockItems", query)


def get_stock(s: Session, params: Mapping[str, Any]) -> Reply:
    """`getStockItem`."""
    return Reply(200, {}, encode(s.record("stock_items", params["stockItemId"], "stock item")))


def _check_stock(s: Session, record: Mapping[str, Any]) -> None:
    _check_name(s, record)
    for side, prefix in (("sales", "sales"), ("purchases", "purchase")):
        code, rate = record.get(f"{prefix}AccountCode"), record.get(f"{prefix}VatRateKey")
        if code is not None:
            check_account(s, f"{prefix}AccountCode", code, side)
        if rate is not None and rate not in _RATE_KEYS:
            s.add_fault("vatRateKey", f"{prefix}VatRateKey: there is no VAT rate {rate!r}")
        if abs(record.get(f"{prefix}UnitPrice", 0)) > _PRICES:
            s.add_fault("amount", f"{prefix}UnitPrice: larger than the sandbox keeps")
    s.raise_faults()


def create_stock(s: Session, params: Mapping[str, Any], body: dict[str, Any]) -> Reply:
    """`createStockItem`."""
    del params
    _check_stock(s, body)
    record = {"id": s.next_id("stockItem"), **body, "trackStock": body.get("trackStock", False)}
    data = encode(record)
    s.db.execute("INSERT INTO stock_items VALUES (?, ?, 0, ?)", (s.business, record["id"], data))
    return Reply(201, {}, data)


def update_stock(s: Session, params: Mapping[str, Any], body: dict[str, Any]) -> Reply:
    """`updateStockItem`."""
    record = s.record("stock_items", params["stockItemId"], "stock item") | body
    _check_stock(s, record)
    return Reply(200, {}, s.put_json("stock_items", record))


def delete_stock(s: Session, params: Mapping[str, Any]) -> Reply:
    """`deleteStockItem`: document lines that name it keep its ID."""
    s.record("stock_items", params["stockItemId"], "stock item")
    s.hide("stock_items", params["stockItemId"])
    return Reply(204)
