"""Streams, operations and fields come from the contract, and a sample from the ledger."""

from clearbooks.contract import load_contract
from clearbooks_app.operations.coverage import coverage, sample
from clearbooks_app.operations.writing import write_records
from tap_clearbooks.streams import STREAMS
from target_clearbooks.writable import WRITABLE

from .conftest import message


def test_every_stream_is_covered_as_the_programs_have_it():
    found = {stream.name: stream for stream in coverage()}
    assert found.keys() == load_contract().resources.keys()
    assert {name for name, s in found.items() if s.tap} == set(STREAMS)
    assert {name for name, s in found.items() if s.target} == set(WRITABLE)
    fields = {f.name: f for f in found["customers"].fields}
    assert fields["name"].required
    assert fields["id"].read_only
    assert not fields["email"].required


def test_a_sample_is_the_newest_and_the_count_that_of_the_api(load, business):
    settings = load()
    write_records(
        settings,
        business,
        [message("customers", externalId=f"C-{n}", name=f"No {n}") for n in range(7)],
    )
    found = sample(settings, business, "customers", 3)
    assert found.count == 7
    ids = [row["id"] for row in found.rows]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 3


def test_what_cannot_be_listed_says_so(load, business):
    assert "cannot be listed" in sample(load(), business, "journals").error
    assert "cannot be listed" in sample(load(), business, "sales_attachments").error


def test_a_business_that_is_not_covered_is_told(load):
    assert sample(load(), 999, "customers").error
