"""`report_path` and `clearbooks syncs show RUN --html`: one run as a page of its own."""

import hashlib
import json
import re
import subprocess
import sys
from decimal import Decimal
from html import unescape

import pytest

from clearbooks.errors import SettingError
from tests.project.conftest import ROOT
from tests.target_clearbooks.conftest import (
    TWO,
    bill,
    customer,
    invoice,
    line,
    payment,
    schema,
    supplier,
)


def table(text, heading):
    """The rows of the table below a heading, as texts."""
    part = text.partition(f"<h2>{heading}</h2>")[2].partition("</table>")[0]
    rows = re.findall(r"<tr>(.*?)</tr>", part, re.DOTALL)
    found = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[unescape(re.sub("<[^>]+>", "", cell)) for cell in row] for row in found][1:]


@pytest.fixture
def page(run):
    def page(messages, code, **settings):
        path = run.directory / "report.html"
        assert run(messages, report_path=str(path), **settings) == code
        return path.read_text()

    return page


def test_what_was_done_and_what_was_not(page, run):
    bad = invoice("W-<2>", "C1", line(account="Revnue"))
    text = page([*TWO, customer(), invoice("W-1", "C1"), bad], 3)
    assert ["sales_invoices", "rejected", "1", "1"] in table(text, "Streams")
    (refused,) = table(text, "Open or refused")
    assert refused[:2] == ["sales_invoices W-<2>", "rejected"]
    assert "the nearest name is 'Revenue'" in refused[2]
    by_record = {row[0]: row for row in table(text, "Record by record")}
    assert by_record["sales_invoices W-1"][1:4] == ["written", "1", "INV000001"]
    assert "http" not in text
    assert "<script" not in text
    assert "W-<2>" not in text
    assert (run.directory / "report.html").stat().st_mode & 0o077 == 0


def test_what_was_written_is_added_up(page, run, command):
    messages = [
        *schema("customers", "sales_invoices", "suppliers", "bills", "payments", "journals"),
        customer(),
        supplier(),
        # 100.00 at 20 %, and 33.33 of which 6.67 is VAT; 9.99 without VAT.
        invoice("I1", "C1"),
        invoice("I2", "C1", line(price="33.33"), line(price="9.99", rate="0.00:Zero")),
        invoice("I3", "C1", line(price="50"), currency="USD", exchangeRate="1.25"),
        invoice("I4", "C1", line(account="Revnue")),
        bill("B1", "S1", line(price="10", account=2001001)),
        payment("P1", amount="120.00"),
    ]
    text = page(messages, 3)
    sums = [
        ["bills", "written", "GBP", "1", "10.00", "2.00", "12.00"],
        ["payments", "written", "GBP", "1", "120.00", "", ""],
        ["sales_invoices", "written", "GBP", "2", "143.32", "26.67", "169.99"],
        ["sales_invoices", "written", "USD", "1", "50.00", "10.00", "60.00"],
    ]
    assert table(text, "What it comes to") == sums
    # They are those of the ledger.
    gross = sum(Decimal(str(i["gross"])) for i in run.invoices() if i["currency"] == "GBP")
    assert str(gross) == "169.99"
    found = json.loads(command("syncs", "show", "latest", "--json"))["totals"]
    assert [list(map(str, row.values())) for row in found] == [
        [cell or "None" for cell in row] for row in sums
    ]

    # Changed: what it is now. Taken back: what it was. Unchanged: nothing.
    again = [invoice("I1", "C1", line(price="200")), invoice("I2", "C1", _operation="void")]
    text = page([*TWO, customer(), *again], 0)
    assert table(text, "What it comes to") == [
        ["sales_invoices", "updated", "GBP", "1", "200.00", "40.00", "240.00"],
        ["sales_invoices", "voided", "GBP", "1", "43.32", "6.67", "49.99"],
    ]


def test_the_chain_is_checked_as_the_documents_say(page, run):
    page([*TWO, customer(), invoice("W-<1>\t&", "C1")], 0)
    snippet = (ROOT / "docs" / "write.md").read_text().partition("<!-- chain -->")[2]
    program = re.search(r"```python\n(.*?)```", snippet, re.DOTALL)[1]
    path = run.directory / "report.html"

    def check():
        words = [sys.executable, "-c", program, path]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    *_, last = table(path.read_text(), "Chain of intents")
    assert check().stdout.strip() == last[-1]
    path.write_text(path.read_text().replace("<td>create</td>", "<td>update</td>", 1))
    assert "the chain is broken at intent 1" in check().stderr


def test_a_digest_depends_on_every_line_before_it(page):
    text = page([*TWO, customer(), invoice("W-1", "C1"), invoice("W-2", "C1")], 0)
    rows = table(text, "Chain of intents")
    assert len(rows) == 3
    digest = ""
    for row in rows:
        cells = "\t".join(row[:-1])
        digest = hashlib.sha256(f"{digest}{cells}".encode()).hexdigest()
        assert row[-1] == digest
    assert all(row[7] for row in rows)


def test_a_dry_run_says_what_it_plans(page, run):
    messages = [*TWO, customer(), invoice("W-1", "C1")]
    text = page(messages, 0, dry_run=True, plan_path=str(run.directory / "plan.jsonl"))
    assert ["sales_invoices", "to create", "1", "1"] in table(text, "Streams")
    (row,) = table(text, "What it comes to")
    assert row == ["sales_invoices", "to create", "GBP", "1", "100.00", "20.00", "120.00"]
    # An update comes to what it would be then.
    assert run(messages) == 0
    text = page(
        [*TWO, customer(), invoice("W-1", "C1", line(price="200"))],
        0,
        dry_run=True,
        plan_path=str(run.directory / "plan.jsonl"),
    )
    (row,) = table(text, "What it comes to")
    assert row == ["sales_invoices", "to update", "GBP", "1", "200.00", "40.00", "240.00"]


def test_a_file_that_cannot_be_written_is_told_before_anything_is_sent(run):
    with pytest.raises(SettingError, match="report_path: "):
        run([*TWO, customer()], report_path=str(run.directory))
    assert not [r for r in run.sandbox.requests if r.method == "POST"]


def test_the_command_makes_the_same_of_a_run_later(page, command):
    text = page([*TWO, customer(), invoice("W-1", "C1")], 0)
    name = re.search(r"<h1>Run ([\w-]+)</h1>", text)[1]
    assert command("syncs", "show", name, "--html") == text
