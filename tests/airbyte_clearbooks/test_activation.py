"""Data activation: the objects that `discover` offers, and records of a warehouse in the ledger."""

import os
from decimal import Decimal

import pytest
from airbyte_protocol.models import AirbyteMessage, ConfiguredAirbyteCatalog
from jsonschema import Draft7Validator

from airbyte_clearbooks.operations import catalog, sync_modes
from airbyte_clearbooks.places import Places
from target_clearbooks.writable import WRITABLE
from tests.airbyte_clearbooks.conftest import INVOICES
from tests.airbyte_clearbooks.program import configured
from tests.airbyte_clearbooks.test_write import lines, record, state
from tests.ledger import ONE

LINE = {
    "description": "Work",
    "unitPrice": 10,
    "quantity": 1,
    "accountCode": "Revenue",
    "vatRate": "20%",
}
SALE = {
    "externalId": "S1",
    "customer": "Acme",
    "date": "2024-05-01",
    "vatTreatment": "UK",
    "reference": "SALE-1",
    "lineItems": [LINE],
}


def stream(name, target, mode, key=("externalId",), **more):
    """One stream of a configured catalog, as the platform makes it for data activation."""
    (made,) = configured(
        name,
        destination_sync_mode=mode,
        destination_object_name=target,
        primary_key=[[field] for field in key],
        **more,
    )["streams"]
    return made


def chosen(*streams):
    found = {"streams": list(streams)}
    ConfiguredAirbyteCatalog.model_validate(found)
    return found


def operations(run):
    message = run.one("DESTINATION_CATALOG")
    return {
        (o["object_name"], o["sync_mode"]): o for o in message["destination_catalog"]["operations"]
    }


def customers(books):
    return {c["id"]: c for c in books.do("listCustomers", query={"limit": 200})}


def stats(run):
    found = [m["state"]["destinationStats"] for m in run.of("STATE")]
    return [(s["recordCount"], s["rejectedRecordCount"]) for s in found]


class TestDiscover:
    def test_it_answers_one_catalog_at_once_and_asks_nobody(self, destination, books):
        began = os.times()
        run = destination("discover")
        used = sum(os.times()[2:4]) - sum(began[2:4])
        assert (run.code, [m["type"] for m in run.messages]) == (0, ["DESTINATION_CATALOG"])
        assert AirbyteMessage.model_validate_json(run.out).destination_catalog is not None
        assert {name for name, _ in operations(run)} == set(WRITABLE)
        assert not books.server.requests
        assert used < 1

    @pytest.mark.parametrize(
        ("name", "modes"),
        [
            ("businesses", ["update"]),
            ("customers", ["append", "append_dedup", "update"]),
            ("sales_invoices", ["append", "append_dedup", "update", "soft_delete"]),
            ("sales_allocations", ["append", "append_dedup", "soft_delete"]),
            ("bank_feeds", ["append"]),
            ("journals", ["append", "soft_delete"]),
        ],
    )
    def test_sync_modes_are_what_the_ledger_lets_be_done(self, name, modes):
        assert sync_modes(name) == modes

    def test_what_is_required_is_marked_and_matching_keys_are_offered(self, destination):
        found = operations(destination("discover"))
        contacts = found["customers", "append_dedup"]
        assert contacts["json_schema"]["required"] == ["name"]
        assert contacts["matching_keys"] == [
            ["externalId"],
            ["vatNumber"],
            ["companyNumber"],
            ["email"],
            ["name"],
        ]
        assert found["bank_accounts", "update"]["matching_keys"][1] == ["sortCode", "accountNumber"]
        sales = found["sales_invoices", "append"]
        assert sales["json_schema"]["required"] == [
            "externalId",
            "date",
            "vatTreatment",
            "lineItems",
        ]
        assert {"customer", "customer__email", "gross", "receipt"} <= set(
            sales["json_schema"]["properties"]
        )
        check = Draft7Validator(sales["json_schema"])
        assert list(check.iter_errors(SALE)) == []
        nobody = {name: value for name, value in SALE.items() if name != "customer"}
        assert len(list(check.iter_errors(nobody))) == 1
        assert list(check.iter_errors(nobody | {"customer__externalId": "C1"})) == []
        assert set(found["sales_invoices", "soft_delete"]["json_schema"]["properties"]) == {
            "externalId",
            "businessId",
        }

    def test_every_schema_is_one(self):
        for operation in catalog((), ())["operations"]:
            Draft7Validator.check_schema(operation["json_schema"])
            fields = operation["json_schema"]["properties"]
            assert set(operation["json_schema"]["required"]) <= set(fields)
            for key in operation.get("matching_keys", ()):
                assert set(key) <= set(fields)

    def test_a_configuration_narrows_it(self, destination):
        config = {**destination.config, "streams": ["bills"], "business_ids": [101, 102]}
        found = operations(destination("discover", config=config))
        assert {name for name, _ in found} == {"bills"}
        assert all("businessId" in o["json_schema"]["required"] for o in found.values())

    def test_a_wrong_setting_is_named(self, destination):
        run = destination("discover", config={**destination.config, "streams": ["cats"]})
        assert (run.code, run.of("DESTINATION_CATALOG")) == (2, [])
        assert "streams: ['cats'] not known" in run.errors[0]["message"]


class TestAppend:
    def test_it_creates_and_never_changes(self, destination, books):
        streams = chosen(stream("crm_accounts", "customers", "append"))
        first = record("crm_accounts", externalId="C1", name="New Ltd", phone="1")
        for phone in ("1", "2"):
            first["record"]["data"]["phone"] = phone
            run = destination(
                "write", catalog=streams, stdin=lines(first, state("crm_accounts", at=1))
            )
            assert run.code == 0, run.out
            assert stats(run) == [(1, 0)]
        (made,) = [c for c in customers(books).values() if c["name"] == "New Ltd"]
        assert made["phone"] == "1"

    def test_without_an_object_the_setting_decides(self, destination, books):
        plain = configured("customers", destination_sync_mode="append")
        for phone in ("1", "2"):
            one = record("customers", externalId="C1", name="New Ltd", phone=phone)
            assert destination("write", catalog=plain, stdin=lines(one)).code == 0
        (made,) = [c for c in customers(books).values() if c["name"] == "New Ltd"]
        assert made["phone"] == "2"


class TestMatchingKey:
    def write(self, destination, mode, key, *records):
        streams = chosen(stream("people", "customers", mode, key))
        text = lines(*(record("people", **r) for r in records), state("people", at=1))
        return destination("write", catalog=streams, stdin=text)

    def test_the_contact_of_that_key_is_updated(self, destination, books):
        before = customers(books)
        ((number, _),) = before.items()
        known = {"email": "ACME@example.com", "name": "acme", "phone": "020"}
        run = self.write(destination, "append_dedup", ("email",), known)
        assert (run.code, stats(run)) == (0, [(1, 0)])
        assert customers(books).keys() == before.keys()
        assert customers(books)[number]["phone"] == "020"

    def test_another_key_does_not_find_it(self, destination, books):
        run = self.write(
            destination,
            "append_dedup",
            ("email",),
            {"email": "new@example.com", "name": "Bell", "vatNumber": "GB111222333"},
        )
        assert run.code == 0
        run = self.write(
            destination,
            "update",
            ("companyNumber",),
            {"companyNumber": "0123", "name": "Bell", "vatNumber": "GB111222333", "phone": "5"},
        )
        assert (run.code, stats(run)) == (3, [(0, 1)])
        assert [c.get("phone") for c in customers(books).values() if c["name"] == "Bell"] == [None]

    def test_a_contradiction_wins_over_the_key(self, destination, books):
        run = self.write(
            destination,
            "append_dedup",
            ("email",),
            {"email": "acme@example.com", "name": "Zebra Crossings"},
        )
        assert run.code == 0
        assert sorted(c["name"] for c in customers(books).values()) == ["Acme", "Zebra Crossings"]

    def test_update_refuses_what_is_not_there_and_says_so(self, destination, books):
        run = self.write(
            destination,
            "update",
            ("email",),
            {"email": "acme@example.com", "name": "Acme", "phone": "1"},
            {"email": "nobody@example.com", "name": "Nobody"},
        )
        assert (run.code, stats(run)) == (3, [(1, 1)])
        (error,) = run.errors
        assert 'customers ["nobody@example.com"]: mode is update' in error["message"]
        assert any("nobody@example.com" in text for text in run.logs)
        assert [(c["name"], c["phone"]) for c in customers(books).values()] == [("Acme", "1")]

    def test_of_two_fields(self, destination, books):
        """In whatever order and spelling: the sandbox's own account is renamed."""
        bank = {"sortCode": "200000", "accountNumber": "12345678"}
        streams = chosen(stream("banks", "bank_accounts", "append_dedup", tuple(reversed(bank))))
        text = lines(record("banks", name="Main account", **bank))
        run = destination("write", catalog=streams, stdin=text)
        assert run.code == 0, run.out
        names = [b["name"] for b in books.do("listBankAccounts", query={"limit": 200})]
        assert names == ["Main account"]

    @pytest.mark.parametrize(
        ("target", "mode", "key", "words"),
        [
            ("customers", "append_dedup", ("phone",), "'phone' should be one of externalId, vat"),
            ("bills", "append_dedup", ("reference",), "'reference' should be one of externalId"),
            (
                "customers",
                "soft_delete",
                ("externalId",),
                "destination_sync_mode 'soft_delete' should be one of append, append_dedup, update",
            ),
            ("cats", "append", ("externalId",), "'cats' is not known"),
        ],
    )
    def test_what_is_not_offered_is_told(self, destination, books, target, mode, key, words):
        streams = chosen(stream("people", target, mode, key))
        run = destination("write", catalog=streams, stdin="")
        assert run.code == 2
        assert words in run.errors[0]["message"]
        assert not books.server.requests


def test_soft_delete_voids_what_was_written(destination, books):
    write = chosen(stream("orders", "sales_invoices", "append_dedup"))
    assert destination("write", catalog=write, stdin=lines(record("orders", **SALE))).code == 0
    assert len(books.sales()) == INVOICES + 1
    gone = chosen(stream("cancelled", "sales_invoices", "soft_delete"))
    text = lines(
        record("cancelled", externalId="S1"),
        record("cancelled", externalId="S2"),
        state("cancelled", at=1),
    )
    run = destination("write", catalog=gone, stdin=text)
    assert (run.code, stats(run)) == (3, [(1, 1)])
    assert "nothing of sales_invoices is known by the source key 'S2'" in run.errors[0]["message"]
    left = [s for s in books.sales() if s.get("reference") == "SALE-1" and s["status"] != "voided"]
    assert left == []


def test_several_streams_of_two_namespaces_go_into_one_object(destination, books):
    """Counts are those of each stream, and of its records: a payment may be two."""
    streams = chosen(
        stream("orders", "sales_invoices", "append"),
        stream("takings", "payments", "append_dedup"),
        stream("orders", "sales_invoices", "append_dedup"),
    )
    for item, space in zip(streams["streams"], ("shop", "shop", "web"), strict=True):
        item["stream"]["namespace"] = space

    def row(name, space, **data):
        made = record(name, **data)
        made["record"]["namespace"] = space
        return made

    def done(name, space, at):
        made = state(name, at=at)
        made["state"]["stream"]["stream_descriptor"]["namespace"] = space
        return made

    paid = {
        "externalId": "P1",
        "date": "2024-05-02",
        "amount": "12.00",
        "bankAccount": "Current account",
        "invoice": {"externalId": "S1"},
    }
    lost = {**paid, "externalId": "P2", "date": "yesterday"}
    run = destination(
        "write",
        catalog=streams,
        stdin=lines(
            row("orders", "shop", **SALE),
            row("orders", "web", **{**SALE, "externalId": "S2", "reference": "SALE-2"}),
            row("orders", "web", **{**SALE, "externalId": "S3", "vatTreatment": "Mars"}),
            row("takings", "shop", **paid),
            row("takings", "shop", **lost),
            done("orders", "shop", 1),
            done("orders", "web", 1),
            done("takings", "shop", 1),
        ),
    )
    assert run.code in {3, 4}, run.out
    assert stats(run) == [(1, 0), (1, 1), (1, 1)]
    made = {s["reference"]: Decimal(s["due"]) for s in books.sales() if s.get("reference")}
    assert (made["SALE-1"], made["SALE-2"]) == (0, 12)


def test_one_object_is_identified_in_one_way(destination):
    streams = chosen(
        stream("a", "customers", "append_dedup", ("email",)),
        stream("b", "customers", "append_dedup", ("vatNumber",)),
    )
    run = destination("write", catalog=streams, stdin="")
    assert run.code == 2
    assert "'a' and 'b' are written into it with different keys" in run.errors[0]["message"]


def test_a_flattened_reference_is_a_column(destination, books):
    flat = {name: value for name, value in SALE.items() if name != "customer"}
    streams = chosen(stream("orders", "sales_invoices", "append_dedup"))
    text = lines(record("orders", customer__email="acme@example.com", **flat))
    run = destination("write", catalog=streams, stdin=text)
    assert run.code == 0, run.out
    assert len(books.sales(ONE)) == INVOICES + 1


def test_places_are_forgotten_once_they_are_settled():
    places = Places()
    for first, name in ((1, "a"), (2, "b"), (5, "a")):
        places.begin(first, (name, None))
    assert [places.record_of(n) for n in (1, 2, 4, 5, 9)] == [
        (1, ("a", None)),
        (2, ("b", None)),
        (2, ("b", None)),
        (5, ("a", None)),
        (5, ("a", None)),
    ]
    places.forget(4)
    assert places.record_of(7) == (5, ("a", None))
