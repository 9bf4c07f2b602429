"""Real records, with a fault in every tenth request: each stands in the ledger once.

`SOAK=5` writes five copies of them, more than 10,000 records; allow twenty minutes.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from decimal import Decimal

import pytest

from clearbooks_sandbox.demo import source
from target_clearbooks.store import BusyError
from tests.target_clearbooks.conftest import allocation, customer, invoice, payment, record, schema
from tests.target_clearbooks.store.test_writer_lock import start

FAULTS = ("drop-after", "error", "error-after", "drop-before", "truncate")


def copies_of_real_records(number):
    """Several businesses' worth of `real_records`, all for one ledger."""
    return [m for n in range(number) for m in real_records(1000, f"{n}-" if n else "")]


def real_records(most, copy=""):
    """Sales of a retailer, paid in part, and bills of an authority, as a warehouse has them."""
    out = schema(
        "customers", "suppliers", "sales_invoices", "payments", "sales_allocations", "bills"
    )
    known = set()
    number = 0
    for order, rows in source.sales().items():
        key = copy + order
        lines = [
            {
                "description": row.description or row.stock_code,
                "unitPrice": str(row.unit_price),
                "quantity": row.quantity,
                "accountCode": "Revenue",
                "vatRate": "17.5%",
            }
            for row in rows
            if row.quantity > 0 and row.unit_price > 0
        ]
        contact = copy + (rows[0].customer or "cash")
        if not lines or number >= most // 2:
            continue
        if contact not in known:
            known.add(contact)
            out.append(customer(contact, name=f"Customer {contact}"))
        paid = f"{lines[0]['quantity'] * Decimal(lines[0]['unitPrice']):.2f}"
        out += [
            invoice(key, contact, *lines, date=rows[0].date.isoformat()),
            payment(f"paid {key}", contact, paid, date="2011-02-01"),
            allocation(f"paid {key}", key, f"paid {key}", paid),
        ]
        number += 1
    vendors = set()
    for row in source.spend():
        if number >= most:
            break
        if row.amount <= 0:
            continue
        vendor = copy + row.vendor_id
        if vendor not in vendors:
            vendors.add(vendor)
            out.append(record("suppliers", vendor, name=f"{row.vendor} {vendor}"))
        out.append(
            record(
                "bills",
                copy + row.id,
                supplier={"externalId": vendor},
                date=row.date.isoformat(),
                vatTreatment="UK",
                lineItems=[
                    {
                        "description": row.account,
                        "unitPrice": str(row.amount),
                        "quantity": 1,
                        "accountCode": 2001001,
                        "vatRate": "0.00:Out",
                    }
                ],
            )
        )
        number += 1
    return out


def add_faults(run):
    for n, kind in enumerate(FAULTS):
        # Together every tenth request, each kind in turn.
        run.sandbox.faults.add(f"{kind}:every=50")
        run.sandbox.faults.rules[-1].matched = 10 * n


def until_settled(run, messages, **settings):
    for _ in range(5):
        code = run(messages, max_tries=6, **settings)
        if code == 0:
            break
    return code


def check(run, messages):
    """Each record stands in the ledger once, with its pennies and on its contact."""
    records = [m for m in messages if m["type"] == "RECORD"]
    wanted = Counter(m["stream"] for m in records)

    def of(stream):
        return [m["record"] for m in records if m["stream"] == stream]

    customers = {c["externalId"]: c["id"] for c in run.customers()}
    suppliers = {c["externalId"]: c["id"] for c in run.listed("listSuppliers")}
    assert len(customers) == wanted["customers"] == len(run.customers())
    assert len(suppliers) == wanted["suppliers"] == len(run.listed("listSuppliers"))
    invoices = run.invoices()
    assert Counter(d["customerId"] for d in invoices) == Counter(
        customers[r["customer"]["externalId"]] for r in of("sales_invoices")
    )
    payments = run.listed("listPayments")
    assert Counter((p["contactId"], Decimal(str(p["amount"]))) for p in payments) == Counter(
        (customers[r["customer"]["externalId"]], Decimal(r["amount"])) for r in of("payments")
    )
    assert len(run.listed("listAllocations", invoiceType="sales")) == wanted["sales_allocations"]
    paid = sum(Decimal(str(d["gross"])) - Decimal(str(d["due"])) for d in invoices)
    assert paid == sum(Decimal(r["amount"]) for r in of("payments"))
    bills = run.listed("listPurchaseDocuments", purchaseType="bills")
    assert Counter((b["supplierId"], Decimal(str(b["gross"]))) for b in bills) == Counter(
        (suppliers[r["supplier"]["externalId"]], Decimal(r["lineItems"][0]["unitPrice"]))
        for r in of("bills")
    )


def test_soak_with_a_fault_in_every_tenth_request(run):
    messages = real_records(1000)
    assert len(messages) > 2000
    add_faults(run)
    assert until_settled(run, messages) == 0
    assert run.sandbox.faults.counts.total() > len(messages) / 12
    assert not run.rejects
    run.sandbox.faults.clear()
    check(run, messages)
    run.sandbox.requests.clear()
    assert run(messages) == 0
    assert not run.writes()


def key_of(row):
    """What distinguishes a document or payment, here and there: its lines or its amount."""
    lines = row.get("lineItems", ())
    return (
        row["date"],
        *(Decimal(str(n["unitPrice"])) * Decimal(str(n["quantity"])) for n in lines),
        *([Decimal(str(row["amount"]))] if "amount" in row else []),
    )


def jumping(real):
    """A wall clock that is set by ten minutes, there and back, at every hundredth look at it."""
    looks = itertools.count()
    return lambda: real() + (600.0 if next(looks) // 100 % 2 else -600.0)


@pytest.mark.parametrize("marker", ["reference", "off"])
def test_soak_with_a_second_writer_a_lost_store_and_a_jumping_clock(run, monkeypatch, marker):
    copies = int(os.environ.get("SOAK", "1"))
    messages = copies_of_real_records(copies) if marker == "reference" else real_records(60)
    settings = {"marker": marker}
    monkeypatch.setattr(time, "time", jumping(time.time))
    add_faults(run)
    for share in (3, 2, 1):
        part = messages[: len(messages) // share]
        second = start(
            run,
            "second",
            part,
            state_store="state.sqlite3",
            token_store="tokens.json",
            max_tries=6,
            **settings,
        )
        with second:
            with contextlib.suppress(BusyError):
                run(part, max_tries=6, **settings)
            if share == 2:
                second.kill()  # wherever it is, if it writes
            second.communicate(timeout=900)
        assert second.returncode in (0, 1, 4, -signal.SIGKILL)
        assert until_settled(run, part, **settings) == (
            0 if marker == "reference" or share == 3 else 4
        )
        for path in run.directory.glob("state.sqlite3*"):
            path.unlink()
    run.sandbox.faults.clear()
    code = until_settled(run, messages, **settings)
    if marker == "reference":
        assert code == 0
        check(run, messages)
        return
    # Without markers nothing tells which ones they are: set aside, and never written twice.
    assert code == 4
    aside = {(r["stream"], r["key"]) for r in run.rejects}
    for stream, listed in (
        ("sales_invoices", run.invoices()),
        ("payments", run.listed("listPayments")),
        ("bills", run.listed("listPurchaseDocuments", purchaseType="bills")),
    ):
        records = [m["record"] for m in messages if m.get("stream") == stream and "record" in m]
        missing = len(records) - len(listed)
        # Of two equal sales of one day, of which the ledger holds one, both are set aside.
        assert 0 <= missing <= sum((stream, r["externalId"]) in aside for r in records) // 2
        assert len({key_of(row) for row in listed}) >= len({key_of(r) for r in records})


def test_memory_is_flat(run, tmp_path):
    """Ten times the records, all of them known, within a few MiB more."""
    assert run([*schema("customers"), customer()]) == 0
    peaks = []
    path = tmp_path / "config.json"
    path.write_text(json.dumps(run.config))
    for number in (2_000, 20_000):
        big = tmp_path / "input.jsonl"
        with big.open("w") as file:
            for message in (*schema("customers"), *[customer()] * number):
                file.write(json.dumps(message) + "\n")
        process = subprocess.Popen(
            [sys.executable, "-m", "target_clearbooks", "--config", str(path), "--input", str(big)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        peaks.append(used.ru_maxrss / 1024)
    assert peaks[1] < peaks[0] + 6
    db = sqlite3.connect(run.directory / "state.sqlite3")
    assert db.execute("SELECT count(*) FROM intents").fetchone() == (1,)
    db.close()
