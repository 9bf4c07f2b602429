"""What a source calls things: what fits nothing is found, and what it stands for is kept."""

import json

import pytest

from clearbooks.errors import SettingError
from clearbooks_app.operations import names
from clearbooks_app.operations.writing import write_records

from .conftest import invoice, message


def test_names_of_refused_records_stand_beside_the_nearest(load, business):
    settings = load(create_missing=["customers"])
    write_records(settings, business, [invoice("W-1", "Ada Bell", account="Revnue")])
    by_kind = {n.kind: n for n in names.naming(settings, business, ("accountCode", "customer"))}
    accounts = by_kind["accountCode"]
    assert accounts.unknown["Revnue"].name == "Revenue"
    assert {c.name for c in accounts.choices} >= {"Revenue"}
    assert by_kind["customer"].unknown == {"Ada Bell": None}


def test_a_name_that_is_only_somewhat_alike_is_left_open(load, business):
    names_of = {"accountCode": ["Telephones", "Pest control"]}
    found = names.unknown_names(load(), business, names_of)["accountCode"]
    assert found["Telephones"].name == "Telephone"
    assert found["Pest control"] is None


def test_a_vat_rate_is_found_in_the_name_that_another_program_has_for_it(load, business):
    given = ["20% (VAT on Income)", "Zero Rated Income", "0% exempt", "T1", "0 %", "Manual"]
    found = names.unknown_names(load(), business, {"vatRate": given})["vatRate"]
    assert {name: near and near.value for name, near in found.items()} == {
        "20% (VAT on Income)": "20.00:Standard",
        "Zero Rated Income": "0.00:Zero",
        "0% exempt": "0.00:Exempt",
        "T1": None,
    }


def test_what_was_mapped_is_used_by_the_target(load, home, business):
    settings = load(create_missing=["customers"])
    (revenue,) = (
        c
        for c in names.ledger_names(settings, business, ["accountCode"])["accountCode"]
        if c.name == "Revenue"
    )
    path = home / "references.json"
    names.save_names(path, {}, "accountCode", {"4000": revenue.value, "x": "Revenue"})
    names.save_names(path, names.read_references(path), "accountCode", {"x": None})
    assert json.loads(path.read_text()) == {"references": {"accountCode": {"4000": revenue.value}}}
    settings = load(create_missing=["customers"], references=names.read_references(path))
    done = write_records(settings, business, [invoice("W-1", "Ada Bell", account="4000")])
    assert done.exit_code == 0
    (accounts,) = names.naming(settings, business, ("accountCode",))
    assert accounts.mapped == {"4000": revenue.value}


def test_vat_is_known_by_key_name_and_percentage(load, business):
    settings = load(create_missing=["customers"])
    record = invoice("W-1", "Ada Bell", account="Nowhere")["record"]
    for rate in ("20%", "20.00:Standard", "Standard", "17%"):
        record["lineItems"].append({**record["lineItems"][0], "vatRate": rate})
    write_records(settings, business, [message("sales_invoices", **record)])
    (rates,) = names.naming(settings, business, ("vatRate",))
    assert list(rates.unknown) == ["17%"]
    found = [choice.value for choice in rates.choices]
    assert len(found) == len(set(found)) > 1
    assert "20.00:Standard" in found


def test_the_last_name_of_a_kind_goes_with_it(home):
    path = home / "references.json"
    names.save_names(path, {"customer": {"A": 1}}, "customer", {"A": None})
    assert names.read_references(path) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [("[]", "should hold"), ("{", "not JSON"), ('{"references": {"colour": {}}}', "colour")],
)
def test_a_file_that_is_none(home, text, words):
    path = home / "references.json"
    path.write_text(text)
    with pytest.raises(SettingError, match=words):
        names.read_references(path)


def test_an_unknown_kind_is_refused(home):
    with pytest.raises(SettingError, match="colour: should be one of accountCode"):
        names.save_names(home / "r.json", {}, "colour", {"a": 1})


def test_names_are_found_wherever_they_stand():
    record = message("bills", supplier={"name": "Acme"}, lineItems=[{"accountCode": 12}])
    found = dict(names.names_in(record["record"]))
    assert found == {"supplier": "Acme", "accountCode": "12"}
