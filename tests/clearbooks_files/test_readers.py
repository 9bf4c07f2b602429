"""Files of messy real shape become rows; what cannot be read is told in one line."""

from __future__ import annotations

import csv
import datetime as dt
import zipfile
from contextlib import closing
from decimal import Decimal
from xml.sax.saxutils import escape

import pytest

from clearbooks_files.errors import FileError
from clearbooks_files.layout import Layout
from clearbooks_files.mapping import load_mapping
from clearbooks_files.readers import read_rows
from clearbooks_files.source import SourceFile
from tests.clearbooks_files.conftest import SAMPLES

HEADER = Layout(header=("Date", "Amount", "Text"))
TABLE = "Date,Amount,Text\n2026-05-01,12.50,Café\n"


@pytest.fixture
def rows(tmp_path):
    def call(content, layout=HEADER, name="file.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return [(row.line, dict(row.cells)) for row in read_rows(path, layout)]

    return call


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_encodings_and_separators_are_found(rows, encoding, separator):
    text = TABLE.replace(",", separator)
    ((line, cells),) = rows(text.encode(encoding))
    assert (line, cells) == (2, {"Date": "2026-05-01", "Amount": "12.50", "Text": "Café"})


def test_lines_above_the_header_are_skipped_and_rows_keep_their_numbers(rows):
    text = 'Account;12345678\n\n\ufeffDATE ; amount;Text\n1;2;"a\nb"\n\n;;\n3;4;"c ""d"""\n'
    assert rows(text) == [
        (4, {"Date": "1", "Amount": "2", "Text": "a\nb"}),
        (5, {"Date": "", "Amount": "", "Text": ""}),
        (6, {"Date": "", "Amount": "", "Text": ""}),
        (7, {"Date": "3", "Amount": "4", "Text": 'c "d"'}),
    ]


def test_a_column_that_stands_there_twice_gets_a_number(rows):
    ((_, cells),) = rows("Date,Amount,Text,Amount,\n1,2,3,4,\n")
    assert cells == {"Date": "1", "Amount": "2", "Text": "3", "Amount 2": "4"}


def test_a_file_without_a_header(rows):
    assert rows("1,2\n3,4\n", Layout(names=("A", "B"))) == [
        (1, {"A": "1", "B": "2"}),
        (2, {"A": "3", "B": "4"}),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"%PDF-1.7", "is a PDF: export the same as CSV"),
        (b"PK\x03\x04rest", "a spreadsheet that was cut off"),
        ("Day,Sum\n1,2\n", "missing: Date, Amount, Text. The file has: Day, Sum"),
        (
            "Bank plc,Statement of account,of,May\nDate,Amount,What\n1,2,a\n",
            "missing: Text. Row 2 has: Date, Amount, What",
        ),
        ("Date,Amount,Text\n1,2,a,b\n", "row 2: has 4 cells where the header has 3"),
        (b"<OFX></OFX>", "is OFX, and the mapping reads CSV"),
    ],
)
def test_what_cannot_be_read_is_told(rows, content, words):
    layout = Layout(kind="csv", header=HEADER.header)
    with pytest.raises(FileError, match=rf"^file.csv.*{words}"):
        rows(content, layout)


def test_an_encoding_that_is_not_so_is_told(rows):
    with pytest.raises(FileError, match=r"^file\.csv: is not utf-8"):
        rows(TABLE.encode("cp1252"), Layout(encoding="utf-8"))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileError, match="No such file"):
        list(read_rows(tmp_path / "none.csv", HEADER))


COLUMNS = [*"BCDEFGHIJKLMNOPQRSTUVWXYZ", "AA", "AB"]
CELL = '<c r="{}" t="inlineStr"><is><t>{}</t></is></c>'


def sheet(path, rows):
    """A workbook with one sheet, as Excel writes it: a preamble in row 2, the table from B4 on."""
    body = "".join(
        f'<row r="{n}">'
        + "".join(
            f'<c r="{column}{n}" t="b"><v>{int(value)}</v></c>'
            if isinstance(value, bool)
            else f'<c r="{column}{n}"><v>{value}</v></c>'
            if isinstance(value, (int, float))
            else CELL.format(f"{column}{n}", escape(value))
            for column, value in zip(COLUMNS, cells, strict=False)
        )
        + "</row>"
        for n, cells in rows.items()
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    links = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    packed = "http://schemas.openxmlformats.org/package/2006"
    kinds = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    with zipfile.ZipFile(path, "w") as file:
        for name, text in {
            "[Content_Types].xml": f'<Types xmlns="{packed}/content-types"><Default '
            'Extension="rels" ContentType="application/vnd.openxmlformats-package.'
            'relationships+xml"/><Override PartName="/xl/workbook.xml" '
            f'ContentType="{kinds}.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml"'
            f' ContentType="{kinds}.worksheet+xml"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{packed}/relationships"><Relationship Id="r1" '
            f'Type="{links}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{links}"><sheets><sheet '
            'name="Sales" sheetId="1" r:id="r1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{packed}/relationships">'
            f'<Relationship Id="r1" Type="{links}/worksheet" Target="worksheets/sheet1.xml"/>'
            "</Relationships>",
            "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData>'
            "</worksheet>",
        }.items():
            file.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')


def test_a_spreadsheet(tmp_path):
    path = tmp_path / "sales.xlsx"
    sheet(
        path,
        {
            2: ["My shop"],
            4: ["Date", "Amount", "Text"],
            5: ["2026-05-01", 12.5, "Café"],
            7: ["2026-05-02", 13.940000000000001, 1001],
        },
    )
    found = [
        (row.line, row.cells["Amount"], row.cells["Text"])
        for row in read_rows(path, HEADER)
        if not row.is_blank
    ]
    assert found == [(5, 12.5, "Café"), (7, 13.940000000000001, 1001.0)]
    with pytest.raises(FileError, match="has no sheet 'May'; it has: Sales"):
        list(read_rows(path, Layout(sheet="May")))


def test_a_spreadsheet_makes_the_records_of_the_text_that_it_was(tmp_path):
    """Numbers and ticked boxes are no text there; nothing of it shows."""
    path = SAMPLES["shopify_orders.csv"]
    head, *rows = csv.reader(path.read_text(encoding="utf-8").splitlines(keepends=True))
    kinds = {"true": True, "false": False}

    def cell(name, text):
        number = text and text.replace(".", "", 1).isdigit() and name not in ("Name", "Id")
        return float(text) if number else kinds.get(text, text)

    sheet(
        tmp_path / "orders.xlsx",
        {1: head}
        | {
            n: [cell(name, text) for name, text in zip(head, row, strict=True)]
            for n, row in enumerate(rows, 2)
        },
    )
    found = []
    for file in (path, tmp_path / "orders.xlsx"):
        with closing(SourceFile(file, load_mapping("shopify-orders"))) as source:
            found.append([_plain(record) for _, record in source.records()])
    assert found[0] == found[1]
    assert len(found[0]) == 4


def _plain(value):
    """Without the file, and with numbers as numbers: 30.00 is 30 in a sheet."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if k != "_sdc_source_file"}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    try:
        return Decimal(str(value))
    except ArithmeticError:
        return value


BANKS = ("statement.ofx", "statement.qif", "statement.sta", "statement.xml")


@pytest.mark.parametrize("name", BANKS)
def test_formats_of_banks_are_known_by_their_contents(tmp_path, name):
    data = (SAMPLES[name]).read_bytes()
    (tmp_path / "download.txt").write_bytes(data)
    found = list(read_rows(tmp_path / "download.txt", Layout()))
    assert found[0].cells["Date"] == dt.date(2026, 4, 30)
    assert found[0].cells["Amount"] == Decimal("-45.10")
    assert isinstance(found[0].cells["Amount"], Decimal)
    assert "caf" in found[0].cells["Text"].casefold()


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("statement.sta", b"GBP1189,46\r\n-}", b"GBP1189,47\r\n-}"),
        ("statement.xml", b">2009.46<", b">2009.45<"),
    ],
)
def test_a_statement_comes_to_its_closing_balance(tmp_path, name, right, wrong):
    data = (SAMPLES[name]).read_bytes()
    assert right in data
    path = tmp_path / name
    path.write_bytes(data.replace(right, wrong))
    with pytest.raises(FileError, match="which is not the closing balance"):
        list(read_rows(path, Layout()))


@pytest.mark.parametrize("name", ["statement.ofx", "statement.sta", "statement.xml"])
def test_a_cut_off_file_of_a_bank_is_told(tmp_path, name):
    """All but QIF, where nothing stands behind the last transaction."""
    data = (SAMPLES[name]).read_bytes()
    path = tmp_path / name
    path.write_bytes(data[: len(data) * 3 // 4])
    with pytest.raises(FileError, match=f"^{name}: "):
        list(read_rows(path, Layout()))


def test_a_bomb_of_entities_is_refused(tmp_path):
    path = tmp_path / "bomb.xml"
    path.write_text('<!DOCTYPE d [<!ENTITY a "aaaa">]><Document xmlns="camt.053">&a;</Document>')
    with pytest.raises(FileError, match="is not XML to its end"):
        list(read_rows(path, Layout(kind="camt053")))
