"""A sandbox with two businesses, and the connectors as programs against it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from clearbooks_sandbox import AccountingEngine, Options, running
from tests.airbyte_clearbooks.program import DESTINATION, SOURCE, Program
from tests.ledger import ONE, TWO, Served

INVOICES = 25


class Books(Served):
    """A served sandbox, with short ways to write into it."""

    def sales(self, business=ONE):
        return self.do(
            "listSalesDocuments", business=business, salesType="invoices", query={"limit": 200}
        )

    def requests(self, path):
        return [r for r in self.server.requests if r.path.startswith(path)]

    def config(self, tmp_path, **more):
        credentials = {"auth_type": "access_token", "access_token": "sandbox-access-token"}
        return {
            "credentials": credentials,
            "api_url": self.server.url,
            "token_url": self.server.token_url,
            "token_store": str(tmp_path / "tokens.json"),
            **more,
        }

    def application(self, tmp_path, **more):
        """A configuration with a refresh token."""
        credentials = {
            "auth_type": "refresh_token",
            "client_id": "sandbox",
            "client_secret": "sandbox-secret",
            "refresh_token": "sandbox-refresh-token",
        }
        return self.config(tmp_path, credentials=credentials, **more)


@pytest.fixture
def books():
    engine = AccountingEngine()
    assert [engine.add_business("One Limited"), engine.add_business("Two Limited")] == [ONE, TWO]
    with running(engine, Options(pages=False)) as server:
        found = Books(server)
        for business, number in ((ONE, INVOICES), (TWO, 2)):
            customer = found.customer("Acme", business=business, email="acme@example.com")
            for day in range(number):
                found.invoice(
                    customer, f"2024-03-{day + 1:02d}", Decimal(f"{day + 1}.10"), business=business
                )
        yield found
    engine.close()


@pytest.fixture
def source(books, tmp_path):
    return Program(SOURCE, tmp_path, books.config(tmp_path))


@pytest.fixture
def destination(books, tmp_path):
    config = books.config(
        tmp_path,
        business_ids=[ONE],
        state_store=str(tmp_path / "target.sqlite3"),
        rejects_path=str(tmp_path / "rejects.jsonl"),
    )
    return Program(DESTINATION, tmp_path, config)
