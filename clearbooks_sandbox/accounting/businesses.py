"""Businesses, and their VAT treatments and rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.accounting import vat
from clearbooks_sandbox.accounting.accounts import add_accounts, add_bank
from clearbooks_sandbox.accounting.chart import CHART, CIS_CHART
from clearbooks_sandbox.accounting.features import CIS, FEATURES, features_of
from clearbooks_sandbox.accounting.pricing import treatment_key, treatment_prefix, treatments_of
from clearbooks_sandbox.accounting.session import without_nulls
from clearbooks_sandbox.reply import Fault, RefusedError, Reply, decode, encode, not_found

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from clearbooks_sandbox.accounting.session import Session


def add(
    s: Session,
    fields: Mapping[str, Any],
    treatments: Collection[str] | None,
    features: Iterable[str],
) -> None:
    """Make the business of the session, with chart of accounts and a current account."""
    record = without_nulls({"id": s.business, **fields})
    s.db.execute(
        "INSERT INTO businesses VALUES (?, ?, ?, ?)",
        (s.business, encode(record), None if treatments is None else encode(treatments), b"[]"),
    )
    add_accounts(s, CHART)
    switch_on(s, features)
    add_bank(s, {"name": "Current account", "accountNumber": "12345678", "sortCode": "20-00-00"})


def switch_on(s: Session, features: Iterable[str]) -> None:
    """Switch features of the business on; those that are on already stay as they are.

    Raises:
        ValueError: there is no such feature.
    """
    had = features_of(s)
    for name in features:
        if name not in FEATURES:
            raise ValueError(f"no feature {name!r}; there are: {', '.join(FEATURES)}")
        if name == CIS and name not in had:
            add_accounts(s, CIS_CHART)
        had |= {name}
    s.db.execute(
        "UPDATE businesses SET features = ? WHERE id = ?", (encode(sorted(had)), s.business)
    )


def list_businesses(s: Session, params: Mapping[str, Any], query: Mapping[str, Any]) -> Reply:
    """`listBusinesses`: those that the authorisation covers."""
    del params, query
    rows = s.db.execute("SELECT id, json FROM businesses ORDER BY id")
    found = [data for number, data in rows if s.covered is None or number in s.covered]
    return Reply(200, {}, b"[" + b",".join(found) + b"]")


def _find(s: Session, params: Mapping[str, Any]) -> dict[str, Any]:
    row = s.db.execute(
        "SELECT json FROM businesses WHERE id = ?", (params["businessId"],)
    ).fetchone()
    if row is None:
        raise not_found("business", params["businessId"])
    if s.covered is not None and params["businessId"] not in s.covered:
        message = f"The authorisation does not cover business {params['businessId']}"
        raise RefusedError(403, [Fault("business", message)])
    found: dict[str, Any] = decode(row[0])
    return found


def get_business(s: Session, params: Mapping[str, Any]) -> Reply:
    """`getBusiness`."""
    return Reply(200, {}, encode(_find(s, params)))


def update_business(s: Session, params: Mapping[str, Any], body: dict[str, Any]) -> Reply:
    """`updateBusiness`."""
    record = _find(s, params) | body
    data = encode(without_nulls(record))
    s.db.execute("UPDATE businesses SET json = ? WHERE id = ?", (data, record["id"]))
    return Reply(200, {}, data)


def list_treatments(s: Session, params: Mapping[str, Any], query: Mapping[str, Any]) -> Reply:
    """`listVatTreatments`: those that the business uses."""
    del query
    side = params["vatType"]
    prefix, had = treatment_prefix(s, side), treatments_of(s, side)
    return Reply(200, {}, encode([{"key": prefix + t.key, "name": t.name} for t in had]))


def list_rates(s: Session, params: Mapping[str, Any], query: Mapping[str, Any]) -> Reply:
    """`listVatRates`: those in force on `date`, or all that ever were."""
    side = params["vatType"]
    had = treatments_of(s, side)
    if "vatTreatment" in query:
        key = treatment_key(s, side, query["vatTreatment"])
        known = ", ".join(t.key for t in had)
        had = [t for t in had if t.key == key]
        if not had:
            s.add_fault("vatTreatment", f"vatTreatment: there is no {key!r}; there are: {known}")
        s.raise_faults()
    if "contactId" in query:
        contact = s.record("contacts", query["contactId"], "contact")
        areas = vat.areas_of(contact.get("address", {}).get("countryCode"))
        had = [t for t in had if t.area in areas]
    rates = vat.legal_rates(had, query.get("date"))
    # `Manual` is legal beside them and has no rate, so it is not listed.
    listed = [{"key": r.key, "name": r.name, "rate": r.percent} for r in rates]
    return Reply(200, {}, encode(listed))
