"""Statements of banks: the day in London, the encoding they have, the very amount, one account."""

from __future__ import annotations

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
