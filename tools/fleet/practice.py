"""A sandbox with the books of many small businesses, and the consent of the users who own them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import psycopg
from psycopg.types.json import Jsonb

from benchmarks.ledger import Builder, Size
from clearbooks.auth import begin_consent, finish_consent, open_store
from clearbooks.contract import load_contract
from clearbooks.settings import Connection
from tests.tap_clearbooks import copying

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from clearbooks_sandbox import AccountingEngine, RunningSandbox

# All but the VAT tables and the balances, which cost a small business 50 requests.
STREAMS = (
    "account_codes", "bank_accounts", "customers", "suppliers", "sales_invoices",
    "sales_credit_notes", "quotes", "bills", "purchase_credit_notes", "expenses", "payments",
    "sales_allocations", "purchase_allocations", "stock_items", "transactions",
    "transaction_lines",
)  # fmt: skip
SECRET = "a-secret"  # noqa: S105 - of a sandbox
_TOO_MANY, _REFUSED = 429, 400


def build(engine: AccountingEngine, businesses: int) -> list[int]:
    """Enter the books of so many businesses, 25 to 60 documents each; their IDs."""
    made = []
    with engine.bulk():
        for n in range(businesses):
            size = Size(
                customers=4 + n % 5, suppliers=3, invoices=10 + n % 17, bills=6 + n % 7,
                payments=6 + n % 9, journals=2, longer=2,
            )  # fmt: skip
            builder = Builder(engine, f"Client {n + 1}", size)
            builder.build()
            made.append(builder.business)
    return made


@dataclass(frozen=True, slots=True)
class Application:
    """An application, and the businesses of each of its users."""

    client_id: str
    users: dict[str, list[int]]


def divide(businesses: Sequence[int], applications: int, users: int) -> list[Application]:
    """Every business to a user, and every user to an application; some users share a business."""
    found = [Application(f"app-{n + 1}", {}) for n in range(applications)]
    for n, business in enumerate(businesses):
        application = found[n % applications]
        user = f"user-{n % (users * applications) // applications + 1}"
        application.users.setdefault(user, []).append(business)
    for application in found:
        names = list(application.users)
        if len(names) > 1:
            # Whose business this is counts, not who may see it.
            application.users[names[-1]].append(application.users[names[0]][0])
    return found


def connect(
    sandbox: RunningSandbox, applications: Iterable[Application], **settings: Any
) -> list[dict[str, Any]]:
    """Every user gives consent; the settings of each application, for the fleet's file."""
    found = []
    for application in applications:
        sandbox.oauth.add_application(application.client_id, SECRET, application.client_id)
        config = {
            "client_id": application.client_id,
            "client_secret": SECRET,
            "api_url": sandbox.url,
            "token_url": sandbox.token_url,
            "authorize_url": sandbox.authorize_url,
            **settings,
        }
        for user, businesses in application.users.items():
            connection = Connection.from_config({**config, "connection": user})
            consent = begin_consent(
                connection, "http://127.0.0.1:9/callback", list(load_contract().scopes)
            )
            query = dict(parse_qsl(urlsplit(consent.url).query))
            pending = sandbox.oauth.read_request(query)
            back = urlsplit(sandbox.oauth.allow(pending, businesses, user=user)).query
            chain = finish_consent(connection, consent, parse_qs(back)["code"][0])
            open_store(connection.token_store).annotate(chain.name, businesses=businesses)
        found.append(config)
    return found


@dataclass(frozen=True, slots=True)
class Asked:
    """What a sandbox was asked."""

    requests: int
    answers_429: int
    tokens_used_twice: int
    renewals: int
    seconds: float


def asked(sandbox: RunningSandbox, since: int = 0) -> Asked:
    """What the sandbox was asked after the first `since` requests."""
    log = list(sandbox.requests)[since:]
    api = [one for one in log if one.path.startswith("/") and "oauth" not in one.path]
    tokens = [one for one in log if "oauth/token" in one.path]
    return Asked(
        requests=len(api),
        answers_429=sum(one.status == _TOO_MANY for one in api),
        tokens_used_twice=sum(one.status == _REFUSED for one in tokens),
        renewals=sum(one.status != _REFUSED for one in tokens),
        seconds=api[-1].at - api[0].at if api else 0.0,
    )


def warehouse_rows(url: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Stream and record of each row that the tasks of the example have loaded."""
    with psycopg.connect(url) as db, db.cursor(name="rows") as cursor:
        yield from cursor.execute("SELECT stream, record FROM books.records")


def differences(
    engine: AccountingEngine, rows: Iterable[tuple[str, dict[str, Any]]], businesses: Sequence[int]
) -> Iterator[str]:
    """Where the rows of a warehouse differ from the books, by ID and field.

    Args:
        engine: The books.
        rows: Stream and record of each row.
        businesses: IDs of those that were read.
    """
    from tap_clearbooks.streams import resource

    found: dict[str, dict[tuple[Any, ...], Any]] = {name: {} for name in STREAMS}
    for stream, record in rows:
        if stream in found:
            key = tuple(record[field] for field in resource(stream).key)
            found[stream][key] = copying.plain(record)  # type: ignore[no-untyped-call]
    for stream in STREAMS:
        truth = copying.ledger(engine, stream, businesses)  # type: ignore[no-untyped-call]
        for key in truth.keys() | found[stream].keys():
            if truth.get(key) != found[stream].get(key):
                yield f"{stream} {key}: {found[stream].get(key)} should be {truth.get(key)}"


def fill_outbox(url: str, businesses: Iterable[int]) -> None:
    """Two new customers and an invoice to each, for every business."""
    with psycopg.connect(url) as db:
        for business in businesses:
            for key in ("A", "B"):
                customer = {"externalId": key, "name": f"Customer {key} of {business}"}
                line = {"description": "Advice", "quantity": 1, "unitPrice": "100.00",
                        "accountCode": 1001001, "vatRate": "20%"}  # fmt: skip
                invoice = {"externalId": key, "customer": {"externalId": key},
                           "date": "2026-11-20", "vatTreatment": "UK",
                           "lineItems": [line]}  # fmt: skip
                for stream, record in (("customers", customer), ("sales_invoices", invoice)):
                    whole = {"businessId": business, **record}
                    db.execute(
                        "INSERT INTO books.outbox (business, stream, record) VALUES (%s, %s, %s)",
                        [business, stream, Jsonb(whole)],
                    )


def written_wrongly(engine: AccountingEngine, businesses: Iterable[int]) -> Iterator[str]:
    """Where the books do not hold each record of the outbox once."""
    for business in businesses:
        customers = {
            record["name"]: record["id"]
            for record in copying.listed(engine, "listCustomers", business)  # type: ignore[no-untyped-call]
        }
        names = [f"Customer {key} of {business}" for key in ("A", "B")]
        invoices = Counter(
            record["customerId"]
            for record in copying.listed(  # type: ignore[no-untyped-call]
                engine, "listSalesDocuments", business, salesType="invoices"
            )
        )
        for name in names:
            if invoices[customers.get(name)] != 1:
                yield f"business {business}: {name} has {invoices[customers.get(name)]} invoices"
