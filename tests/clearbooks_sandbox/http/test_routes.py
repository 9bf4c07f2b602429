"""Paths, methods, content types and bodies that are refused."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nothing",
        "/accounting/customers/",
        "/accounting/customers/1/x",
        "/accounting/customers/abc",
        "/accounting/sales/foo",
    ],
)
def test_unknown_paths_are_404(http, ledger, path):
    answer = http("GET", path)
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["errorCode"] == "NOT_FOUND"


def test_other_methods_are_405_with_allow(http, ledger):
    answer = http("PATCH", "/accounting/customers/1")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "DELETE, GET, PUT")
    assert http("DELETE", "/accounting/journals").headers["Allow"] == "POST"


def test_wrong_content_types_are_415(http, ledger):
    assert http("POST", "/accounting/customers", data={"name": "x"}).status_code == 415
    ledger.sale(ledger.customer())
    path = "/accounting/sales/invoices/1/attachments/x.txt"
    assert http("POST", path, files={"file": b"x"}).status_code == 415


def test_bodies_that_are_no_json(http, ledger):
    for body in (b"", b"{", b"[1]", b"null", b"\xff", b'{"name": "\\ud800"}', b"[" * 5000):
        headers = {"Content-Type": "application/json"}
        answer = http("POST", "/accounting/customers", data=body, headers=headers)
        assert answer.status_code == 400, body[:9]
