"""Real records, with a fault in every tenth request: each stands in the ledger once."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from decimal import Decimal

from clearbooks_sandbox.demo import source

from .conftest import allocation, customer, invoice, payment, record, schema

FAULTS = ("drop-after", "error", "error-after", "drop-before", "truncate")


def real_records(most):
    """Sales of a retailer, paid in part, and bills of an authority, as a warehouse has them."""
    out = schema("customers", "suppliers", "sales_invoices", "payments", "sales_allocations",
                 "bills")  # fmt: skip
    known = set()
    number = 0
    for key, rows in source.sales().items():
        lines = [
            {"description": row.description or row.stock_code, "unitPrice": str(row.unit_price),
             "quantity": row.quantity, "accountCode": "Sales", "vatRate": "17.5%"}
            for row in rows if row.quantity > 0 and row.unit_price > 0
        ]  # fmt: skip
        contact = rows[0].customer or "cash"
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
        if row.vendor_id not in vendors:
            vendors.add(row.vendor_id)
            out.append(record("suppliers", row.vendor_id, name=f"{row.vendor} {row.vendor_id}"))
        out.append(
            record("bills", row.id, supplier={"externalId": row.vendor_id},
                   date=row.date.isoformat(), vatTreatment="UK",
                   lineItems=[{"description": row.account, "unitPrice": str(row.amount),
                               "quantity": 1, "accountCode": 2001001, "vatRate": "0.00:Out"}])
        )  # fmt: skip
        number += 1
    return out


def test_soak_with_a_fault_in_every_tenth_request(run):
    messages = real_records(1000)
    assert len(messages) > 2000
    wanted = Counter(m["stream"] for m in messages if m["type"] == "RECORD")
    for n, kind in enumerate(FAULTS):
        # Together every tenth request, each kind in turn.
        run.sandbox.faults.add(f"{kind}:every=50")
        run.sandbox.faults.rules[-1].matched = 10 * n
    code = None
    for _ in range(5):
        code = run(messages, max_tries=6)
        if code == 0:
            break
    assert code == 0
    assert run.sandbox.faults.counts.total() > len(messages) / 12
    assert not run.rejects
    run.sandbox.faults.clear()
    assert len(run.listed("listCustomers")) == wanted["customers"]
    assert len(run.listed("listSuppliers")) == wanted["suppliers"]
    invoices = run.listed("listSalesDocuments", salesType="invoices")
    assert len(invoices) == wanted["sales_invoices"]
    assert len(run.listed("listPayments")) == wanted["payments"]
    assert len(run.listed("listAllocations", invoiceType="sales")) == wanted["sales_allocations"]
    paid = sum(Decimal(str(d["gross"])) - Decimal(str(d["due"])) for d in invoices)
    assert paid == sum(
        Decimal(m["record"]["amount"]) for m in messages if m.get("stream") == "payments"
        and m["type"] == "RECORD"
    )  # fmt: skip
    found = run.listed("listPurchaseDocuments", purchaseType="bills")
    assert len(found) == wanted["bills"]
    total = sum(
        Decimal(m["record"]["lineItems"][0]["unitPrice"])
        for m in messages if m["type"] == "RECORD" and m["stream"] == "bills"
    )  # fmt: skip
    assert sum(Decimal(str(b["gross"])) for b in found) == total
    run.sandbox.requests.clear()
    assert run(messages) == 0
    assert not run.writes()


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
            [sys.executable, "-m", "target_clearbooks", "--config", str(path),
             "--input", str(big)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        peaks.append(used.ru_maxrss / 1024)
    assert peaks[1] < peaks[0] + 6
    db = sqlite3.connect(run.directory / "state.sqlite3")
    assert db.execute("SELECT count(*) FROM intents").fetchone() == (1,)
    db.close()
