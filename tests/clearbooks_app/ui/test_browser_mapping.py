"""Names of every kind, mapped in a browser, and what a run of the target makes of them."""

import json
from types import SimpleNamespace

import pytest

from clearbooks_app.operations.names import ledger_names, save_names
from clearbooks_app.operations.writing import write_records
from clearbooks_app.ui.access import Doors
from clearbooks_app.ui.pages import mapping
from clearbooks_app.ui.server import running
from tests import programs
from tests.chromium import SIZES
from tests.clearbooks_app.operations.conftest import message

from .conftest import config_of, everybody_can_use

# What the source calls it, and what it is in Clear Books.
NAMES = {
    "accountCode": ("4000 Pumps", "Revenue"),
    "vatRate": ("T1", "Standard 20%"),
    "vatTreatment": ("Home", "Sale in the UK / Purchase in the UK"),
    "customer": ("A. Bell", "Ada Bell"),
    "supplier": ("Stat.", "12 Stationers Ltd"),
    "bankAccount": ("Main", "Savings"),
    "stockItem": ("PUMP-1", "Pump"),
}


def call(books, business, operation, body):
    reply = books.engine.call(operation, business_id=business, params={}, body=body)
    assert reply.ok, reply.body


def records():
    line = {"description": "Pump", "quantity": 1, "unitPrice": "30.00"}
    sold = {**line, "accountCode": "4000 Pumps", "vatRate": "T1", "stockItem": "PUMP-1"}
    bought = {**line, "accountCode": 2001001, "vatRate": "T1"}
    more = {"date": "2026-11-20", "vatTreatment": "Home"}
    received = {"bankAccount": "Main", "amount": "36.00", "description": "Received"}
    return [
        message("sales_invoices", externalId="W-1", customer="A. Bell", lineItems=[sold], **more),
        message("bills", externalId="B-1", supplier="Stat.", lineItems=[bought], **more),
        message("payments", externalId="P-1", customer="A. Bell", date="2026-11-21", **received),
    ]


@pytest.fixture(scope="module")
def named(books, place, chromium):
    """A page, and records that were refused for their names."""
    business = books.engine.business_ids()[0]
    call(books, business, "createCustomer", {"name": "Other Ltd"})
    call(books, business, "createCustomer", {"name": "Ada Bell"})
    call(books, business, "createSupplier", {"name": "12 Stationers Ltd"})
    call(books, business, "createBankAccount", {"name": "Savings"})
    # The number of the one that is meant is the SKU of the other one.
    call(books, business, "createStockItem", {"name": "Hose", "sku": "2", "type": "both"})
    call(books, business, "createStockItem", {"name": "Pump", "sku": "P", "type": "both"})
    config = config_of(books, place, create_missing=[], business_ids=[business])
    with running(
        Doors(), configs=(config,), folder=place / "ui", references=place / "references.json"
    ) as site:
        found = write_records(site.settings(), business, records())
        assert [r["outcome"] for r in found.results] == ["rejected"] * 3
        tab = chromium.new_page()
        tab.set_default_timeout(20_000)
        tab.goto(site.access.new_address())
        yield SimpleNamespace(
            tab=tab,
            url=site.access.doors.url,
            business=business,
            books=books,
            config=config,
            file=place / "references.json",
            settings=site.settings,
        )
        tab.close()


def choose(named, kind, name, meant):
    """Map one name on the page, as a person does."""
    tab = named.tab
    tab.goto(f"{named.url}/mapping")
    tab.get_by_label("Kind").select_option(kind)
    tab.get_by_role("button", name="Show").click()
    row = tab.get_by_role("region", name="Names").locator("tr", has_text=name)
    assert "fits nothing" in row.inner_text()
    options = row.get_by_role("combobox").locator("option").all_inner_texts()
    labels = [text for text in options if meant in (text, text.partition(" (")[0])]
    assert len(labels) == 1, options
    row.get_by_role("combobox").select_option(label=labels[0])
    tab.get_by_role("button", name="Save").click()
    assert " are in " in tab.get_by_role("status").inner_text()
    used = tab.get_by_role("region", name="Names").locator("tr", has_text=name)
    assert "used before" in used.inner_text()
    assert used.locator("option:checked").inner_text().startswith(meant)


def test_every_kind_is_mapped_and_the_target_writes_by_it(named):
    named.file.unlink(missing_ok=True)
    for kind, (name, meant) in NAMES.items():
        choose(named, kind, name, meant)
    kept = json.loads(named.file.read_text())["references"]
    assert kept.keys() == NAMES.keys()

    lines = [
        *(
            {
                "type": "SCHEMA",
                "stream": s,
                "schema": {"properties": {"externalId": {}}},
                "key_properties": ["externalId"],
            }
            for s in ("sales_invoices", "bills", "payments")
        ),
        *records(),
    ]
    done = programs.run(
        "target-clearbooks",
        "--config",
        named.config,
        "--config",
        str(named.file),
        text="\n".join(map(json.dumps, lines)) + "\n",
    )
    assert done.returncode == 0, done.stderr
    ledger = named.books.engine.books(named.business)
    (sold,) = ledger.documents("sales", "invoices", limit=9)
    (bought,) = ledger.documents("purchases", "bills", limit=9)
    (received,) = ledger.payments(limit=9)
    (line,) = sold["lineItems"]
    assert (sold["customerId"], sold["vatTreatment"]) == (2, "UK")
    assert (line["accountCode"], line["vatRateKey"]) == (1001001, "20.00:Standard")
    assert line["stockItem"] == 2
    assert bought["supplierId"] == kept["supplier"]["Stat."]
    assert received["bankAccountId"] == kept["bankAccount"]["Main"] > 1


@pytest.mark.parametrize(
    ("size", "scheme"), [("wide", "light"), ("narrow", "light"), ("wide", "dark")]
)
def test_everybody_can_map(named, size, scheme):
    named.tab.set_viewport_size(dict(zip(("width", "height"), SIZES[size], strict=True)))
    named.tab.emulate_media(color_scheme=scheme)
    for kind in NAMES:
        url = f"{named.url}/mapping?kind={kind}"
        everybody_can_use(named.tab, url, f"{size}-{scheme}-mapping-{kind}")


def test_of_a_long_list_a_name_is_picked_or_typed(named, monkeypatch):
    """Then the field has suggestions of numbers with their names."""
    monkeypatch.setattr(mapping, "_MOST_LISTED", 0)
    tab = named.tab
    (choice,) = ledger_names(named.settings(), named.business, ["supplier"])["supplier"]
    number = choice.value
    save_names(
        named.file, named.settings().values.get("references", {}), "supplier", {"Stat.": number}
    )
    tab.goto(f"{named.url}/mapping?kind=supplier")
    field = tab.get_by_label("Stat. is", exact=True)
    assert field.input_value() == f"{number} 12 Stationers Ltd"
    # A name that begins with a number is no number.
    field.fill("12 Stationers Ltd")
    tab.get_by_label("Another name").fill("Paper")
    tab.get_by_label("The other name is").fill(f"{number} 12 Stationers Ltd")
    tab.get_by_role("button", name="Save").click()
    kept = json.loads(named.file.read_text())["references"]["supplier"]
    assert kept == {"Stat.": "12 Stationers Ltd", "Paper": number}
    tab.get_by_label("Paper is", exact=True).fill("")
    tab.get_by_role("button", name="Save").click()
    assert list(json.loads(named.file.read_text())["references"]["supplier"]) == ["Stat."]
