"""Changes that hide behind each other, or leave no sign in a listing of several pages."""

from __future__ import annotations

import datetime as dt

import pytest

from clearbooks.paging import passes
from clearbooks_sandbox import AccountingEngine
from tests.ledger import ONE
from tests.tap_clearbooks.bookkeeper import TODAY, Bookkeeper
from tests.tap_clearbooks.copying import PAGE, Copy

NAMES = (
    "customers",
    "sales_invoices",
    "sales_credit_notes",
    "bills",
    "purchase_credit_notes",
    "expenses",
    "payments",
    "sales_allocations",
    "purchase_allocations",
    "transactions",
    "transaction_lines",
)
TODAYS, PRICED, ZERO, OLD = 0, 7, 1, 5  # numbers for `Bookkeeper.write`: age, and what it costs


class Books(Bookkeeper):
    """One business with three pages of invoices and bills, and the copy of it."""

    def __init__(self, directory, **settings):
        engine = AccountingEngine(None)
        engine.add_business("One")
        super().__init__(engine)
        self.new_contact(ONE, 0, 0)
        self.new_contact(ONE, 1, 0)
        for _ in range(3 * PAGE):
            self.write(ONE, "sales_invoices", TODAYS, PRICED)
            self.write(ONE, "bills", TODAYS, PRICED)
        self.copy = Copy(engine, directory, ((ONE,),), NAMES, **settings)

    def level(self):
        """Run the tap; what is wrong in the copy then."""
        self.copy.run()
        return self.copy.differences({})

    def made(self, stream, age=TODAYS, price=PRICED):
        return self.write(ONE, stream, age, price)["id"]

    def drafted(self, stream, age=TODAYS):
        title = "Sales" if stream == "sales_invoices" else "Purchase"
        kind = {"salesType": "invoices"} if title == "Sales" else {"purchaseType": "bills"}
        body = self.body(ONE, stream, age, PRICED)
        return self.engine.add_draft(
            f"create{title}Document", business_id=ONE, params=kind, body=body
        ).json()["id"]

    def delete(self, stream, number):
        self.on_document("delete", stream, number, business=ONE)


@pytest.fixture
def books(tmp_path):
    return Books(tmp_path)


def test_a_draft_that_is_deleted_does_not_explain_a_void(books):
    books.engine.dialects.on("voided-listed")
    invoice, draft = books.made("sales_invoices"), books.drafted("bills")
    assert not books.level()
    books.delete("bills", draft)
    books.delete("sales_invoices", invoice)
    assert not books.level()


def test_a_document_that_posts_nothing_does_not_explain_a_void(books):
    books.engine.dialects.on("voided-listed")
    invoice = books.made("sales_invoices")
    assert not books.level()
    books.made("bills", price=ZERO)
    books.delete("sales_invoices", invoice)
    assert not books.level()


def test_a_void_that_posts_nothing_where_voided_documents_are_listed(books):
    books.engine.dialects.on("voided-listed")
    zero = books.made("sales_invoices", price=ZERO)
    books.delete("sales_invoices", books.made("sales_invoices"))
    assert not books.level()
    books.delete("sales_invoices", zero)
    assert not books.level()
    asked = books.copy.asked
    assert not books.level()
    assert books.copy.asked < asked, "once voided it is not asked for again"


def test_a_draft_that_is_dated_before_start_date_leaves(tmp_path):
    books = Books(tmp_path, start_date=str(TODAY - dt.timedelta(days=30)))
    draft = books.drafted("sales_invoices")
    assert not books.level()
    books.on_document("update", "sales_invoices", draft, {"date": books.day(OLD)}, business=ONE)
    assert not books.level()


def test_a_draft_that_is_approved(books):
    draft = books.drafted("sales_invoices")
    assert not books.level()
    books.engine.approve_draft(ONE, "sales_invoices", draft)
    assert not books.level()


def test_a_void_while_start_date_moves_back(tmp_path):
    books = Books(tmp_path, start_date=str(TODAY - dt.timedelta(days=30)))
    invoice = books.made("sales_invoices")
    assert not books.level()
    books.delete("sales_invoices", invoice)
    books.copy.settings["start_date"] = str(TODAY - dt.timedelta(days=900))
    assert not books.level()


def test_a_void_takes_its_transaction_away_and_nothing_is_counted(books):
    books.engine.dialects.on("no-headers", "voids-remove")
    invoice = books.made("sales_invoices")
    assert not books.level()
    books.delete("sales_invoices", invoice)
    assert not books.level()


@pytest.mark.parametrize("most", range(20_000, 80_000, 6_000))
def test_a_row_that_a_killed_run_left_is_known(books, most):
    """Whatever a first run sent before it was killed can leave by the next run."""
    assert not books.copy.run(most_bytes=most)
    for stream in ("sales_invoices", "bills"):
        for _, number in list(books.copy.rows[stream]):
            books.delete(stream, number)
    assert not books.level()


@pytest.mark.parametrize("most", range(0, 8_000, 800))
def test_a_second_reading_that_is_killed_is_begun_again(books, monkeypatch, most):
    """Also where a reading can be taken up again from every page."""
    monkeypatch.setattr(passes, "MARK_SECONDS", -1)
    books.engine.dialects.on("voids-remove")
    invoice = books.made("sales_invoices", age=OLD)
    for _ in range(5 * PAGE):
        books.made("sales_invoices")
    assert not books.level()
    books.delete("sales_invoices", invoice)
    books.copy.run(most_bytes=books.copy.size - 40_000 + most)
    assert not books.level()
