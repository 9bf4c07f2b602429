"""What the client does with every kind of answer."""

from __future__ import annotations

import logging
import threading
from decimal import Decimal

import pytest

from clearbooks.client import Client
from clearbooks.errors import (
    ApiError,
    ForbiddenError,
    MethodNotAllowedError,
    NotAuthorisedError,
    NotFoundError,
    RejectedError,
    UnavailableError,
    UncertainError,
)
from tests.clearbooks.stub import DROP, connection, scripted

OK = (200, [{"id": 1}])
HTML = (200, b"<html><body>Log in, Mrs Miggins</body></html>")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Backoff without the time it takes; how long it waits is the library's business."""
    monkeypatch.setattr("backoff._sync.time.sleep", lambda _seconds: None)


def client(server, tmp_path, **more):
    return Client(connection(server, tmp_path, **more))


@pytest.mark.parametrize(
    "bad",
    [
        DROP,
        (500, [{"errorCode": "oops", "errorMessage": "try later"}]),
        (502, b"<html>Bad gateway</html>"),
        (503, b""),
        (408, b""),
        HTML,
        (200, b'[{"id": 1'),
        (200, b""),
        (200, b'[{"id": 1}]', {"X-Claim": "400"}),
    ],
    ids=str,
)
def test_a_read_is_tried_again(bad, tmp_path):
    with scripted(bad, bad, OK) as server, client(server, tmp_path, request_timeout=1) as c:
        assert c.get("listCustomers", business_id=1).json() == [{"id": 1}]
        assert len(server.asked) == 3


@pytest.mark.parametrize(
    "bad",
    [DROP, (500, []), (502, b"<html/>"), (201, b'{"id": 1'), (201, b"<html>hello</html>")],
    ids=str,
)
def test_a_write_is_never_sent_twice_where_it_may_have_been_carried_out(bad, tmp_path):
    with (
        scripted(bad, (201, {"id": 1})) as server,
        client(server, tmp_path) as c,
        pytest.raises(UncertainError),
    ):
        c.write("createCustomer", {}, {"name": "A"}, business_id=1)
    assert len(server.asked) == 1


def test_a_write_that_was_not_carried_out_is_sent_again(tmp_path):
    with (
        scripted((429, [], {"Retry-After": "0"}), (201, {"id": 1})) as server,
        client(server, tmp_path) as c,
    ):
        assert c.write("createCustomer", {}, {"name": "A"}).record() == {"id": 1}
        assert len(server.asked) == 2


def test_a_refused_connection_is_tried_again_and_then_told(tmp_path):
    with scripted(OK) as server:
        settings = connection(server, tmp_path, max_tries=3)
    with Client(settings) as c, pytest.raises(UnavailableError, match="listCustomers"):
        c.get("listCustomers")
    with Client(settings) as c, pytest.raises(UnavailableError):
        c.write("createCustomer", {}, {"name": "A"})


def test_no_content_is_an_empty_listing(tmp_path):
    with scripted((204, b"")) as server, client(server, tmp_path, max_tries=1) as c:
        assert c.get("listCustomers").json() == []


def test_json_behind_a_byte_order_mark(tmp_path):
    marked = (200, b'\xef\xbb\xbf[{"id": 1}]')
    with scripted(marked) as server, client(server, tmp_path) as api:
        assert api.get("listBusinesses").json() == [{"id": 1}]
        assert len(server.asked) == 1


def test_gives_up_after_max_tries(tmp_path):
    with (
        scripted((500, [{"errorCode": "x", "errorMessage": "down"}])) as server,
        client(server, tmp_path, max_tries=4) as c,
        pytest.raises(UnavailableError, match="HTTP 500 - x: down"),
    ):
        c.get("listCustomers")
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (
            400,
            [{"errorCode": "name", "errorMessage": "is missing"}],
            RejectedError,
            "name: is missing",
        ),
        (
            422,
            {
                "errors": [
                    {"errorCode": "a", "errorMessage": "b"},
                    {"errorCode": "c", "errorMessage": "d"},
                ]
            },
            RejectedError,
            "a: b; c: d",
        ),
        (409, {"errorCode": "dup", "errorMessage": "is there"}, RejectedError, "is there"),
        (403, [], ForbiddenError, "accounting.customers:read"),
        (404, b"<html>Not found, Mrs Miggins</html>", NotFoundError, "HTTP 404"),
    ],
)
def test_errors_carry_operation_status_and_the_words_of_the_api(
    status, body, error, words, tmp_path
):
    with scripted((status, body)) as server, client(server, tmp_path) as c:
        with pytest.raises(error) as caught:
            c.get("listCustomers")
        assert words in str(caught.value)
        assert "listCustomers" in str(caught.value)
        assert str(status) in str(caught.value)
        assert "Miggins" not in str(caught.value)
        assert len(server.asked) == 1


def test_neither_token_nor_body_reaches_a_log(tmp_path, caplog):
    caplog.set_level(logging.DEBUG, logger="clearbooks")
    with (
        scripted((200, b"<html>Mrs Miggins"), (500, b"Mrs Miggins"), OK) as server,
        client(server, tmp_path) as c,
    ):
        c.get("listCustomers")
    assert len(caplog.records) == 2
    assert "Miggins" not in caplog.text
    assert "token-1" not in caplog.text


def test_money_is_decimal_with_the_pennies_it_came_with(tmp_path):
    with scripted((200, b'[{"amount": 12.50, "id": 1}]')) as server, client(server, tmp_path) as c:
        amount = c.get("listPayments").json()[0]["amount"]
        assert (type(amount), str(amount)) == (Decimal, "12.50")
        c.write("createPayment", {}, {"amount": Decimal("10.10")})
        assert server.asked[-1][3] == b'{"amount":10.10}'


@pytest.mark.parametrize("body", [{"id": 7}, [{"id": 7}]])
def test_one_object_also_comes_as_an_array_of_one(body, tmp_path):
    with scripted((200, body)) as server, client(server, tmp_path) as c:
        assert c.get("getAccountCode", {"accountCodeId": 7}).record() == {"id": 7}


def test_the_business_is_named_and_parameters_are_encoded(tmp_path):
    with scripted(OK) as server, client(server, tmp_path) as c:
        c.get(
            "listSalesDocuments",
            {"salesType": "creditNotes", "page": 2, "sortBy": None},
            business_id=17,
        )
        document = {"salesType": "invoices", "salesId": 5}
        c.write("createSalesAttachment", {**document, "fileName": "a b/ü.pdf"}, b"%PDF")
    method, path, headers, _ = server.asked[0]
    assert (method, path) == ("GET", "/v1/accounting/sales/creditNotes?page=2")
    assert headers["X-Business-ID"] == "17"
    assert headers["Authorization"] == "Bearer token-1"
    method, path, headers, body = server.asked[1]
    assert path == "/v1/accounting/sales/invoices/5/attachments/a%20b%2F%C3%BC.pdf"
    assert headers["Content-Type"] == "application/octet-stream"
    assert body == b"%PDF"
    assert "X-Business-ID" not in headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_the_newer_revision_is_followed(status, tmp_path):
    newer = (status, b"", {"Location": "/v1/accounting/sales/invoices/9"})
    with scripted(newer, (200, {"id": 9})) as server, client(server, tmp_path) as c:
        reply = c.get("getSalesDocument", {"salesType": "invoices", "salesId": 5}, business_id=3)
        assert reply.record() == {"id": 9}
        assert server.asked[1][2]["X-Business-ID"] == "3"


def test_the_token_never_goes_to_another_host(tmp_path):
    with (
        scripted((200, {"id": 9})) as other,
        scripted((302, b"", {"Location": f"{other.url}/v1/steal"})) as server,
        client(server, tmp_path) as c,
        pytest.raises(ApiError, match="another host"),
    ):
        c.get("getSalesDocument", {"salesType": "invoices", "salesId": 5})
    assert other.asked == []


def test_redirects_that_lead_nowhere_end(tmp_path):
    loop = (302, b"", {"Location": "/v1/accounting/sales/invoices/5"})
    with scripted(loop) as server, client(server, tmp_path) as c:
        with pytest.raises(ApiError, match="too many redirects"):
            c.get("getSalesDocument", {"salesType": "invoices", "salesId": 5})
        assert len(server.asked) <= 12


def test_an_update_goes_on_with_patch_where_put_is_not_allowed(tmp_path):
    no_put = (405, b"", {"Allow": "GET, PATCH, DELETE"})
    with scripted(no_put, (200, {"id": 1})) as server, client(server, tmp_path) as c:
        c.write("updateCustomer", {"customerId": 1}, {"name": "B"})
        c.write("updateCustomer", {"customerId": 1}, {"name": "C"})
    assert [asked[0] for asked in server.asked] == ["PUT", "PATCH", "PATCH"]


def test_an_update_goes_on_with_patch_where_405_does_not_say_what_is_allowed(tmp_path):
    replies = (405, b""), (200, {"id": 1})
    with scripted(*replies) as server, client(server, tmp_path) as c:
        c.write("updateCustomer", {"customerId": 1}, {"name": "B"})
    assert [asked[0] for asked in server.asked] == ["PUT", "PATCH"]


def test_two_updates_at_once_both_go_on_with_patch(tmp_path):
    no_put = (405, b"", {"Allow": "PATCH"})
    with scripted(no_put, (200, {"id": 1})) as server, client(server, tmp_path) as c:
        send, first = c._send, threading.Event()

        def slowly(operation, *rest):
            try:
                return send(operation, *rest)
            except MethodNotAllowedError:
                # Another thread found it out between the answer and its reading.
                if not first.is_set():
                    first.set()
                    c._updates[operation.id] = "PATCH"
                raise

        c._send = slowly
        c.write("updateCustomer", {"customerId": 1}, {"name": "B"})
    assert [asked[0] for asked in server.asked] == ["PUT", "PATCH"]


@pytest.mark.parametrize("status", [301, 302, 303, 408])
def test_an_answer_that_does_not_tell_leaves_a_write_in_doubt(status, tmp_path):
    with scripted((status, b"", {"Location": "/v1/new"})) as server, client(server, tmp_path) as c:
        with pytest.raises(UncertainError):
            c.write("createCustomer", {}, {"name": "A"})
        assert len(server.asked) == 1


def test_gone_is_not_found(tmp_path):
    with (
        scripted((410, b"")) as server,
        client(server, tmp_path) as c,
        pytest.raises(NotFoundError),
    ):
        c.get("getCustomer", {"customerId": 1})


def test_a_given_access_token_that_is_refused_is_not_sent_again(tmp_path):
    with (
        scripted((401, [{"errorCode": "t", "errorMessage": "expired"}])) as server,
        client(server, tmp_path) as c,
        pytest.raises(NotAuthorisedError, match="expired") as caught,
    ):
        c.get("listCustomers")
    assert len(server.asked) == 1
    assert caught.value.exit_code == 5
    assert "token-1" not in str(caught.value)


def test_a_netrc_never_replaces_the_token(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with scripted(OK) as server, client(server, tmp_path) as c:
        c.get("listCustomers")
        assert server.asked[0][2]["Authorization"] == "Bearer token-1"


def test_a_429_holds_everybody(tmp_path, monkeypatch):
    limited = (429, [], {"Retry-After": "1"})
    with scripted(limited, OK) as server, client(server, tmp_path) as c:
        slept = []
        monkeypatch.setattr(c.pacer, "_sleep", slept.append)
        clock = iter(float(n) / 1000 for n in range(1, 10_000))
        start = c.pacer._clock()
        monkeypatch.setattr(c.pacer, "_clock", lambda: start + next(clock) + sum(slept))
        c.get("listCustomers")
        assert sum(slept) >= 0.99
        assert c.pacer.found().limited == 1


def test_an_answer_that_is_being_decoded_holds_up_no_request(tmp_path):
    with scripted(OK, OK, OK) as server, client(server, tmp_path, max_in_flight=2) as c:
        decoded = threading.Event()

        def ask(decode):
            c.get("listCustomers")
            return decode()

        for _ in range(c.connection.max_in_flight):
            c.executor.submit(ask, lambda: decoded.wait(30))
        try:
            assert c.executor.submit(ask, lambda: "sent").result(timeout=20) == "sent"
        finally:
            decoded.set()
