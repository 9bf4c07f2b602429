"""Names and numbers of a record that stand for something in the ledger.

Contacts are found in `contacts`, VAT in `vat`; here is the rest.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from target_clearbooks.ledger.amounts import integer, quoted, text
from target_clearbooks.ledger.candidates import as_candidate, as_candidates
from target_clearbooks.ledger.matching import is_voided
from target_clearbooks.ledger.spelling import closest, digits, fold, join_names
from target_clearbooks.prepare.diagnostics import (
    AmbiguousError,
    NotFoundInLedgerError,
    NotYetWrittenError,
)
from target_clearbooks.prepare.shapes import folded_keys
from target_clearbooks.writable import WRITABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from target_clearbooks.intent import Mapped, Reference
    from target_clearbooks.ledger.lookups import Lookups
    from target_clearbooks.ledger.record_tables import Table
    from target_clearbooks.store.ledger_map import LedgerMap

_SAY_WHICH = "the setting references says which account a name of yours stands for"
# The lists that references lead to, beside those of documents and contacts.
ACCOUNT_CODES, BANK_ACCOUNTS, STOCK_ITEMS = "account_codes", "bank_accounts", "stock_items"
_BANK_FEEDS = "bank_feeds"
_PREFIXED = re.compile(r"([A-Za-z]+)-?(\d+)")
_SORT_AND_NUMBER = 14


def _by(name: str) -> Callable[[Mapping[str, Any]], Iterable[str]]:
    def keys(row: Mapping[str, Any]) -> Iterable[str]:
        value = row.get(name)
        return (fold(str(value)),) if value else ()

    return keys


_by_name, _by_sku = _by("name"), _by("sku")


def _sort_and_number(row: Mapping[str, Any]) -> Iterable[str]:
    found = digits(str(row.get("sortCode") or "")), digits(str(row.get("accountNumber") or ""))
    # Where they were kept as numbers, zeros in front are lost.
    return (found[0].zfill(6) + found[1].zfill(8),) if all(found) else ()


def _iban(row: Mapping[str, Any]) -> Iterable[str]:
    return (digits(str(row["iban"])),) if row.get("iban") else ()


def _number(value: Any) -> int | None:
    """The whole number that a value is, if it is one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().isdigit():
        return int(value)
    if isinstance(value, (float, Decimal)):
        try:
            return integer(value)  # a warehouse's column of numbers
        except ValueError:
            return None
    return None


class References:
    """Finds what records of one business refer to.

    Args:
        lookups: Where the lists come from.
        ledger_map: What source keys became.
    """

    def __init__(self, lookups: Lookups, ledger_map: LedgerMap) -> None:
        self._lookups = lookups
        self._map = ledger_map
        # What values were found to be, for as long as the chart of accounts stays as it is.
        self._chart: Sequence[Mapping[str, Any]] = ()
        self._accounts: dict[tuple[str | None, Any], int] = {}

    def account(self, value: Any, side: str | None) -> int:
        """An account code by number or name; on a document, one that takes its side.

        Raises:
            NotFoundInLedgerError: there is none, or it does not take sales or purchases.
            AmbiguousError: several have that name.
        """
        table = self._lookups.table(ACCOUNT_CODES)
        if self._chart is not table.rows:
            self._chart = table.rows
            self._accounts.clear()
        kept = (side, value) if isinstance(value, (str, int, float, Decimal)) else None
        if kept in self._accounts:
            return self._accounts[kept]
        number = _number(value)
        row = table.get(number) if number is not None else None
        if row is None:
            found = table.find("name", _by_name, fold(text(value)))
            if len(found) > 1:
                found = [r for r in found if _takes(r, side)] or found
            if len(found) > 1:
                raise AmbiguousError(
                    f"{len(found)} account codes are called {quoted(value)}", as_candidates(found)
                )
            row = found[0] if found else None
        if row is None:
            near = closest(str(value), [str(r.get("name", "")) for r in table.rows])
            hint = f"; the nearest name is {near!r}" if near else ""
            raise NotFoundInLedgerError(
                f"there is no account code {quoted(value)}{hint}; {_SAY_WHICH}"
            )
        if not _takes(row, side):
            raise NotFoundInLedgerError(
                f"account code {row['id']} ({row.get('name', '')}) does not take {side}"
            )
        if kept:
            self._accounts[kept] = int(row["id"])
        return int(row["id"])

    @property
    def bank_accounts(self) -> Table:
        """The bank accounts, by ID."""
        return self._lookups.table(BANK_ACCOUNTS)

    def bank_account(self, value: Any) -> Mapping[str, Any]:
        """A bank account by ID, name, IBAN, or sort code and account number.

        Raises:
            NotFoundInLedgerError, AmbiguousError: there is none, or there are several.
            NotYetWrittenError: a source key that is not in the ledger yet.
        """
        table = self.bank_accounts
        if isinstance(value, dict):
            wanted = folded_keys(value, _BANK_FIELDS)
            if "externalId" in wanted:
                row = table.get(self._mapped(BANK_ACCOUNTS, wanted["externalId"]).remote_id)
                if row is not None:
                    return row
        else:
            wanted = {"name": value}
            code = digits(str(value))
            if len(code) == _SORT_AND_NUMBER and code.isdigit():
                wanted = {"sortCode": code[:6], "accountNumber": code[6:]}
        found = self._banks(wanted)
        if not found and not isinstance(value, dict):
            found = self._banks({"iban": value}) or self._banks({"id": value})
        if len(found) > 1:
            raise AmbiguousError(
                f"{len(found)} bank accounts match {quoted(value)}", as_candidates(found)
            )
        if not found:
            names = [str(r.get("name", "")) for r in table.rows]
            raise NotFoundInLedgerError(
                f"there is no bank account {quoted(value)}; there are {join_names(names)}; "
                + _SAY_WHICH
            )
        return found[0]

    def _banks(self, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
        table = self.bank_accounts
        if "id" in wanted:
            number = _number(wanted["id"])
            row = table.get(number) if number is not None else None
            return [row] if row else []
        if "sortCode" in wanted and "accountNumber" in wanted:
            key = next(iter(_sort_and_number(wanted)), "")
            return table.find("sortCode", _sort_and_number, key)
        if "iban" in wanted:
            return table.find("iban", _iban, digits(str(wanted["iban"])))
        if "name" in wanted:
            return table.find("name", _by_name, fold(str(wanted["name"])))
        return []

    def payment_method(self, value: Any, bank: Mapping[str, Any]) -> int:
        """A payment method of a bank account, by ID or name.

        Raises:
            NotFoundInLedgerError, AmbiguousError: the bank account has none of it, or several.
        """
        if isinstance(value, dict):
            value = value.get("id", value.get("name"))
        methods = bank.get("paymentMethods") or []
        wanted = fold(str(value))
        found = [m for m in methods if m["id"] == _number(value)]
        found = found or [m for m in methods if fold(str(m.get("name", ""))) == wanted]
        if len(found) > 1:
            raise AmbiguousError(
                f"{len(found)} payment methods are called {quoted(value)}", as_candidates(found)
            )
        if not found:
            known = join_names([f"{m.get('name')} ({m['id']})" for m in methods])
            raise NotFoundInLedgerError(
                f"the bank account {bank.get('name', '')!r} has no payment method "
                f"{quoted(value)}; it has {known}"
            )
        return int(found[0]["id"])

    def default_vat_rate(self, account: int) -> Any:
        """Key of the VAT rate that an account code proposes, as the API has it."""
        row = self._lookups.table(ACCOUNT_CODES).get(account) or {}
        return row.get("defaultVatRate")

    def stock_item(self, value: Any) -> tuple[Mapping[str, Any], tuple[Reference, ...]]:
        """A stock item by its SKU, name, ID or `{externalId: ...}`.

        Raises:
            NotFoundInLedgerError, AmbiguousError: there is none, or there are several.
            NotYetWrittenError: a source key that is not in the ledger yet.
        """
        table = self._lookups.table(STOCK_ITEMS)
        wanted = folded_keys(value, _STOCK_FIELDS) if isinstance(value, dict) else {"sku": value}
        if "externalId" in wanted:
            mapped = self._mapped(STOCK_ITEMS, wanted["externalId"])
            item = table.get(mapped.remote_id) or {"id": mapped.remote_id}
            return item, ((STOCK_ITEMS, mapped.source_key),)
        sku = wanted.get("sku")
        found = table.find("sku", _by_sku, fold(str(sku))) if sku is not None else []
        name = wanted.get("name", sku)
        if not found and name is not None:
            found = table.find("name", _by_name, fold(str(name)))
        number = _number(wanted.get("id", sku))
        if not found and number is not None and (row := table.get(number)):
            found = [row]
        if len(found) > 1:
            raise AmbiguousError(
                f"{len(found)} stock items match {quoted(value)}", as_candidates(found)
            )
        if not found:
            raise NotFoundInLedgerError(f"there is no stock item {quoted(value)}")
        return found[0], ()

    def feed(self, value: Any) -> tuple[str, tuple[Reference, ...]]:
        """A bank feed by its ID, or `{externalId: ...}`: the API does not list them.

        Raises:
            NotYetWrittenError: a source key that became no feed so far.
        """
        if not isinstance(value, dict):
            return text(value), ()
        wanted = folded_keys(value, ("externalId", "id"))
        if "id" in wanted:
            return text(wanted["id"]), ()
        if "externalId" not in wanted:
            raise NotFoundInLedgerError(
                f"{quoted(value)} should be the ID of a feed or its externalId"
            )
        mapped = self._mapped(_BANK_FEEDS, wanted["externalId"])
        return str(mapped.remote_id), ((_BANK_FEEDS, mapped.source_key),)

    def document(
        self, streams: tuple[str, ...], value: Any
    ) -> tuple[str, Mapping[str, Any], tuple[Reference, ...]]:
        """A document or payment: its stream, digest, and the references of the map used.

        By `externalId`, `documentNumber`, `reference`, `description` (of payments) or `id`. A
        plain value is a source key, else a document number.

        Raises:
            NotFoundInLedgerError, AmbiguousError: there is none, or there are several.
            NotYetWrittenError: a source key that is not in the ledger yet.
        """
        if isinstance(value, dict):
            wanted = folded_keys(value, _DOCUMENT_FIELDS)
        else:
            wanted = {"externalId": text(value), "documentNumber": text(value)}
        if not wanted:
            raise NotFoundInLedgerError(
                f"{quoted(value)} should have {join_names(_DOCUMENT_FIELDS)}"
            )
        # Not the error itself: kept here, it would hold this call's record until a collection.
        waiting: tuple[str, tuple[str, ...]] | None = None
        if "externalId" in wanted:
            try:
                return self._mapped_document(streams, text(wanted["externalId"]))
            except NotYetWrittenError as error:
                waiting = error.stream, error.keys
        found = self._documents(streams, wanted)
        if len(found) > 1:
            raise AmbiguousError(
                f"{len(found)} of {join_names(streams)} match {quoted(value)}",
                [as_candidate(row, stream) for stream, row in found],
            )
        if found:
            return *found[0], ()
        if waiting is not None:
            raise NotYetWrittenError(*waiting)
        raise NotFoundInLedgerError(f"none of {join_names(streams)} matches {quoted(value)}")

    def _mapped_document(
        self, streams: tuple[str, ...], key: str
    ) -> tuple[str, Mapping[str, Any], tuple[Reference, ...]]:
        found = [(s, m) for s in streams if (m := self._map.refer(s, key))]
        if not found:
            raise NotYetWrittenError(streams[0], self._map.keys_of(key))
        if len(found) > 1:
            raise AmbiguousError(
                f"several of {join_names(streams)} have the externalId {key!r}",
                [{"stream": s, "id": m.remote_id} for s, m in found],
            )
        stream, mapped = found[0]
        if mapped.voided:
            raise NotFoundInLedgerError(f"{stream} {key!r} was voided")
        rows = self._lookups.documents(stream, "id", mapped.remote_id)
        row = rows[0] if rows else {"id": mapped.remote_id}
        if is_voided(row):
            raise NotFoundInLedgerError(f"{stream} {key!r} is voided in the ledger")
        return stream, row, ((stream, mapped.source_key),)

    def _documents(
        self, streams: tuple[str, ...], wanted: Mapping[str, Any]
    ) -> list[tuple[str, Mapping[str, Any]]]:
        for name in ("id", "documentNumber", "reference", "description"):
            if name not in wanted:
                continue
            value = integer(wanted[name]) if name == "id" else text(wanted[name]).strip()
            found = [
                (stream, row)
                for stream in streams
                if name in WRITABLE[stream].found_by
                for row in self._numbered(stream, name, value)
                if not is_voided(row)
            ]
            if found:
                return found
        return []

    def _numbered(self, stream: str, name: str, value: Any) -> list[Mapping[str, Any]]:
        found = list(self._lookups.documents(stream, name, value))
        if not found and name == "documentNumber" and (match := _PREFIXED.fullmatch(value)):
            # INV000012 or INV12 as it is printed, for 12 as it is kept.
            digits = match.group(2)
            for number in dict.fromkeys((digits, digits.lstrip("0") or "0")):
                rows = self._lookups.documents(stream, name, number)
                found += [r for r in rows if _printed(r) == _bare(value)]
        return found

    def _mapped(self, stream: str, external_id: Any) -> Mapped:
        key = text(external_id)
        mapped = self._map.refer(stream, key)
        if mapped is None:
            raise NotYetWrittenError(stream, self._map.keys_of(key))
        if mapped.voided:
            raise NotFoundInLedgerError(f"{stream} {key!r} was deleted")
        return mapped


_BANK_FIELDS = ("externalId", "id", "sortCode", "accountNumber", "iban", "name")
_STOCK_FIELDS = ("externalId", "sku", "name", "id")
_DOCUMENT_FIELDS = ("externalId", "id", "documentNumber", "reference", "description")


def _takes(row: Mapping[str, Any], side: str | None) -> bool:
    # An answer that does not say is no refusal.
    return side is None or row.get(side) is not False


def _printed(row: Mapping[str, Any]) -> str:
    return _bare(str(row.get("formattedDocumentNumber")))


def _bare(number: str) -> str:
    """A printed number without the zeros that fill it up."""
    match = _PREFIXED.fullmatch(number)
    return fold(match.group(1)) + match.group(2).lstrip("0") if match else fold(number)
