"""How a run behaves: STATE, exit codes, rejects, order, signals, the store."""

from __future__ import annotations

import base64
import io
import time

import pytest

from clearbooks.errors import ApiError, NotAuthorisedError, SettingError, UnavailableError
from target_clearbooks.deliver.reconcile import Reconciler
from target_clearbooks.line_faults import InputError
from target_clearbooks.target import TargetClearbooks
from tests.target_clearbooks.conftest import (
    FOUR,
    TWO,
    allocation,
    bill,
    book,
    check_book,
    customer,
    invoice,
    line,
    payment,
    record,
    schema,
    state,
    supplier,
)

# STATE and exit codes


def test_state_comes_out_although_a_later_record_fails(run):
    bad = invoice("I2", lineItems=[line(rate="99%")])
    assert run([*TWO, customer(), invoice(), state({"n": 1}), bad, state({"n": 2})]) == 3
    assert run.states[-1] == {"n": 2}
    [row] = run.rejects
    assert (row["class"], row["key"]) == ("invalid", "I2")
    assert "20.00:Standard" in " ".join(row["reasons"])


def test_state_stays_before_what_is_in_doubt(run):
    run.sandbox.faults.add("error:method=POST,path=/accounting/sales")
    code = run([*TWO, customer(), state({"n": 1}), invoice(), state({"n": 2})])
    assert code == 4
    assert run.states[-1] == {"n": 1}
    run.sandbox.faults.clear()
    assert run([]) == 0
    assert len(run.invoices()) == 1


def test_state_is_out_when_the_api_goes_away(run):
    run.sandbox.faults.plan("drop-before", method="GET", path="/accounting/bankAcc", times=99)
    with pytest.raises(ApiError):
        run([*schema("payments", "customers"), customer(), state({"n": 1}), payment()])
    assert run.states == [{"n": 1}]


def test_not_authorised(run):
    with pytest.raises(NotAuthorisedError) as caught:
        run([*TWO, customer()], access_token="wrong")
    assert caught.value.exit_code == 5


def test_refused_refresh_in_mid_run(run):
    run.sandbox.faults.plan("expire-tokens", nth=6)
    run.sandbox.faults.add("error:path=/oauth/token,nth=2,status=400")
    settings = {
        "access_token": None,
        "client_id": "sandbox",
        "client_secret": "sandbox-secret",
        "refresh_token": "sandbox-refresh-token",
    }
    with pytest.raises(NotAuthorisedError):
        run(book(2), **settings)
    run.sandbox.faults.clear()
    assert run(book(2)) == 0
    check_book(run, 2)


def test_refused_by_the_api_and_what_depends_on_it(run):
    run.sandbox.faults.plan("error", method="POST", path="/accounting/customers", status=422)
    code = run(
        [*TWO, customer("X"), customer("Y"), invoice("I1", "X"), invoice("I2", "Y")],
        max_rejects=2,
        max_in_flight=1,
    )
    assert code == 0
    assert [(r["stream"], r["key"], r["class"]) for r in run.rejects] == [
        ("customers", "X", "rejected"),
        ("sales_invoices", "I1", "blocked"),
    ]
    assert len(run.invoices()) == 1


def test_reject_file_is_piped_back_after_repair(run):
    wrong = invoice("I1", dateDue="soon", lineItems=[line(rate="99%"), line(account="Nowhere")])
    assert run([*TWO, customer(), wrong]) == 3
    [row] = run.rejects
    assert len(row["reasons"]) == 3
    row["record"] |= {"dateDue": "2024-06-01", "lineItems": [line()]}
    assert run([row]) == 0
    assert len(run.invoices()) == 1


def test_a_reject_file_that_was_cut_is_mended(run):
    path = run.directory / "rejects.jsonl"
    path.write_text('{"whole": 1}\n{"half": ')
    assert run([*TWO, customer(), invoice(date="x")]) == 3
    assert [row.get("key", row.get("whole")) for row in run.rejects] == [1, "I1"]


def test_one_key_twice_in_a_run(run):
    assert (
        run([*TWO, customer(), invoice(), customer(name="Second"), invoice(description="Second")])
        == 0
    )
    assert [c["name"] for c in run.customers()] == ["Second"]
    assert [d["description"] for d in run.invoices()] == ["Second"]


def test_several_businesses_in_one_run(run):
    other = run.sandbox.engine.add_business("Other Limited")
    messages = list(TWO)
    for number in (run.business, other):
        for message in (customer(), invoice()):
            message["record"]["businessId"] = number
            messages.append(message)
    assert run(messages, business_ids=[run.business, other]) == 0
    assert len(run.invoices()) == 1
    run.business = other
    assert len(run.invoices()) == 1
    assert run([*TWO, messages[-1]], business_ids=[101]) == 3
    assert "businessId: 102 is none of 101" in run.rejects[-1]["reasons"]


def test_on_reject_fail_ends_the_run(run):
    # Invoices that wait for their customer would begin together.
    assert run([*TWO, customer()]) == 0
    assert run([*TWO, invoice("I1", date="x"), invoice("I2")], on_reject="fail") == 3
    assert run.invoices() == []
    assert run([*TWO, invoice("I1", date="x")], on_reject="fail", max_rejects=9) == 3


def test_unknown_streams(run):
    messages = [*schema("customers"), customer(), *schema("nonsense"), record("nonsense", "1")]
    with pytest.raises(SettingError, match="there are: businesses, account_codes"):
        run(messages)
    assert run(messages, unknown_streams="ignore") == 0
    assert len(run.customers()) == 1


def test_stream_maps(run):
    messages = [
        *schema("clients"),
        record("clients", "C1", label="Ada", junk=1),
        record("clients", "C2", label="skip"),
    ]
    maps = {
        "clients": {
            "__alias__": "customers",
            "__filter__": "label != 'skip'",
            "__else__": None,
            "name": "label",
            "externalId": "externalId",
        }
    }
    messages[0]["schema"] = {
        "properties": {n: {"type": ["string", "null"]} for n in ("externalId", "label", "junk")}
    }
    assert run(messages, stream_maps=maps) == 0
    assert [c["name"] for c in run.customers()] == ["Ada"]


def test_key_properties_are_the_source_key(run):
    messages = [
        *schema("customers", keys=("businessId", "number")),
        {
            "type": "RECORD",
            "stream": "customers",
            "record": {"number": 7, "name": "Seven", "businessId": run.business},
        },
    ]
    for message in messages[1:]:
        message["record"].pop("number")
    assert run(messages) == 3
    assert "externalId" in run.rejects[0]["reasons"][0]


def test_bad_input(run):
    with pytest.raises(InputError, match="no JSON"):
        TargetClearbooks(config=run.config).run(io.StringIO("{oops\n"))
    assert run([{"type": "RECORD", "stream": "customers"}]) == 3
    assert run.rejects[0]["reasons"] == ["line 1: a RECORD message lacks record"]


# Order and lookups


def test_parents_may_come_later(run):
    messages = [
        *FOUR,
        allocation(),
        payment(),
        invoice(),
        customer(),
        state({"n": 1}),
    ]
    assert run(messages) == 0
    assert run.invoices()[0]["due"] == 0
    assert run.states == [{"n": 1}]


def test_waiting_is_kept_until_the_parent_comes(run):
    assert run([*TWO, invoice(), state({"n": 1})]) == 4
    assert run.states == [{"n": 1}]
    assert run([*TWO, customer()]) == 0
    assert len(run.invoices()) == 1


def test_missing_contacts_are_made_once(run):
    messages = [*TWO, *(invoice(f"I{i}", customer={"name": "New & Co"}) for i in range(5))]
    assert run(messages, create_missing=["customers"]) == 0
    assert [c["name"] for c in run.customers()] == ["New & Co"]
    assert len(run.invoices()) == 5


def test_lookups_cost_little(run):
    assert run([*TWO, customer()]) == 0
    run.sandbox.requests.clear()
    assert run([*TWO, *(invoice(f"I{i}") for i in range(100))]) == 0
    assert run.writes() == {("POST", "sales"): 100}
    assert len(run.sandbox.requests) < 115


def test_writes_go_in_flight_together(run):
    assert run([*TWO, customer()]) == 0
    run.sandbox.options.latency_ms = 60
    seconds = {}
    for depth in (1, 8):
        messages = [*TWO, *(invoice(f"D{depth}-{i}") for i in range(48))]
        begun = time.monotonic()
        assert run(messages, max_in_flight=depth) == 0
        seconds[depth] = time.monotonic() - begun
    assert seconds[8] < seconds[1] / 2
    assert len(run.invoices()) == 96


# Attachments


def test_attachments(run, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a b.pdf").write_bytes(b"%PDF bytes")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret.txt")

    def attach(key, **fields):
        return record("sales_attachments", key, invoice={"externalId": "I1"}, **fields)

    messages = [
        *TWO,
        *schema("sales_attachments"),
        customer(),
        invoice(),
        attach("1", fileName="a b.pdf", path="a b.pdf"),
        attach("2", fileName="b.txt", content=base64.b64encode(b"hello").decode()),
    ]
    run.sandbox.faults.plan("drop-after", method="POST", path="/accounting/sales/invoices/1/att")
    assert run(messages, attachments_dir=str(folder)) == 0
    number = run.invoices()[0]["id"]
    found = run.listed("listSalesAttachments", salesType="invoices", salesId=number)
    assert sorted((a["name"], a["size"]) for a in found) == [("a b.pdf", 10), ("b.txt", 5)]
    assert run(messages, attachments_dir=str(folder)) == 0
    outside = [
        *schema("sales_attachments"),
        *(
            attach(f"x{n}", fileName="x.txt", path=path)
            for n, path in enumerate(
                ("../secret.txt", "link", str(tmp_path / "secret.txt"), "/etc/passwd")
            )
        ),
        attach("u1", fileName="x.txt", url="http://example.com/x"),
        attach("u2", fileName="x.txt", url="https://127.0.0.1/x"),
        attach("u3", fileName="x.txt", url="https://localhost/x"),
    ]
    code = run(outside, attachments_dir=str(folder), attachment_hosts=["localhost"])
    assert code == 3
    assert len(run.rejects) == 7
    assert "private" in run.rejects[-1]["reasons"][0]
    assert len(run.listed("listSalesAttachments", salesType="invoices", salesId=number)) == 2


def test_both_sides(run):
    messages = [
        *schema("suppliers", "bills", "payments", "purchase_allocations"),
        supplier(),
        bill(),
        payment("P1", "S1", "-120.00", "supplier"),
        record(
            "purchase_allocations",
            "A1",
            bill={"externalId": "B1"},
            payment={"externalId": "P1"},
            amount="120.00",
        ),
    ]
    assert run(messages) == 0
    [found] = run.listed("listPurchaseDocuments", purchaseType="bills")
    assert found["due"] == 0


def test_of_many_businesses_those_are_opened_that_are_written_into(run, monkeypatch):
    monkeypatch.setattr("target_clearbooks.session._OPEN_AT_ONCE", 2)
    numbers = [run.business, *(run.sandbox.engine.add_business(f"No. {n}") for n in range(4))]
    messages = [*TWO, customer("C1", businessId=numbers[1]), customer("C2", businessId=numbers[3])]
    run.sandbox.requests.clear()
    assert run(messages, business_ids=[]) == 0
    assert {r.business for r in run.sandbox.requests} == {0, numbers[1], numbers[3]}
    wrong = customer("C3", businessId=99)
    assert run([*TWO, wrong, customer("C4")], business_ids=[]) == 3
    assert [r["reasons"] for r in run.rejects] == [
        [f"businessId: 99 is none of {', '.join(map(str, numbers))}"],
        [f"businessId: is needed, since there are several: {', '.join(map(str, numbers))}"],
    ]


def test_what_is_in_doubt_is_settled_also_in_many_businesses(run, monkeypatch):
    monkeypatch.setattr("target_clearbooks.session._OPEN_AT_ONCE", 0)
    run.sandbox.faults.plan("drop-after", method="POST", path="/accounting/customers")
    with monkeypatch.context() as patched:
        error = UnavailableError("listCustomers", 503)
        patched.setattr(Reconciler, "settle", lambda *_: (_ for _ in ()).throw(error))
        with pytest.raises(UnavailableError):
            run([*TWO, customer()])
    assert run([], business_ids=[]) == 0
    assert run.writes()["POST", "customers"] == 1
    assert len(run.customers()) == 1
