"""`clearbooks mapping`: presets, a mapping guessed and corrected, and names that fit nothing."""

from __future__ import annotations

import json
from decimal import Decimal

import jsonschema
import pytest
import yaml

from clearbooks_files.mapping import load_mapping, presets, schema
from tests.clearbooks_app.test_write import one, writes  # noqa: F401 - a fixture

JOBS = (
    "Job no;When;Client;What;Price incl VAT (£)\n"
    "J-1;04/05/2026;Ada Bell;Design;£1,200.00\n"
    "J-2;05/05/2026;Bo Ström;Print;12.00\n"
)


def test_presets_are_listed_and_shown(run):
    listed = run("mapping list").output
    assert all(name in listed for name in presets())
    assert json.loads(run("mapping list --json").output)["lloyds"]["options"] == {
        "bankAccount": "Current account"
    }
    page = yaml.safe_load(run("mapping show shopify-daily").output)
    assert page["source"] == "shopify-daily"
    assert "presets are: barclays" in run("mapping show none", code=2).output
    assert json.loads(run("mapping schema").output) == json.loads(json.dumps(schema()))


def test_a_mapping_is_guessed_and_writes_what_the_file_says(one, sandbox, engine, run, home):  # noqa: F811
    (home / "jobs.csv").write_bytes(JOBS.encode("cp1252"))
    guessed = run("mapping guess jobs.csv").stdout
    (home / "jobs.yml").write_text(guessed)
    assert not list(jsonschema.Draft202012Validator(schema()).iter_errors(yaml.safe_load(guessed)))
    shown = run("write jobs.csv --as jobs.yml --yes").output
    assert "sales_invoices" in shown
    found = {d["gross"] for d in engine.books(one).documents("sales", "invoices", limit=10)}
    assert found == {1200, 12}
    sent = writes(sandbox)
    run("write jobs.csv --as jobs.yml --yes")
    assert writes(sandbox) == sent


@pytest.mark.parametrize(
    ("text", "stream"),
    [
        (
            "Date,Details,Paid out,Paid in,Balance\n01/05/2026,a,5,,95\n02/05/2026,b,,1,96\n",
            "bank_statements",
        ),
        ("Customer ref,Company name,E-mail\n007,Ada Ltd,ada@example.com\n", "customers"),
        ("Datum;Kunde;Betrag\n2026-05-01;Ada;1.234,50\n2026-05-02;Bo;2,00\n", None),
    ],
)
def test_what_a_table_is(run, home, text, stream):
    (home / "table.csv").write_text(text)
    if stream is None:
        shown = run("mapping guess table.csv", code=2).output
        assert "neither dates with amounts nor names are among its columns: Datum" in shown
        return
    page = yaml.safe_load(run("mapping guess table.csv").output)
    assert page["records"][-1]["stream"] == stream
    assert ("balance" in page) is (stream == "bank_statements")


def test_a_file_without_a_header_is_told_how_to_name_its_columns(run, home):
    (home / "bank.csv").write_text("03/11/2026,TESCO,-23.45\n05/11/2026,ADA BELL,120.00\n")
    shown = run("mapping guess bank.csv", code=2).output
    assert "bank.csv: has no header, its first row is 03/11/2026, TESCO, -23.45" in shown
    assert "`file: {names: [Date, Details, Amount]}`" in shown


ORDERS = """Invoice No;Invoice Date;Customer;Email;Item;Qty;Unit price;VAT;Total incl. VAT
1001;03/11/2026;Brown & Söhne Ltd;accounts@brown.example;Oak shelf;2;£45,00;20%;£108,00
1001;03/11/2026;Brown & Söhne Ltd;accounts@brown.example;Fitting;1;£30,00;20%;£36,00
1002;04/11/2026;Mrs J. Patel;jp@example.com;Atlas;1;£45,00;0.00:Zero;£45,00
Total;;;;;;;;£189,00
"""
PURCHASES = """Bill ref,Bill date,Supplier,Details,Net amount,VAT amount
A/7,2026-11-03,Bolt & Co,Nails,100.00,20.00
A/8,2026-11-04,Nut Ltd,Nuts,9.99,1.99
"""


def test_orders_of_several_rows_with_quantities_rates_and_a_total(one, engine, run, home):  # noqa: F811
    (home / "orders.csv").write_text(ORDERS)
    (home / "orders.yml").write_text(run("mapping guess orders.csv").stdout)
    shown = run("write orders.csv --as orders.yml --yes").output
    assert ["sales_invoices", "2", "2", "189.00", "189.00", "0.00"] in map(
        str.split, shown.splitlines()
    )
    made = engine.books(one).documents("sales", "invoices", limit=10)
    assert sorted(d["gross"] for d in made) == [45, 144]
    [large] = [d for d in made if d["gross"] == 144]
    assert [line["quantity"] for line in large["lineItems"]] == [2, 1]
    (home / "orders.csv").write_text(ORDERS.replace("£189,00", "£198,00"))
    wrong = run("write orders.csv --as orders.yml --yes", code=2).output
    assert "Total: the file says 198.00, and its rows come to 189.00" in wrong


def test_purchases_by_their_net_and_vat(one, engine, run, home):  # noqa: F811
    (home / "bought.csv").write_text(PURCHASES)
    (home / "bought.yml").write_text(run("mapping guess bought.csv").stdout)
    run("write bought.csv --as bought.yml --yes")
    made = engine.books(one).documents("purchases", "bills", limit=10)
    # 20 % of 9.99 is 2.00, and the file says 1.99.
    assert sorted((str(d["net"]), str(d["vat"])) for d in made) == [
        ("100.00", "20.00"),
        ("9.99", "1.99"),
    ]


# As another accounting program exports them: each row of an invoice has the total of the invoice.
EXPORT = """*Contact,*InvoiceNumber,*InvoiceDate,Total,*Description,Qty,*UnitAmount,TaxAmount,VAT
Ada Ltd,INV-1,03/11/2026,276.00,Design,2,100.00,40.00,20%
Ada Ltd,INV-1,03/11/2026,276.00,Books,3,12.00,0.00,0.00:Zero
Cy & Co,INV-2,05/11/2026,9.99,Postage,1,8.33,1.66,20%
"""


def test_a_total_in_each_row_is_that_of_the_document(one, engine, run, home):  # noqa: F811
    (home / "export.csv").write_text(EXPORT)
    (home / "export.yml").write_text(run("mapping guess export.csv").stdout)
    run("write export.csv --as export.yml --yes")
    made = engine.books(one).documents("sales", "invoices", limit=10)
    assert sorted((str(d["gross"]), str(d["vat"])) for d in made) == [
        ("276.00", "40.00"),
        ("9.99", "1.66"),
    ]
    [large] = [d for d in made if d["vat"] == 40]
    assert [line["description"] for line in large["lineItems"]] == ["Design", "Books"]


BILLS = """Bill No,Supplier,Bill Date,Memo,Account,Line Description,Line Amount,Line Tax Amount
B-1,Acme,2026-11-02,,Office,Paper,50.00,10.00
B-2,Post,2026-11-03,,Post,Stamps,40.00,0.00
"""
SNAKES = """invoice_no,invoice_date,customer_id,item,amount,tax
1,2026-11-02T08:26,7,Pen,12.00,2.00
"""
SPENDING = """ID,Vendor,AccountDescription,Amount,Date
0,Acme,Postage,12.00,2026-11-02
"""


@pytest.mark.parametrize(
    ("text", "stream", "fields", "line"),
    [
        (
            BILLS,
            "bills",
            {"supplier": {"name": "= Supplier"}, "date": "= Bill_Date"},
            {"description": "= Line_Description", "net": "= Line_Amount"},
        ),
        (
            SNAKES,
            "sales_invoices",
            {"customer": {"name": "= customer_id"}, "date": "= invoice_date"},
            {"description": "= item", "gross": "= amount"},
        ),
        (
            SPENDING,
            "bills",
            {"supplier": {"name": "= Vendor"}, "gross": "= Amount"},
            {"description": "= AccountDescription", "gross": "= Amount"},
        ),
    ],
)
def test_columns_are_known_by_the_words_in_their_names(run, home, text, stream, fields, line):
    (home / "table.csv").write_text(text)
    (record,) = yaml.safe_load(run("mapping guess table.csv").stdout)["records"]
    assert record["stream"] == stream
    assert record["fields"].items() >= fields.items()
    assert record["fields"]["lineItems"][0].items() >= line.items()


def test_vat_codes_of_another_program_are_answered_once(one, engine, run, home):  # noqa: F811
    text = EXPORT.replace("20%", "20% (VAT on Income)").replace("0.00:Zero", "Zero Rated Income")
    (home / "export.csv").write_text(text)
    (home / "export.yml").write_text(run("mapping guess export.csv").stdout)
    shown = run("mapping check export.csv --as export.yml", code=3).output
    assert "the setting references says which rate a name of yours stands for" in shown
    (home / "names.json").write_text(run("mapping init export.csv --as export.yml").stdout)
    run("write export.csv --as export.yml --yes --config ENV --config names.json")
    made = engine.books(one).documents("sales", "invoices", limit=10)
    assert sorted(d["vat"] for d in made) == [Decimal("1.66"), 40]


def test_names_that_fit_nothing_are_told_once_and_answered_once(one, run, home):  # noqa: F811
    (home / "jobs.csv").write_bytes(JOBS.encode())
    page = yaml.safe_load(run("mapping guess jobs.csv").output)
    page["options"]["salesAccount"]["default"] = "Revnue"
    page["options"]["vatRate"]["default"] = "21%"
    (home / "jobs.yml").write_text(yaml.safe_dump(page))
    rows = json.loads(run("mapping check jobs.csv --as jobs.yml --json", code=3).output)
    assert [(row["records"], row["first"]) for row in rows] == [(2, "row 2")] * 2
    assert rows[0]["reason"].startswith("lineItems.accountCode: there is no account code 'Revnue'")
    assert "the nearest name is 'Revenue'" in rows[0]["reason"]
    assert rows[1]["reason"].startswith("lineItems.vatRate: ")
    names = json.loads(run("mapping init jobs.csv --as jobs.yml").stdout)
    assert names == {"references": {"accountCode": {"Revnue": "Revenue"}, "vatRate": {"21%": ""}}}
    names["references"]["vatRate"] = {"21%": "20%"}
    (home / "names.json").write_text(json.dumps(names))
    given = "--config ENV --config names.json"
    assert (
        "4 records would be written" in run(f"mapping check jobs.csv --as jobs.yml {given}").output
    )
    run(f"write jobs.csv --as jobs.yml --yes {given}")
    assert "Every account" in run(f"mapping init contacts.csv --as contacts {given}").output


@pytest.mark.parametrize("preset", presets())
def test_a_preset_that_is_shown_is_a_mapping_anywhere(run, tmp_path, preset):
    page = tmp_path / "mine.yml"
    page.write_text(run(f"mapping show {preset}").output)
    assert load_mapping(page) == load_mapping(preset)
