"""Statements of banks: the day in London, the encoding they have, the very amount, one account."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from clearbooks_files.errors import FileError
from clearbooks_files.layout import Layout
from clearbooks_files.readers import read_rows
from tests.clearbooks_files.conftest import SAMPLES

OFX = SAMPLES["statement.ofx"].read_bytes()
CAMT = SAMPLES["statement.xml"].read_bytes()
CAFE = "CAFÉ ROUGE & CO"


@pytest.fixture
def rows(tmp_path):
    def call(content, name, layout=None):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return [row.cells for row in read_rows(path, layout or Layout())]

    return call


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("20260701", 1),
        ("20260701000000[+1:BST]", 1),
        ("20260630233000[0:GMT]", 1),
        ("20260630235959", 30),
        ("20260630225959.000[0:GMT]", 30),
    ],
)
def test_a_moment_of_ofx_is_its_day_in_london(rows, moment, day):
    found = rows(OFX.replace(b"<DTPOSTED>20260430<", f"<DTPOSTED>{moment}<".encode()), "a.ofx")
    assert found[0]["Date"].day == day


@pytest.mark.parametrize(
    ("moment", "day"), [("2026-06-30T23:30:00Z", 1), ("2026-06-30T23:30:00", 30)]
)
def test_a_moment_of_camt_is_its_day_in_london(rows, moment, day):
    element = b"<BookgDt><Dt>2026-04-30</Dt></BookgDt>"
    assert element in CAMT
    instead = f"<BookgDt><DtTm>{moment}</DtTm></BookgDt>".encode()
    assert rows(CAMT.replace(element, instead, 1), "a.xml")[0]["Date"].day == day


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("named", ["USASCII 1252", "UTF-8 NONE", "UNICODE NONE"])
def test_ofx_is_read_in_the_encoding_that_it_has(rows, encoding, named):
    first, second = named.encode().split()
    text = OFX.replace(b"USASCII", first).replace(b"CHARSET:1252", b"CHARSET:" + second)
    found = rows(text.decode("cp1252").encode(encoding), "a.ofx")
    assert found[0]["Name"] == CAFE


@pytest.mark.parametrize(
    ("text", "amount"), [("-45,10", "-45.10"), ("-1,045.10", None), ("£45.10", None)]
)
def test_an_amount_of_ofx_has_nothing_between_its_thousands(rows, text, amount):
    content = OFX.replace(b"-45.10", text.encode())
    if amount:
        assert rows(content, "a.ofx")[0]["Amount"] == Decimal(amount)
        return
    with pytest.raises(FileError, match=r"^a.ofx row 1, TRNAMT: '.*' is not an amount such as"):
        rows(content, "a.ofx")


def qif(*entries, kind="Bank"):
    return f"!Type:{kind}\n" + "".join(f"{entry}\n^\n" for entry in entries)


@pytest.mark.parametrize(
    ("text", "amount"), [("£1,234.50", "1234.50"), ("(12.00)", "-12"), ("12.00-", "-12")]
)
def test_an_amount_of_qif_keeps_its_sign(rows, text, amount):
    [found] = rows(qif(f"D30/04/2026\nT{text}\nPAda"), "a.qif")
    assert (found["Amount"], found["Date"]) == (Decimal(amount), dt.date(2026, 4, 30))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (qif("D30/04/2026\nT1.234,50\nPAda"), "line 3: '1.234,50' is not a number"),
        (qif("D30/04/2026\nPAda"), r"line 2: the entry has no amount \(T\)"),
        (qif("D30/04/2026\nT-1.00") + "D01/05/2026\nT-12", r"line 5: the entry has no end \(\^\)"),
        (qif("D01/07/2026\nT1", "D04/30/2026\nT1"), "line 5: the date '04/30/2026' has its month"),
    ],
    ids=["number", "no amount", "cut off", "month first"],
)
def test_qif_that_would_be_guessed_at_is_refused(rows, content, words):
    with pytest.raises(FileError, match=f"^a.qif {words}"):
        rows(content, "a.qif")


def test_dates_of_qif_with_the_month_first(rows):
    layout = Layout(day_first=False)
    [found] = rows(qif("D04/30/2026\nT1"), "a.qif", layout)
    assert found["Date"] == dt.date(2026, 4, 30)
    with pytest.raises(FileError, match="has its day first"):
        rows(qif("D30/04/2026\nT1"), "a.qif", layout)


def test_lists_of_categories_in_qif_are_no_transactions(rows):
    content = "!Type:Cat\nNWages\nDWhat is earned\nT\nI\n^\n" + qif("D30/04/2026\nT1")
    assert [found["Amount"] for found in rows(content, "a.qif")] == [1]


def sta(account, currency="GBP"):
    """An MT940 statement of one line, booked on 30 April with a value of 2 May."""
    return (
        f":20:S\n:25:{account}\n:28C:1/1\n:60F:C260430{currency}10,00\n"
        f":61:2605020430D1,00NMSC//X\n:86:{account}\n:62F:C260430{currency}9,00\n-\n"
    )


@pytest.mark.parametrize("accounts", [("A/1", "A/2"), ("A/1", "A/2", "A/1")])
def test_lines_of_two_accounts_do_not_go_into_one(read, accounts):
    text = "".join(map(sta, accounts))
    words = "a.sta row 2, Account: 'A/2' is not 'A/1'; say by --set account= which account's lines"
    with pytest.raises(FileError, match=words):
        read(text, "mt940", name="a.sta")
    source = read(text, "mt940", name="a.sta", given={"account": "A/2"})
    assert source.counts.left_out == len(accounts) - 1
    (_, _), (_, statement) = source.records()
    assert [row["description"] for row in statement["statementLines"]] == ["A/2"]


def test_euros_do_not_go_into_an_account_of_pounds(read):
    words = "a.sta row 1, Currency: 'EUR' is not 'GBP'; say by --set currency="
    with pytest.raises(FileError, match=words):
        read(sta("A/1", "EUR"), "mt940", name="a.sta")
    assert read(sta("A/1", "EUR"), "mt940", name="a.sta", given={"currency": "EUR"}).counts.used


def test_a_line_has_the_day_on_which_it_was_booked(read):
    (_, _), (_, statement) = read(sta("A/1"), "mt940", name="a.sta").records()
    [found] = statement["statementLines"]
    assert str(found["transactionDate"]) == "2026-04-30"
