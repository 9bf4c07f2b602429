"""Contacts: the ladder of `match`, names of the UK, and what is never guessed."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearbooks.contract import load_contract
from target_clearbooks.intent import Intent, Missing, Quarantined, Waiting, WriteOperation
from target_clearbooks.ledger.spelling import closest, company_number, fold, normal_name, vat_number
from tests.target_clearbooks.prepared import bill, invoice


@pytest.mark.parametrize(
    "names",
    [
        ("Jones & Co Ltd", "JONES AND COMPANY LIMITED", "The Jones & Co. Ltd.", "jones  &co ltd"),
        ("Burlington Uniforms LTD", "Burlington Uniforms Limited"),
        ("Tesco PLC", "Tesco plc", "TESCO P.L.C.", "Tesco Public Limited Company"),
        ("Sainsbury's", "SAINSBURYS", "Sainsbury\u2019s"),
        ("B-Loony Ltd", "B LOONY LTD"),
        ("Burges Salmon LLP", "Burges Salmon Limited Liability Partnership"),
        ("Café Noir", "CAFE NOIR"),
        ("M.A.D. Consulting", "MAD Consulting"),
        ("Saint John Ambulance", "St. John Ambulance"),
    ],
)
def test_spellings_of_one_name(names):
    assert len({normal_name(name) for name in names}) == 1, [normal_name(n) for n in names]


@pytest.mark.parametrize(
    "names", [("Smith Ltd", "Smith"), ("Smith Ltd", "Smith plc"), ("Smith & Sons", "Smith Sons")]
)
def test_names_that_are_not_one(names):
    assert len({normal_name(name) for name in names}) == 2


@given(st.text(max_size=40))
def test_normalising_twice_changes_nothing(name):
    once = normal_name(name)
    assert normal_name(once) == once


@given(st.text(alphabet=st.sampled_from("abcXYZ &.,'-"), max_size=30))
def test_case_and_outer_spaces_never_matter(name):
    assert normal_name(f"  {name.upper()} ") == normal_name(name.lower())


def test_numbers():
    assert vat_number("GB 123 4567 89") == vat_number("123456789")
    assert company_number("01234567") == company_number("1234567")
    assert company_number("SC 123456") == "SC123456"


def test_nearest():
    assert closest("acount_code", ["accountCode", "description"]) == "accountCode"
    assert closest("zebra", ["accountCode"]) is None
    assert fold("Unit price") == fold("unit_price") == fold("unitPrice")


def contact(ledger, reference, **settings):
    return ledger.prepare("sales_invoices", invoice(reference), **settings)


def test_the_ladder(ledger):
    ids = {
        "externalId": ledger.customer("A", externalId="X1"),
        "vatNumber": ledger.customer("B", vatNumber="GB 111 2222 33"),
        "companyNumber": ledger.customer("C", companyNumber="00123456"),
        "email": ledger.customer("D", email="Bills@D.example"),
        "name": ledger.customer("E & Sons Limited"),
    }
    for reference, rung in (
        ({"external_id": "X1"}, "externalId"),
        ({"vatNumber": "111222233", "companyNumber": "99", "name": "B"}, "vatNumber"),
        ({"companyNumber": 123456}, "companyNumber"),
        ({"email": " bills@d.example "}, "email"),
        ({"name": "E AND SONS LTD"}, "name"),
        ("e & sons ltd.", "name"),
    ):
        outcome = contact(ledger, reference)
        assert isinstance(outcome, Intent), outcome
        assert outcome.body["customerId"] == ids[rung], rung


def test_match_sets_the_fields_that_count(ledger):
    number = ledger.customer("Other", email="a@b.example")
    both = {"name": "Same", "email": "a@b.example"}
    assert "customers 1 (Other) has another name" in ledger.faults("sales_invoices", invoice(both))
    assert contact(ledger, both, match=("email",)).body["customerId"] == number
    assert "no customer matches" in ledger.faults(
        "sales_invoices", invoice({"email": "a@b.example"}), match=("name",)
    )


def test_two_of_one_name_are_quarantined_with_both(ledger):
    ids = {ledger.customer("Twin Ltd"), ledger.customer("TWIN LIMITED")}
    outcome = contact(ledger, {"name": "Twin Ltd"})
    assert isinstance(outcome, Quarantined)
    assert {c["id"] for c in outcome.candidates} == ids
    assert "Twin Ltd" in outcome.reasons[0]
    assert "TWIN LIMITED" in outcome.reasons[0]


def test_a_second_key_tells_two_apart(ledger):
    ledger.customer("Jones Ltd", email="info@group.example")
    smith = ledger.customer("Smith Ltd", email="info@group.example")
    both = {"email": "info@group.example", "name": "SMITH LIMITED"}
    assert contact(ledger, both).body["customerId"] == smith
    assert isinstance(contact(ledger, {"email": "info@group.example"}), Quarantined)


def test_an_archived_one_steps_back(ledger):
    ledger.customer("Twin Ltd", archived=True)
    active = ledger.customer("Twin Ltd")
    assert contact(ledger, {"name": "Twin Ltd"}).body["customerId"] == active


def test_another_identity_is_somebody_else(ledger):
    ledger.customer("Twin Ltd", vatNumber="111")
    assert "no customer matches" in ledger.faults(
        "sales_invoices", invoice({"name": "Twin Ltd", "vatNumber": "222"})
    )
    second = ledger.customer("Twin Ltd", vatNumber="222")
    ledger.lookups.wrote("customers", {"id": second, "name": "Twin Ltd", "vatNumber": "222"})
    assert contact(ledger, {"name": "Twin Ltd", "vatNumber": "222"}).body["customerId"] == second


def test_a_name_alone_does_not_take_what_belongs_to_another_source_key(ledger):
    """Two of one name, or one customer under two keys: nothing tells."""
    first = ledger.customer("John Smith")
    ledger.map.set("customers", "1", first)
    second = {"externalId": "2", "name": "John Smith"}
    outcome = ledger.prepare("customers", second)
    assert isinstance(outcome, Quarantined)
    [candidate] = outcome.candidates
    assert (candidate["field"], candidate["id"], candidate["name"]) == (
        "record",
        first,
        "John Smith",
    )
    assert "belongs to '1'" in outcome.reasons[0]
    create = ledger.prepare("customers", second, on_ambiguous_contact="create")
    assert create.operation is WriteOperation.CREATE
    adopt = ledger.prepare("customers", second, on_ambiguous_contact="adopt")
    assert (adopt.operation, adopt.remote_id) == (WriteOperation.UPDATE, first)
    own = ledger.prepare("customers", {"externalId": "1", "name": "John Smith"})
    assert (own.operation, own.remote_id) == (WriteOperation.UPDATE, first)


@pytest.mark.parametrize(
    ("fields", "other", "outcome"),
    [
        # Name and another field agree: one customer who has an account at each checkout.
        ({"email": "jo@x.example"}, {"email": "JO@x.example"}, "shared"),
        ({"vatNumber": "GB 111"}, {"vatNumber": "111", "email": "new@x.example"}, "shared"),
        # A name alone.
        ({}, {"email": "jo@x.example"}, "set aside"),
        ({"email": "jo@x.example"}, {"email": "n/a"}, "set aside"),
        # A contradiction: somebody else.
        ({"email": "jo@x.example"}, {"email": "jo@y.example"}, "made"),
        ({"email": "jo@x.example", "vatNumber": "1"}, {"vatNumber": "2"}, "made"),
        ({"companyNumber": "0123"}, {"companyNumber": "124"}, "made"),
    ],
)
def test_who_may_share_a_contact(ledger, fields, other, outcome):
    first = ledger.customer("Jo Blogs", externalId="1", **fields)
    ledger.map.set("customers", "1", first)
    found = ledger.prepare("customers", {"externalId": "2", "name": "JO BLOGS", **other})
    if outcome == "set aside":
        assert isinstance(found, Quarantined)
    elif outcome == "made":
        assert found.operation is WriteOperation.CREATE
    else:
        assert (found.operation, found.remote_id) == (WriteOperation.UPDATE, first)
        # The contact keeps the key of the first once both have it.
        ledger.map.set("customers", "2", first)
        again = ledger.prepare("customers", {"externalId": "2", "name": "JO BLOGS", **other})
        assert "externalId" not in again.body


@pytest.mark.parametrize("field", ["email", "vatNumber", "companyNumber"])
@pytest.mark.parametrize("value", ["N/A", "none", "-", " n.a. ", "NULL", "0000"])
def test_a_placeholder_identifies_nobody(ledger, field, value):
    ledger.supplier("First Ltd", **{field: value})
    record = {"externalId": "2", "name": "Second Ltd", field: value}
    assert ledger.prepare("suppliers", record).operation is WriteOperation.CREATE
    reference = {"name": "Second Ltd", field: value}
    outcome = ledger.prepare("bills", bill(reference), create_missing=("suppliers",))
    assert isinstance(outcome, Missing)


@pytest.mark.parametrize("shared", ["email", "vatNumber"])
def test_an_address_or_number_alone_takes_nobody_over(ledger, shared):
    """The mailbox of an agent, the VAT number of a group."""
    value = {"email": "accounts@agent.example", "vatNumber": "GB123456789"}[shared]
    north = ledger.customer("North Hall Ltd", **{shared: value})
    south = {"name": "South Hall Ltd", shared: value}
    assert (
        ledger.prepare("customers", {"externalId": "B", **south}).operation is WriteOperation.CREATE
    )
    assert f"customers {north} (North Hall Ltd) has another name" in ledger.faults(
        "sales_invoices", invoice(south)
    )
    made = contact(ledger, south, create_missing=("customers",))
    assert isinstance(made, Missing)
    [(stream, record)] = made.parents
    ledger.map.set(stream, record["externalId"], 900)
    # Another one of that mailbox is another contact.
    made = contact(ledger, {**south, "name": "West Hall Ltd"}, create_missing=("customers",))
    assert isinstance(made, Missing)


def test_the_ledgers_own_external_id_counts_like_the_map(ledger):
    """The state store was lost, or another one has written it."""
    first = ledger.customer("Jo Blogs", externalId="1")
    assert isinstance(
        ledger.prepare("customers", {"externalId": "2", "name": "Jo Blogs"}), Quarantined
    )
    renamed = ledger.prepare("customers", {"externalId": "1", "name": "Jo Smith"})
    assert (renamed.operation, renamed.remote_id) == (WriteOperation.UPDATE, first)


def test_two_that_may_be_meant_by_a_reference(ledger):
    ledger.customer("Twin Ltd")
    ledger.customer("Twin Ltd", email="two@x.example")
    settings = {"create_missing": ("customers",)}
    assert isinstance(contact(ledger, "Twin Ltd", **settings), Quarantined)
    adopt = contact(ledger, "Twin Ltd", on_ambiguous_contact="adopt")
    assert adopt.body["customerId"] == 1
    settings["on_ambiguous_contact"] = "create"
    made = contact(ledger, "Twin Ltd", **settings)
    assert isinstance(made, Missing)
    ledger.map.set("customers", made.parents[0][1]["externalId"], 3)
    assert contact(ledger, "Twin Ltd", **settings).body["customerId"] == 3


def test_a_contact_that_stands_already_is_adopted(ledger):
    number = ledger.supplier("Supplies Limited")
    outcome = ledger.prepare("suppliers", {"externalId": "S", "name": "SUPPLIES LTD"})
    assert (outcome.operation, outcome.remote_id, outcome.adopted) == (
        WriteOperation.UPDATE,
        number,
        "name",
    )


def test_the_map_comes_first(ledger):
    ledger.customer("A", externalId="K")
    ledger.map.set("customers", "K", 4711)
    assert contact(ledger, {"externalId": "K"}).body["customerId"] == 4711


def test_the_kinds_are_kept_apart(ledger):
    ledger.customer("Both Ltd")
    supplier = ledger.supplier("Both Ltd")
    assert ledger.body("bills", bill("Both Ltd"))["supplierId"] == supplier
    record = {
        "externalId": "P",
        "date": "2024-03-01",
        "description": "x",
        "amount": "-5",
        "contact": "Both Ltd",
        "bankAccount": "Current account",
    }
    outcome = ledger.prepare("payments", record)
    assert isinstance(outcome, Quarantined)
    assert {c["stream"] for c in outcome.candidates} == {"customers", "suppliers"}


def test_the_nearest_name_and_the_way_out_are_told(ledger):
    ledger.customer("Wilkinson Limited")
    text = ledger.faults("sales_invoices", invoice({"name": "Wilkinsen Ltd"}))
    assert "the nearest name is 'Wilkinson Limited'" in text
    assert "create_missing: [customers] would make it" in text


def test_a_source_key_that_is_not_there_waits(ledger):
    assert isinstance(contact(ledger, {"externalId": "K"}), Waiting)


def test_what_the_run_makes_is_found(ledger):
    assert "no customer matches" in ledger.faults("sales_invoices", invoice("New Ltd"))
    ledger.lookups.wrote("customers", {"id": 900, "name": "New Limited", "email": None})
    assert contact(ledger, "NEW LTD").body["customerId"] == 900
    ledger.lookups.wrote("customers", {"id": 900, "name": "Renamed"}, replaces=900)
    assert "no customer matches" in ledger.faults("sales_invoices", invoice("New Ltd"))
    assert contact(ledger, "renamed").body["customerId"] == 900
    assert ledger.client.asked["listCustomers"] == 1


def test_fields_of_a_contact(ledger):
    outcome = ledger.prepare(
        "customers",
        {
            "externalId": 12,
            "Name": "A",
            "contact_name": {"forenames": "Ann"},
            "address": {"countryCode": "gb", "postcode": "SW1A 1AA"},
            "archived": "false",
        },
        key="12",
    )
    assert outcome.body == {
        "externalId": "12",
        "name": "A",
        "contactName": {"forenames": "Ann"},
        "address": {"countryCode": "GB", "postcode": "SW1A 1AA"},
        "archived": False,
    }
    text = ledger.faults("customers", {"name": " ", "address": {"countryCode": "XX", "town": 5.5}})
    assert "name: is required" in text
    assert "address.countryCode: 'XX' should be" in text


@pytest.mark.parametrize("code", ["ZZ", "GBR", "Albion", "EU", "Korea", "-"])
def test_a_country_that_there_is_not(ledger, code):
    text = ledger.faults("suppliers", {"name": "A", "address": {"countryCode": code}})
    assert text.startswith(f"address.countryCode: {code!r} should be an ISO 3166 code")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("UK", "GB"),
        ("U.K.", "GB"),
        ("United Kingdom", "GB"),
        ("ENGLAND", "GB"),
        ("Northern Ireland", "GB"),
        ("England & Wales", "GB"),
        ("Great Britain", "GB"),
        ("Ireland", "IE"),
        ("USA", "US"),
        ("The Netherlands", "NL"),
        ("Korea (South)", "KR"),
        ("South Korea", "KR"),
        ("Türkiye", "TR"),
        ("Saint Lucia", "LC"),
        ("Antigua and Barbuda", "AG"),
        ("Germany", "DE"),
    ],
)
def test_a_country_by_its_name(ledger, name, code):
    body = ledger.body("suppliers", {"name": "A", "address": {"countryCode": name}})
    assert body["address"] == {"countryCode": code}


@pytest.mark.parametrize("code", ["an", "XK", " fr ", "SS"])
def test_a_country_of_today_or_of_yesterday(ledger, code):
    record = {"externalId": "1", "name": "A", "address": {"countryCode": code}}
    body = ledger.body("suppliers", record)
    assert body["address"] == {"countryCode": code.strip().upper()}


def test_only_what_the_contract_permits_is_sent(ledger):
    """What a tap reads of a contact, and what other systems hold of one."""
    permitted = set(load_contract().resources["customers"].write_schema("create")["properties"])
    assert permitted == {
        "name",
        "email",
        "phone",
        "contactName",
        "address",
        "vatNumber",
        "companyNumber",
        "externalId",
        "archived",
    }
    record = {
        "id": 7,
        "externalId": "1",
        "businessId": ledger.business,
        "name": "A",
        "phone": "1",
        "archived": False,
        "_sdc_table_version": 5,
    }
    assert set(ledger.body("customers", record)) == {"externalId", "name", "phone", "archived"}
    text = ledger.faults("customers", {**record, "website": "x", "address": {"zip": "y"}})
    assert "website: unknown field" in text
    assert "address.zip: unknown field" in text


def test_an_older_account_is_not_sent_external_ids(ledger):
    record = {"externalId": "12", "name": "A"}
    assert ledger.body("customers", record) == {"externalId": "12", "name": "A"}
    assert ledger.body("customers", record, match=("vatNumber", "name")) == {"name": "A"}


def test_real_suppliers_under_many_spellings(ledger):
    path = Path(__file__).parents[3] / "clearbooks_sandbox" / "demo" / "data"
    files = [p for p in path.iterdir() if "spend" in p.name]
    assert files, "the demo brings the authority's file"
    with files[0].open(encoding="utf-8", newline="") as lines:
        names = {row["Vendor"].strip() for row in csv.DictReader(lines)} - {""}
    spellings = {}
    for name in names:
        spellings.setdefault(normal_name(name), set()).add(name)
    several = {k: v for k, v in spellings.items() if len(v) > 1}
    assert several
    for kept, found in several.items():
        number = ledger.supplier(min(found))
        ledger.lookups.wrote("suppliers", {"id": number, "name": min(found)})
        for name in found:
            assert ledger.body("bills", bill({"name": name}))["supplierId"] == number, kept
