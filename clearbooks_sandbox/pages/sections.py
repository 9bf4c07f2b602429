"""The sections of a business's books, and what they are called."""

from __future__ import annotations

from clearbooks_sandbox.pages.document_kinds import KINDS, words_of


def _documents(side: str) -> tuple[str, ...]:
    return tuple(name for name, kind in KINDS.items() if kind.side == side)


# What the navigation shows: each group begins with the section that its own link leads to.
GROUPS: dict[str, tuple[str, ...]] = {
    "Overview": ("",),
    "Sales": ("customers", *_documents("sales"), "sales_allocations"),
    "Purchases": ("suppliers", *_documents("purchases"), "purchase_allocations"),
    "Bank": ("bank", "payments"),
    "Ledger": ("trial_balance", "account_codes", "transactions", "journals"),
    "Stock and VAT": ("stock_items", "vat_treatments", "vat_rates"),
}
_LABELS = {"vat_treatments": "VAT treatments", "vat_rates": "VAT rates"}


def label(section: str) -> str:
    """What a section is called."""
    return _LABELS.get(section) or words_of(section)


def page_of(stream: str) -> str:
    """The section that lists the records of a stream."""
    return {"bank_accounts": "bank"}.get(stream, stream)


def allocations_of(side: str) -> str:
    """The stream of the allocations of `sales` or `purchases`."""
    return {"sales": "sales_allocations", "purchases": "purchase_allocations"}[side]
