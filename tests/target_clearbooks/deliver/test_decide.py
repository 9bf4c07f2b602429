"""What is to become of a record, tried without a ledger, a store or a thread."""

from __future__ import annotations

from dataclasses import replace

import pytest

from target_clearbooks.deliver.decide import (
    Claim,
    Existing,
    Known,
    MayChange,
    Posted,
    Prepare,
    Resembling,
    decide,
)
from target_clearbooks.deliver.decision import Done, First, Hold, Leave, Send, Unchanged
from target_clearbooks.deliver.task import Task
from target_clearbooks.intent import (
    Intent,
    Mapped,
    Missing,
    Quarantined,
    Rejected,
    Waiting,
    WriteOperation,
)
from target_clearbooks.ledger.likeness import likeness
from target_clearbooks.store.ledger_map import Applied
from target_clearbooks.store.outbox import Row

BODY = {"customerId": 7, "date": "2024-05-01", "reference": "CB-AAAAAAAA", "lineItems": []}
CREATE = Intent(1, "sales_invoices", WriteOperation.CREATE, "I1", BODY, marker="CB-AAAAAAAA")
UPDATE = replace(CREATE, operation=WriteOperation.UPDATE, remote_id=5)
VOID = replace(CREATE, operation=WriteOperation.VOID, body=None, remote_id=5)
FEED = Intent(1, "bank_feeds", WriteOperation.CREATE, "F1", {"bankAccountId": 3})
STANDS = {"id": 5, **BODY}


def applied(**more):
    mapped = Mapped("sales_invoices", "I1", 5, voided=more.pop("voided", False))
    return Applied(mapped, more.pop("content", "hash"), more.pop("record", "other"))


def ask(known, *answers, stream="sales_invoices", **task):
    """The decision, after each question was of the kind that is answered."""
    steps = decide(Task(1, stream, "I1", {"a": 1}, "record", **task), known)
    answer = None
    for kind, following in answers:
        assert isinstance(steps.send(answer), kind)
        answer = following
    with pytest.raises(StopIteration) as end:
        steps.send(answer)
    return end.value.value


NEW = Known(None, None)
FREE = (Claim, True)


def test_what_came_before_is_not_even_prepared():
    assert ask(Known(None, applied(record="record"))) == Unchanged()


def test_nothing_is_sent_on_top_of_a_doubt():
    row = Row(1, "sales_invoices", "I1", {}, "", id=1, run="run", state="uncertain")
    assert ask(Known(row, applied())) == Leave(row)


def test_a_create():
    known = (Prepare, CREATE), FREE, (Existing, []), (Resembling, ([], False))
    assert ask(NEW, *known) == Send(CREATE, {})


def test_a_create_without_a_marker_is_compared_with_the_ledger_before_it_is_sent():
    unmarked = replace(CREATE, marker=None)
    known = (Prepare, unmarked), FREE, (Existing, []), (Resembling, ([], False))
    assert ask(NEW, *known) == Send(unmarked, None)


def test_the_content_is_the_same_though_the_record_is_spelled_otherwise():
    same = applied(content=UPDATE.hash)
    assert ask(Known(None, same), (Prepare, UPDATE)) == Unchanged(same)


def test_an_update_of_what_the_store_knows_is_sent_at_once():
    contact = replace(UPDATE, stream="customers")
    assert ask(Known(None, applied()), (Prepare, contact), FREE) == Send(contact, {})


def test_an_update_of_a_document_is_read_first():
    """It would void the revision there is."""
    assert ask(Known(None, applied()), (Prepare, UPDATE), FREE) == Send(UPDATE, None)


def line(**fields):
    return {"description": "Bell", "unitPrice": 10, "quantity": 1, **fields}


@pytest.mark.parametrize(
    ("change", "another"),
    [
        ({"customerId": 8, "lineItems": [line(description="Pump")]}, True),
        ({"customerId": 8, "lineItems": [line(unitPrice=11), line(quantity=2)]}, True),
        ({"customerId": 8, "lineItems": [line(unitPrice="10.00"), line(quantity=2)]}, False),
        ({"customerId": 8}, False),
        ({"lineItems": [line(description="Pump")]}, False),
    ],
)
def test_another_record_does_not_take_the_place_of_the_first(change, another):
    body = {**BODY, "lineItems": [line()]}
    known = Known(None, replace(applied(), likeness=likeness("sales_invoices", body)))
    update = replace(UPDATE, body={**body, **change})
    more = () if another else (FREE,)
    assert isinstance(ask(known, (Prepare, update), *more), Rejected if another else Send)
    apart = replace(known, namespaced=True)
    assert ask(apart, (Prepare, update), FREE) == Send(update, None)


def test_what_version_0_1_has_written_is_read_first():
    payment = Intent(1, "payments", WriteOperation.UPDATE, "P1", {"contactId": 7}, remote_id=5)
    mapped = Mapped("payments", "P1", 5)
    old = Known(None, Applied(mapped, "hash", "other", None))
    assert ask(old, (Prepare, payment), FREE, stream="payments") == Send(payment, None)
    new = Known(None, Applied(mapped, "hash", "other", {}))
    assert ask(new, (Prepare, payment), FREE, stream="payments") == Send(payment, {})


def test_a_tombstone_that_is_ignored_is_not_even_prepared():
    task = Task(1, "sales_invoices", "I1", {"_sdc_deleted_at": "2024-06-01"}, "record")
    with pytest.raises(StopIteration) as end:
        next(decide(task, Known(None, applied(), keeps_deleted=True)))
    assert end.value.value == Unchanged()


def test_an_update_of_what_a_person_named_is_read_first():
    named = Known(None, applied(content=None))
    assert ask(named, (Prepare, UPDATE), FREE) == Send(UPDATE, None)


def test_what_was_voided_is_made_anew():
    voided = Known(None, applied(voided=True))
    found = ask(voided, (Prepare, CREATE), FREE, (Existing, []), (Resembling, ([], False)))
    assert found == Send(CREATE, {})
    assert ask(voided, (Prepare, VOID)) == Unchanged(voided.applied)


LINES = [{"accountCodeId": 1, "amount": 10}, {"accountCodeId": 2, "amount": -10}]
JOURNAL = Intent(1, "journals", WriteOperation.CREATE, "J1", {"lines": LINES, "description": "May"})


def test_a_journal_is_reversed_before_it_is_posted_anew():
    mapped = Mapped("journals", "J1", 7)
    known = Known(None, Applied(mapped, "hash", "other"), replaces=True)
    journal = {"stream": "journals"}
    before = {**JOURNAL.body, "description": "April"}
    found = ask(known, (Prepare, JOURNAL), (Posted, before), **journal)
    assert isinstance(found, First)
    [step] = found.steps
    assert (step.source_key, step.takes_back) == ("undo:7:J1", True)
    assert [row["amount"] for row in step.intent.body["lines"]] == [-10, 10]
    # Where its lines are not kept, a person does it; nor is it done unasked.
    assert isinstance(ask(known, (Prepare, JOURNAL), (Posted, None), **journal), Rejected)
    unasked = replace(known, replaces=False)
    assert isinstance(ask(unasked, (Prepare, JOURNAL), (Posted, before), **journal), Rejected)
    # What was posted is that journal, with its lines in another order.
    same = {**JOURNAL.body, "lines": LINES[::-1]}
    assert ask(known, (Prepare, JOURNAL), (Posted, same), **journal) == Unchanged(known.applied)
    void = replace(JOURNAL, operation=WriteOperation.VOID, body=None, remote_id=7)
    asked = replace(known, replaces=False)
    assert isinstance(ask(asked, (Prepare, void), (Posted, JOURNAL.body), **journal), First)
    gone = replace(asked, applied=replace(known.applied, mapped=replace(mapped, voided=True)))
    assert ask(gone, (Prepare, void), **journal) == Unchanged(gone.applied)
    assert ask(gone, (Prepare, void), **journal, replaced=True) == Done({"id": 7}, "voided", void)


def test_what_a_person_voided_is_made_anew():
    anew = replace(CREATE, remote_id=None)
    more = (Existing, []), (Resembling, ([], False))
    found = ask(Known(None, applied()), (Prepare, UPDATE), FREE, *more, gone=True, replaced=True)
    assert found == Send(anew, {})


def test_others_come_first():
    assert ask(NEW, (Prepare, CREATE), (Claim, False)) == Hold()
    waiting = Waiting((("customers", "C1"),), ("no such customer",))
    assert ask(NEW, (Prepare, waiting), (MayChange, True)) == Hold()
    assert ask(NEW, (Prepare, waiting), (MayChange, False)) == waiting


def test_a_contact_is_made_first():
    missing = Missing((("customers", {"externalId": "C1"}),))
    assert ask(NEW, (Prepare, missing)) == missing


def test_what_carries_the_marker_is_adopted():
    found = ask(NEW, (Prepare, CREATE), FREE, (Existing, [STANDS]))
    assert isinstance(found, Done)
    assert (found.outcome, found.intent.operation) == ("adopted", WriteOperation.UPDATE)


def test_what_carries_the_marker_and_differs_is_updated():
    other = {**STANDS, "date": "2024-06-01"}
    found = ask(NEW, (Prepare, CREATE), FREE, (Existing, [other]))
    assert isinstance(found, Send)
    assert (found.intent.operation, found.intent.remote_id) == (WriteOperation.UPDATE, 5)


@pytest.mark.parametrize(
    ("there", "resembling"),
    [
        ([STANDS, {**STANDS, "id": 6}], None),
        ([], ([STANDS], False)),
        ([], ([STANDS, {**STANDS, "id": 6}], True)),
    ],
)
def test_what_nothing_tells_apart_is_set_aside(there, resembling):
    more = [] if resembling is None else [(Resembling, resembling)]
    found = ask(NEW, (Prepare, CREATE), FREE, (Existing, there), *more)
    assert isinstance(found, Quarantined)
    # All that tells it from another one; lines do not.
    assert found.candidates[0] == {k: v for k, v in STANDS.items() if not isinstance(v, list)}


def test_one_that_bears_its_reference_and_contents_is_it():
    resembling = (Resembling, ([STANDS], True))
    found = ask(NEW, (Prepare, CREATE), FREE, (Existing, []), resembling)
    assert (found.outcome, found.record) == ("adopted", STANDS)


def test_a_person_has_said_that_it_is_new():
    said = replace(NEW, new=True)
    assert ask(said, (Prepare, CREATE), FREE, (Existing, [])) == Send(CREATE, {})


@pytest.mark.parametrize(
    ("known", "kind"),
    [
        (replace(NEW, baseline=False), Quarantined),
        (NEW, Send),
        (replace(NEW, baseline=False, new=True), Send),
    ],
)
def test_the_first_bank_feed_of_a_store(known, kind):
    more = [] if known.new else [(Resembling, ([], False))]
    found = ask(known, (Prepare, FEED), FREE, (Existing, []), *more, stream="bank_feeds")
    assert isinstance(found, kind)


@pytest.mark.parametrize(
    ("mode", "intent", "words"),
    [
        ("update", CREATE, "is not there"),
        ("upsert", replace(FEED, operation=WriteOperation.UPDATE), "cannot be changed"),
        ("upsert", Intent(1, "businesses", WriteOperation.CREATE, "1", {}), "can only be updated"),
    ],
)
def test_what_the_settings_or_the_api_do_not_allow(mode, intent, words):
    found = ask(Known(None, applied(), mode=mode), (Prepare, intent))
    assert isinstance(found, Rejected)
    assert words in found.reasons[0]


def test_mode_create_changes_nothing():
    known = Known(None, applied(), mode="create")
    assert ask(known, (Prepare, UPDATE), FREE) == Unchanged()


def test_an_intent_of_a_plan_is_not_prepared_again():
    existing = (Existing, []), (Resembling, ([], False))
    found = ask(Known(None, applied()), FREE, *existing, intent=CREATE, fixed=True)
    assert found == Send(CREATE, {})
