"""The last requests: what is kept of them, how they are found, and what they have written."""

import re

import pytest
import requests

from clearbooks_sandbox import AccountingEngine, running
from clearbooks_sandbox.http import request_log
from clearbooks_sandbox.http.request_log import Exchange, LoggedRequest, RequestLog, message
from tests.clearbooks_sandbox.conftest import Http
from tests.ledger import COST, allocation, line

from .html import Page, number

SECRETS = ("hush", "sandbox-access-token", "sandbox-refresh-token", "session=abc")


@pytest.fixture(scope="module")
def served():
    """A sandbox of its own, with a client and its business."""
    engine = AccountingEngine()
    business = engine.add_business("Asked Limited")
    with running(engine) as sandbox:
        client = Http(sandbox)
        client.business = business
        yield client
        client.session.close()
    engine.close()


def shown(served, path="", status=200):
    response = requests.get(f"{served.sandbox.site}/books/requests{path}", timeout=10)
    assert response.status_code == status
    return Page(response.text)


def newest(served):
    """The page of the newest request."""
    return shown(served, f"/{served.sandbox.requests[-1].number}")


def test_they_are_shown_newest_first_without_secrets():
    with running() as sandbox, requests.Session() as session:
        session.headers["Authorization"] = "Bearer sandbox-access-token"
        empty = session.get(f"{sandbox.site}/books/requests", timeout=10).text
        session.get(f"{sandbox.url}/businesses", timeout=10)
        session.get(f"{sandbox.url}/accounting/customers?limit=3", timeout=10)
        session.get(f"{sandbox.url}/accounting/customers?limit=x", timeout=10)
        form = {"client_id": "sandbox", "client_secret": "hush", "grant_type": "refresh_token"}
        session.post(sandbox.token_url, data=form, timeout=10)
        text = session.get(f"{sandbox.site}/books/requests", timeout=10).text
    assert "Nobody has asked anything yet" in empty
    table = Page(text).tables[0]
    assert table.column("Path") == [
        "/oauth/token",
        "/accounting/customers?limit=x",
        "/accounting/customers?limit=3",
        "/businesses",
    ]
    assert table.column("Status") == ["401", "400", "200", "200"]
    assert table.column("Method") == ["POST", "GET", "GET", "GET"]
    assert all(number(ms) >= 0 for ms in table.column("ms"))
    assert all(re.fullmatch(r"\d+ \w+ \d{4}, \d\d:\d\d:\d\d", at) for at in table.column("Time"))
    assert "hush" not in text
    assert "sandbox-access-token" not in text


def test_one_shows_what_was_sent_and_answered(served):
    served(
        "POST", "/accounting/customers", json={"name": "Ada <b>"}, headers={"Cookie": "session=abc"}
    )
    page = newest(served)
    assert page.headings[0] == ["h1", "POST /accounting/customers"]
    sent, answered = page.tables
    headers = dict(zip(sent.column("Header"), sent.column("Value"), strict=True))
    assert headers["authorization"] == headers["cookie"] == "(not kept)"
    assert headers["content-type"] == "application/json"
    assert "Content-Type" in answered.column("Header")
    assert '"name": "Ada <b>"' in page.words
    assert "<b>" not in page.text
    assert not [secret for secret in SECRETS if secret in page.text]


def test_amounts_are_shown_as_they_were_sent(served):
    served(
        "POST",
        "/accounting/customers",
        data=b'{"name":"A","x":1.10}',
        headers={"Content-Type": "application/json"},
    )
    assert '"x": 1.10' in newest(served).words


def test_nothing_of_the_token_endpoint_is_kept(served):
    form = {
        "client_id": "sandbox",
        "client_secret": "sandbox-secret",
        "grant_type": "refresh_token",
        "refresh_token": "sandbox-refresh-token",
    }
    tokens = requests.post(served.sandbox.token_url, data=form, timeout=10).json()
    page = newest(served)
    assert "The body is not kept, since it holds secrets." in page.words
    told = [*form.values(), tokens["access_token"], tokens["refresh_token"]]
    assert not [
        text for text in told if text in page.text and text not in ("sandbox", "refresh_token")
    ]
    *_, kept = served.sandbox.requests.exchanges().values()
    assert kept.sent.body is kept.answered.body is None


def test_a_long_body_is_cut_with_a_note(served):
    supplier = served("POST", "/accounting/suppliers", json={"name": "S"}).json()["id"]
    lines = [line(1, COST) | {"unitPrice": 1}]
    body = {"date": "2024-03-01", "vatTreatment": "UK", "supplierId": supplier, "lineItems": lines}
    bill = served("POST", "/accounting/purchases/bills", json=body).json()["id"]
    path = f"/accounting/purchases/bills/{bill}/attachments/scan.pdf"
    octets = {"Content-Type": "application/octet-stream"}
    served("POST", path, data=b"%PDF-" + b"\xff" * 100_000, headers=octets)
    page = newest(served)
    assert "The body has 100,005 bytes; its first 65,536 are kept." in page.words
    assert "65,536 bytes that are not text" in page.words
    assert f"/books/{served.business}/documents/{bill}" in page.links
    # Text that was cut inside a character is text still.
    served("POST", "/accounting/suppliers", data="x" * 65_535 + "é")
    assert "xxx" in newest(served).words


def test_a_lost_answer_and_what_it_had_written_are_shown(served):
    served.sandbox.faults.plan("drop-after", method="POST", path="/accounting/customers")
    with pytest.raises(requests.ConnectionError):
        served("POST", "/accounting/customers", json={"name": "Lost"})
    page = newest(served)
    assert "The connection was closed without an answer." in page.words
    assert ["h2", "Lost answer"] in page.headings
    assert "answered 201; the fault took the place" in page.words
    row = shown(served).tables[0].body[0]
    assert [row[4].text, row[6].text.partition(" ")[0]] == ["dropped drop-after", "Customer"]
    [link] = [link for link in page.links if "/contacts/" in link]
    assert "Lost" in requests.get(served.sandbox.site + link, timeout=10).text


def test_what_was_never_carried_out_has_no_record(served):
    served.sandbox.faults.plan("drop-before", method="POST", path="/accounting/customers")
    with pytest.raises(requests.ConnectionError):
        served("POST", "/accounting/customers", json={"name": "Never"})
    page = newest(served)
    assert '"name": "Never"' in page.words
    assert ["h2", "Lost answer"] not in page.headings
    assert not [link for link in page.links if "/contacts/" in link]


def test_what_was_written_is_linked(served):
    sale = {
        "date": "2024-03-01",
        "vatTreatment": "UK",
        "lineItems": [line(100) | {"unitPrice": 100}],
    }
    paid = {"date": "2024-03-05", "description": "P", "bankAccountId": 1}

    def written(method, path, json=None):
        reply = served(method, path, json=json)
        assert reply.ok, reply.text
        links = [link for link in newest(served).links if f"/books/{served.business}/" in link]
        for link in links:
            assert requests.get(served.sandbox.site + link, timeout=10).status_code == 200
        links.remove(f"/books/{served.business}/")
        return reply.json().get("id") if reply.content else None, links

    base = f"/books/{served.business}"
    customer, links = written("POST", "/accounting/customers", {"name": "C"})
    assert links == [f"{base}/contacts/{customer}"]
    sale["customerId"] = paid["contactId"] = customer
    invoice, links = written("POST", "/accounting/sales/invoices", sale)
    assert links == [f"{base}/documents/{invoice}"]
    revised, links = written(
        "PUT", f"/accounting/sales/invoices/{invoice}", sale | {"reference": "R"}
    )
    assert links == [f"{base}/documents/{revised}"]
    payment, links = written("POST", "/accounting/payments", paid | {"amount": 120})
    assert links == [f"{base}/payments/{payment}"]
    found, links = written(
        "POST", "/accounting/allocations/sales", allocation(revised, 50, payment)
    )
    assert links == [f"{base}/sales_allocations?q={found}"]
    other, _ = written("POST", "/accounting/sales/invoices", sale)
    _, links = written("DELETE", f"/accounting/sales/invoices/{other}")
    assert links == [f"{base}/documents/{other}"]
    item, links = written("POST", "/accounting/stockItems", {"name": "Item", "type": "both"})
    assert links == [f"{base}/stock_items?q={item}"]
    lines = [{"accountCodeId": COST, "amount": 5}, {"accountCodeId": 8001001, "amount": -5}]
    journal, links = written(
        "POST", "/accounting/journals", {"accountingDate": "2024-03-01", "lines": lines}
    )
    assert links == [f"{base}/journals/{journal}"]
    # What only reads, and what is refused, has written nothing.
    served("GET", f"/accounting/customers/{customer}")
    assert newest(served).links.count(f"{base}/contacts/{customer}") == 0
    served("POST", "/accounting/customers", json={"name": " "})
    assert not [link for link in newest(served).links if link.startswith(f"{base}/contacts")]
    listed = shown(served)
    assert f"{base}/journals/{journal}" in listed.links
    assert f"Journal {journal}" in listed.tables[0].column("Record")


def test_they_are_found_by_method_status_path_and_text(served):
    served("GET", "/accounting/suppliers?limit=7")
    served("GET", "/accounting/suppliers?limit=x")
    served("PUT", "/accounting/customers/1", json={"name": "Needle"})

    def column(query, name):
        return shown(served, query).tables[0].column(name)

    assert set(column("?method=PUT", "Method")) == {"PUT"}
    assert all(status.startswith("4") for status in column("?state=4", "Status"))
    assert column("?path=limit%3D7", "Path") == ["/accounting/suppliers?limit=7"]
    assert set(column("?path=updatecustomer", "Path")) == {"/accounting/customers/1"}
    assert column("?text=Needle&method=PUT", "Path") == ["/accounting/customers/1"]
    assert column("?method=GET&state=4&path=suppliers", "Status") == ["400"]
    assert "Nothing fits the filter." in shown(served, "?text=nowhere").words


def test_what_is_not_kept_any_more_is_told(served):
    assert "There is no request 99999" in shown(served, "/99999", status=404).words


def entry(log):
    return LoggedRequest(next(log.numbers), "GET", "/a", "", 200, 1.0, 1, "", 0.0)


def test_bodies_are_kept_within_bytes_and_number(monkeypatch):
    log, body = RequestLog(), b"x" * 1000
    monkeypatch.setattr(request_log, "_BYTES", 5_000)
    for _ in range(20):
        log.add(entry(log), Exchange(message({}, b""), message({}, body)))
    assert list(log.exchanges()) == [16, 17, 18, 19, 20]
    assert len(log) == 20
    # Nothing is copied.
    assert all(kept.answered.body is body for kept in log.exchanges().values())
    monkeypatch.setattr(request_log, "_EXCHANGES", 3)
    log.add(entry(log), Exchange(message({}, b""), None))
    assert list(log.exchanges()) == [19, 20, 21]
