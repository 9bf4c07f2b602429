"""A mapping: what it may say, what becomes of rows, and what is told where something is wrong."""

from __future__ import annotations

import json

import jsonschema
import pytest
import yaml

from clearbooks_files.errors import FileError, MappingError
from clearbooks_files.mapping import load_mapping, presets, schema
from clearbooks_files.source import SourceFile
from tests.clearbooks_files.conftest import SAMPLES, sample

TABLE = "Name,Day,Amount\nAda,1/5/2026,10\nBo,2/5/2026,5.50\nAda,1/5/2026,10\n"
COLUMNS = {"Day": {"type": "date", "format": "D/M/YYYY"}, "Amount": {"type": "number"}}


def made(key, fields, stream="customers", **more):
    return {"records": [{"stream": stream, "key": key, "fields": fields, **more}]}


def records(source):
    return [record for _, record in source.records()]


def test_a_record_for_each_row(read):
    source = read(TABLE, made("row", {"name": "= Name", "email": "", "phone": "= None"}))
    assert records(source)[1] == {
        "externalId": "made-up:3",
        "name": "Bo",
        "_sdc_source_file": "file.csv",
        "_sdc_source_lineno": 3,
    }
    assert source.counts.records == {"customers": 3}


def test_rows_of_a_group_become_one_record(read):
    fields = {
        "date": "= Day",
        "gross": "= sum('Amount')",
        "note": "literal",
        "customer": {"externalId": "= Name"},
        "lineItems": [
            {"for_each": "row", "description": "= Name", "unitPrice": "= Amount"},
            {"when": "count() > 1", "description": "= str(count()) + ' lines'", "unitPrice": "1"},
        ],
    }
    page = made("Name", fields, "sales_invoices", per="group")
    ada, bo = records(read(TABLE, page, columns=COLUMNS, group_by="Name"))
    assert ada["gross"] == "20"
    assert ada["customer"] == {"externalId": "made-up:Ada"}
    assert [line.get("_sdc_source_lineno") for line in ada["lineItems"]] == [2, 4, None]
    assert [line["description"] for line in ada["lineItems"]] == ["Ada", "Ada", "2 lines"]
    assert (bo["date"], bo["gross"], bo["note"]) == ("2026-05-02", "5.50", "literal")
    assert len(bo["lineItems"]) == 1


def test_lines_by_a_value_of_the_rows(read):
    lines = [{"for_each": "Name", "description": "= Name", "net": "= sum('Amount * 2')"}]
    page = made("'all'", {"lineItems": lines}, "sales_invoices", per="group")
    (record,) = records(read(TABLE, page, columns=COLUMNS, group_by="''"))
    assert [(x["description"], x["net"]) for x in record["lineItems"]] == [
        ("Ada", "40"),
        ("Bo", "11.00"),
    ]


def test_a_digest_tells_equal_rows_apart_and_overlapping_exports_agree(read):
    page = made("row_id", {"name": "= Name"})
    first = [r["externalId"] for r in records(read(TABLE, page, digest=["Name", "Day"]))]
    more = "Name,Day,Amount\n" + "Bo,2/5/2026,5.50\nCy,3/5/2026,1\n"
    second = [r["externalId"] for r in records(read(more, page, digest=["Name", "Day"]))]
    assert len(set(first)) == 3
    assert first[0][:-1] == first[2][:-1]
    assert (first[0][-2:], first[2][-2:]) == ("-1", "-2")
    assert set(first) & set(second) == {first[1]}


def test_rows_that_become_nothing_are_counted(read):
    text = TABLE + ",,\nTotal,,25.50\n"
    page = made("row", {"name": "= Name"})
    checks = [{"name": "Total", "file": "totals.Amount", "rows": "sums.amount"}]
    how = {"totals": "Name == 'Total'", "sums": {"amount": "Amount"}, "checks": checks}
    counts = read(text, page, columns=COLUMNS, where="Amount > 6", **how | {"checks": []}).counts
    assert (counts.rows, counts.used, counts.left_out, counts.blank, counts.totals) == (
        5,
        2,
        1,
        1,
        1,
    )
    assert read(text, page, columns=COLUMNS, **how).counts.checked == [("Total", "25.50")]
    assert read(TABLE, page, columns=COLUMNS, **how).counts.checked == []
    with pytest.raises(FileError, match=r"Total: the file says 25.51, and its rows come to 25.50"):
        read(text.replace("25.50", "25.51"), page, columns=COLUMNS, **how)


@pytest.mark.parametrize("newest_first", [False, True])
def test_the_balance_after_each_row(read, newest_first):
    rows = ["1/5/2026,10,110", "2/5/2026,-30,80", "2/5/2026,5,85"]
    page = made("row", {"name": "x"})
    columns = {**COLUMNS, "Balance": {"type": "number"}}
    balance = {"amount": "Amount", "balance": "Balance", "date": "Day"}

    def call(rows):
        text = "\n".join(["Day,Amount,Balance", *(rows[::-1] if newest_first else rows)])
        return read(text, page, columns=columns, balance=balance)

    assert call(rows).counts.checked == [("Balance after each row", "3 rows")]
    with pytest.raises(FileError, match=r"row [23]: the balance is .* nothing is sent"):
        call([rows[0], rows[2].replace("85", "86"), rows[1]])
    with pytest.raises(FileError, match=r"row [23]: the balance is"):
        call([rows[0], rows[2]])


def test_tables_and_functions(read):
    fields = {
        "a": "= lookup('codes', Name)",
        "b": "= round(Amount * 1.005)",
        "c": "= find(r'INV-\\d+', 'paid inv-12 today')",
        "d": "= option.where + '!'",
        "e": "= lookup('other', Name)",
        "f": "= Amount / 3 > 1",
        "g": "= Day + datetime.timedelta(days=30)",
    }
    tables = {"codes": {"ADA": "4000", "*": "5000"}, "other": {"x": "y"}}
    page = made("row", fields) | {"columns": COLUMNS, "tables": tables}
    page["options"] = {"where": {"about": "a town"}}
    first, second, _ = records(read(TABLE, page, given={"where": "Leeds"}))
    assert [first[name] for name in "abcdefg"] == [
        "4000",
        "10.05",
        "inv-12",
        "Leeds!",
        "Ada",
        True,
        "2026-05-31",
    ]
    assert (second["a"], second["b"]) == ("5000", "5.53")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"records": []}, "mapping.yml line 3: records: Expected `array` of length >= 1"),
        ({"source": "Shop B"}, "mapping.yml line 2: source: Expected `str` matching regex"),
        ({"recrods": []}, "mapping: Object contains unknown field `recrods`"),
        (
            made("row", {}, per="week"),
            r"line 7: records\[0\].per: 'week' is not one of \['file', 'group', 'row'\]",
        ),
        ({"columns": {"Amount": {"type": "money"}}}, "columns"),
        (made("row +", {}), r"records\[0\].key: 'row \+' is no expression"),
        (made("row", {}, per="group"), "group_by: is needed"),
        ({"extends": "monzoo"}, "'monzoo' is neither a preset nor a file; presets are: barclays"),
        ({"options": {"till": {"about": "the till"}}}, "till: is needed: the till"),
    ],
)
def test_what_is_wrong_in_a_mapping_is_told_with_file_line_and_key(read, change, words):
    with pytest.raises(MappingError, match=words):
        read(TABLE, {"records": made("row", {})["records"], **change})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (made("Nmae", {}), "records.0..key: there is no column 'Nmae'; did you mean Name"),
        ({"columns": {"Sum": {"type": "number"}}}, "has no column 'Sum', which the mapping reads"),
        (made("row", {"name": "= Amount + 1"}), "file.csv row 2, name: a cell that is empty"),
        ({"where": "Amount > 1"}, "file.csv row 2, where: a cell that is empty, or is no number"),
        (
            {"columns": {"Amount": {"type": "number", "decimal": ","}}},
            "file.csv row 3, Amount: '5.50' is not a number such as 1.234,56",
        ),
        (
            {"columns": {"Day": {"type": "date", "format": "YYYY-MM-DD"}}},
            "file.csv row 2, Day: '1/5/2026' is not a date in the form YYYY-MM-DD",
        ),
        (made("Name", {"name": "= row"}), "row 4, records.0..key: 'made-up:Ada' is that of row 2"),
        ({"row_id": "Name"}, "row 4, row_id: 'Ada' is that of row 2, too"),
        ({"row_id": "Name[:0]"}, "row 2, row_id: is empty"),
        (made("Name[:0]", {}), "row 2, records.0..key: is empty"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_row_and_column(read, change, words):
    """Nothing of the file is sent then: its totals could not be right."""
    with pytest.raises(FileError, match=words):
        read(TABLE, change)


def test_all_faults_are_told_at_once(read):
    text = "Name,Amount\n" + "".join(f"x,{n}x\n" for n in range(25))
    with pytest.raises(FileError) as caught:
        read(text, columns={"Amount": {"type": "number"}})
    told = str(caught.value).splitlines()
    assert len(told) == 21
    assert told[0] == "file.csv row 2, Amount: '0x' is not a number such as 1,234.56"
    assert told[-1] == "and 5 more"


def test_the_same_record_twice_is_one(read):
    source = read(TABLE, made("Name", {"name": "= Name"}))
    assert source.counts.records == {"customers": 2}


def test_one_mapping_adds_to_another(read, tmp_path):
    (tmp_path / "base.yml").write_text(
        yaml.safe_dump(
            {
                "title": "Base",
                "source": "base",
                "options": {"a": 1, "b": 2},
                **made("row", {"name": "= option.a + option.b"}),
            }
        )
    )
    (tmp_path / "own.yml").write_text("{extends: base.yml, source: own, options: {b: 3}}")
    source = read(TABLE, str(tmp_path / "own.yml"))
    assert records(source)[0]["name"] == 4
    assert records(source)[0]["externalId"] == "own:2"
    (tmp_path / "base.yml").write_text("{extends: own.yml}")
    with pytest.raises(MappingError, match="goes round in a circle"):
        load_mapping(tmp_path / "own.yml")


def test_columns_that_are_called_otherwise(tmp_path):
    """A preset reads them under the names of a mapping of two lines."""
    text = (SAMPLES["payroll.csv"]).read_bytes().decode("cp1252")
    assert text.count(";PAYE;") == text.count("Gross pay") == 1
    own = text.replace(";PAYE;", "; income  TAX;").replace("Gross pay", "Gross")
    (tmp_path / "pay.csv").write_text(own)
    mapping = tmp_path / "pay.yml"
    mapping.write_text(
        "{extends: payroll, source: mine, file: {rename: {Income tax: PAYE, Gross: Gross pay}}}"
    )
    (mine,) = records(SourceFile(tmp_path / "pay.csv", load_mapping(mapping)))
    (ours,) = records(sample("payroll.csv", "payroll"))
    assert mine["lines"] == ours["lines"]


@pytest.mark.parametrize(
    "text",
    [
        "().__class__",
        "[].__class__.__mro__",
        "Name.__class__",
        "open('/etc/passwd')",
        "__import__('os')",
        "datetime.sys",
        "(lambda: 1)()",
        "9**9**9",
        "json.codecs",
        "rand()",
    ],
)
def test_an_expression_reaches_nothing_but_the_file(read, text):
    with pytest.raises((FileError, MappingError)):
        read(TABLE, made("row", {"name": f"= {text}"}))


def test_the_schema_takes_every_preset():
    checker = jsonschema.Draft202012Validator(schema())
    checker.check_schema(schema())
    for path in presets().values():
        page = yaml.safe_load(path.read_text())
        assert list(checker.iter_errors(page)) == [], path
        # The public source of the layout; two have none, since every export is another.
        public = path.stem not in {"card-expenses", "payroll"}
        assert ("https://" in load_mapping(path).described) or not public, path
    assert list(checker.iter_errors({"title": "x", "source": "x", "records": [], "y": 1}))
    json.dumps(schema())
