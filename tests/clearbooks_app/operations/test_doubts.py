"""What waits for a person is listed once, and each decision does what it says."""

import pytest

from clearbooks.errors import SettingError
from clearbooks_app.operations import doubts, identities
from clearbooks_app.operations.writing import write_records

from .conftest import invoice, message


def documents(sandbox, business):
    return sandbox.engine.books(business).documents("sales", "invoices", limit=100)


@pytest.fixture
def twins(load, business):
    """Two customers of one name, and an invoice that names it."""
    settings = load()
    customers = [
        message("customers", externalId="D-1", name="Twin Ltd", email="one@example.com"),
        message("customers", externalId="D-2", name="Twin Ltd", email="two@example.com"),
    ]
    assert write_records(settings, business, customers).exit_code == 0
    found = write_records(settings, business, [invoice("W-7", "Twin Ltd")])
    assert found.exit_code == 4
    assert [r["outcome"] for r in found.results] == ["quarantined"]
    return settings


def test_a_name_that_fits_several_is_chosen(twins, sandbox, business):
    (doubt,) = doubts.list_doubts(twins)
    assert (doubt.state, doubt.stream, doubt.key) == ("quarantined", "sales_invoices", "W-7")
    assert not doubts.is_the_record(doubt)
    chosen = doubt.candidates[1]["id"]
    done = doubts.choose(twins, doubt, str(chosen))
    assert [r["outcome"] for r in done.results] == ["written"]
    (document,) = documents(sandbox, business)
    assert document["customerId"] == chosen
    assert doubts.list_doubts(twins) == []
    assert doubts.count_doubts(twins) == {}


def test_what_is_dropped_waits_no_more(twins, sandbox, business):
    (doubt,) = doubts.list_doubts(twins)
    doubts.drop(twins, doubt)
    assert doubts.list_doubts(twins) == []
    assert documents(sandbox, business) == []
    with pytest.raises(SettingError, match="does not wait for anybody"):
        doubts.find_doubt(twins, doubt.id)


def test_a_write_in_doubt_is_the_record_or_is_sent_again(load, sandbox, business):
    settings = load(assume_new=True, max_tries=1)
    sandbox.faults.add("drop-after:1:method=POST,path=/accounting/bankFeeds,times=1")
    feed = message("bank_feeds", externalId="F-1", bankAccount="Current account")
    assert write_records(settings, business, [feed]).exit_code == 4
    (doubt,) = doubts.list_doubts(settings)
    assert doubt.sent
    assert doubts.is_the_record(doubt)
    assert doubts.choose(settings, doubt, "1") is None
    assert doubts.list_doubts(settings) == []
    (row,) = identities.known(settings, business, "bank_feeds")
    assert (row.external_id, row.id) == ("F-1", 1)


def test_a_reject_is_corrected_and_sent_again(load, sandbox, business):
    settings = load(create_missing=["customers"])
    write_records(settings, business, [invoice("W-8", "Ada Bell", account="Revnue")])
    (doubt,) = doubts.list_doubts(settings)
    assert doubt.state == "rejected"
    assert "Revenue" in doubt.reasons[0]
    assert doubts.count_doubts(settings) == {"rejected": 1}
    with pytest.raises(SettingError, match="externalId: identifies the record"):
        doubts.send(settings, doubt, {**doubt.record, "externalId": "other"})
    (line,) = doubt.record["lineItems"]
    corrected = {**doubt.record, "lineItems": [{**line, "accountCode": "Revenue"}]}
    done = doubts.send(settings, doubt, corrected)
    assert done.exit_code == 0
    assert len(documents(sandbox, business)) == 1
    assert doubts.list_doubts(settings) == []


def test_a_reject_that_is_refused_again_is_there_once(load, business):
    settings = load()
    write_records(settings, business, [invoice("W-9", "Nobody")])
    (first,) = doubts.list_doubts(settings)
    doubts.send(settings, first, first.record)
    (second,) = doubts.list_doubts(settings)
    assert second.id > first.id
    doubts.drop(settings, second)
    assert doubts.list_doubts(settings) == []


def test_without_a_store_nothing_waits(load):
    assert doubts.list_doubts(load()) == []
    assert doubts.count_doubts(load()) == {}
