"""The handler of every operation of the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearbooks_sandbox.accounting import (
    accounts,
    allocations,
    banking,
    businesses,
    journals,
    ledger,
    payments,
)
from clearbooks_sandbox.accounting.attachments import Attachments
from clearbooks_sandbox.accounting.contacts import Contacts
from clearbooks_sandbox.accounting.documents import Documents

if TYPE_CHECKING:
    from clearbooks_sandbox.accounting.session import Handler

SALES, PURCHASES = Documents("sales"), Documents("purchases")

HANDLERS: dict[str, Handler] = {
    "listBusinesses": businesses.list_businesses,
    "getBusiness": businesses.get_business,
    "updateBusiness": businesses.update_business,
    "listAccountCodes": accounts.list_codes,
    "getAccountCode": accounts.get_code,
    "createAccountCode": accounts.create_code,
    "updateAccountCode": accounts.update_code,
    "deleteAccountCode": accounts.delete_code,
    "listBankAccounts": accounts.list_banks,
    "getBankAccount": accounts.get_bank,
    "createBankAccount": accounts.create_bank,
    "updateBankAccount": accounts.update_bank,
    "deleteBankAccount": accounts.delete_bank,
    "listStockItems": accounts.list_stock,
    "getStockItem": accounts.get_stock,
    "createStockItem": accounts.create_stock,
    "updateStockItem": accounts.update_stock,
    "deleteStockItem": accounts.delete_stock,
    **Contacts("customers").handlers(),
    **Contacts("suppliers").handlers(),
    **SALES.handlers(),
    **PURCHASES.handlers(),
    **Attachments(SALES).handlers(),
    **Attachments(PURCHASES).handlers(),
    "listPayments": payments.list_payments,
    "getPayment": payments.get_payment,
    "createPayment": payments.create_payment,
    "updatePayment": payments.update_payment,
    "deletePayment": payments.delete_payment,
    "listAllocations": allocations.list_allocations,
    "getAllocation": allocations.get_allocation,
    "createAllocation": allocations.create_allocation,
    "deleteAllocation": allocations.delete_allocation,
    "listVatTreatments": businesses.list_treatments,
    "listVatRates": businesses.list_rates,
    "listTransactions": ledger.list_transactions,
    "listTransactionLines": ledger.list_lines,
    "listAccountBalances": ledger.account_balances,
    "createJournal": journals.create_journal,
    "createBankFeeds": banking.create_feeds,
    "createBankStatements": banking.create_statements,
}
