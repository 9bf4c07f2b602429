"""`report_path` and `clearbooks syncs show RUN --html`: one run as a page of its own."""

import hashlib
import re
from html import unescape

import pytest

from clearbooks.errors import SettingError
from tests.target_clearbooks.conftest import customer, invoice, line, schema

TWO = schema("customers", "sales_invoices")


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
    assert row[:2] == ["sales_invoices", "GBP"]


def test_a_file_that_cannot_be_written_is_told_before_anything_is_sent(run):
    with pytest.raises(SettingError, match="report_path: "):
        run([*TWO, customer()], report_path=str(run.directory))
    assert not [r for r in run.sandbox.requests if r.method == "POST"]


def test_the_command_makes_the_same_of_a_run_later(page, command):
    text = page([*TWO, customer(), invoice("W-1", "C1")], 0)
    name = re.search(r"<h1>Run ([\w-]+)</h1>", text)[1]
    assert command("syncs", "show", name, "--html") == text
