"""An Airbyte source of a shop: real invoices of a UK retailer, shaped for the ledger.

Run as a program: `shop.py spec|check|discover|read …`. Its records are those of the sandbox's
demo (see `clearbooks_sandbox/demo/data/README.md`): sales to customers in the United Kingdom.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from decimal import Decimal
from pathlib import Path

import clearbooks_sandbox

INVOICES = 40
FILE = Path(clearbooks_sandbox.__file__).parent / "demo" / "data" / "online_retail.csv"
TEXT, NUMBER, WHOLE = {"type": "string"}, {"type": "number"}, {"type": "integer"}
LINE = {
    "description": TEXT,
    "unitPrice": NUMBER,
    "quantity": NUMBER,
    "accountCode": WHOLE,
    "vatRateKey": TEXT,
}
SCHEMAS = {
    "customers": {"externalId": TEXT, "name": TEXT},
    "sales_invoices": {
        "externalId": TEXT,
        "customer": {"type": "object", "properties": {"externalId": TEXT}},
        "date": {"type": "string", "format": "date"},
        "vatTreatment": TEXT,
        "reference": TEXT,
        "lineItems": {"type": "array", "items": {"type": "object", "properties": LINE}},
    },
}


def sales():
    """Invoice number -> its rows, in the order of the file."""
    found = {}
    with FILE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            sold = row["Quantity"][0] != "-" and Decimal(row["UnitPrice"]) > 0
            if sold and row["CustomerID"] and row["Country"] == "United Kingdom":
                found.setdefault(row["InvoiceNo"], []).append(row)
    return dict(list(found.items())[:INVOICES])


def net():
    """What all invoices come to, without VAT, as the ledger rounds it: line by line."""
    return sum(
        (Decimal(row["UnitPrice"]) * int(row["Quantity"])).quantize(Decimal("0.01"))
        for rows in sales().values()
        for row in rows
    )


def records():
    """`(stream, record)`, customers first."""
    chosen = sales()
    for number in sorted({rows[0]["CustomerID"] for rows in chosen.values()}):
        yield "customers", {"externalId": number, "name": f"Customer {number}"}
    for number, rows in chosen.items():
        yield (
            "sales_invoices",
            {
                "externalId": number,
                "customer": {"externalId": rows[0]["CustomerID"]},
                "date": rows[0]["InvoiceDate"][:10],
                "vatTreatment": "UK",
                "reference": number,
                "lineItems": [
                    {
                        "description": row["Description"] or row["StockCode"],
                        "unitPrice": float(row["UnitPrice"]),
                        "quantity": int(row["Quantity"]),
                        "accountCode": 1001001,
                        "vatRateKey": "17.50:Standard",
                    }
                    for row in rows
                ],
            },
        )


def say(kind, **parts):
    sys.stdout.write(json.dumps({"type": kind, **parts}) + "\n")


def main(command):
    if command == "spec":
        schema = {"type": "object", "properties": {}}
        say("SPEC", spec={"connectionSpecification": schema})
    elif command == "check":
        say("CONNECTION_STATUS", connectionStatus={"status": "SUCCEEDED"})
    elif command == "discover":
        streams = [
            {
                "name": name,
                "json_schema": {"type": "object", "properties": properties},
                "supported_sync_modes": ["full_refresh"],
                "source_defined_primary_key": [["externalId"]],
            }
            for name, properties in SCHEMAS.items()
        ]
        say("CATALOG", catalog={"streams": streams})
    else:
        for stream, data in records():
            now = int(time.time() * 1000)
            say("RECORD", record={"stream": stream, "data": data, "emitted_at": now})


if __name__ == "__main__":
    main(sys.argv[1])
