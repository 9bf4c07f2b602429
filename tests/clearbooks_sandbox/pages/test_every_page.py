"""What holds for every page: it works, it is plain, and it can be read by everybody."""

import os
import re
from collections import defaultdict
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
import requests

from clearbooks_sandbox.pages.lists import LISTS
from tests.chromium import SIZES, faults

from .html import Page

_STYLE = "/books/style.css"
# Of the big business's many alike documents, contacts and payments, every so many is read.
_SAMPLE = 40
_KINDS = ("account_codes", "contacts", "documents", "payments", "statements", "transactions")
_ALIKE = re.compile(r"/books/101/(documents|contacts|payments|transactions)/(\d+)")


@pytest.fixture(scope="module")
def pages(site):
    """Every page that links lead to, by its path."""
    headers = {"Authorization": "Bearer sandbox-access-token", "X-Business-ID": "102"}
    url = f"{site.sandbox.url}/accounting/customers"
    requests.post(url, json={"name": "N" * 200}, headers=headers, timeout=10)
    requests.get(f"{url}?limit=200&sortBy={'x' * 100}", headers=headers, timeout=10)
    site.sandbox.faults.plan("error-after", method="POST")
    requests.post(url, json={"name": "Lost"}, headers=headers, timeout=10)
    waiting, found = ["/books/"], {}
    while waiting:
        path = waiting.pop()
        alike = _ALIKE.match(path)
        if path in found or path == _STYLE or (alike and int(alike[2]) % _SAMPLE):
            continue
        page = found[path] = site.get(path)
        for link in page.links:
            target = urlsplit(urljoin(site.sandbox.site + path, link))
            assert f"{target.scheme}://{target.netloc}" == site.sandbox.site, f"{path}: {link}"
            waiting.append(target.path + (f"?{target.query}" if target.query else ""))
    return found


def test_links_lead_to_all_of_the_books(pages):
    assert len(pages) > 150
    kinds = {re.sub(r"\d+", "0", path.partition("?")[0]) for path in pages}
    assert {f"/books/0/{kind}/0" for kind in _KINDS} | {"/books/requests/0"} <= kinds
    assert {f"/books/0/{stream}" for stream in LISTS} <= kinds


def test_each_has_language_title_and_one_main_heading(pages):
    for path, page in pages.items():
        assert ("html", {"lang": "en-GB"}) in page.elements, path
        assert re.search(r"<title>\S.* · Clear Books sandbox</title>", page.text), path
        assert [tag for tag, _ in page.headings].count("h1") == 1, path
        assert page.headings[0][0] == "h1", path
        assert len(page.all("main")) == 1, path


def test_each_begins_with_a_link_that_skips_to_the_content(pages):
    for path, page in pages.items():
        first = page.all("a")[0][1]
        assert first["href"] == "#content", path
        assert ("main", {"id": "content", "tabindex": "-1"}) in page.elements, path


def test_tables_have_headings_with_a_scope_and_rows_of_one_width(pages):
    for path, page in pages.items():
        for tag, attributes in page.all("th"):
            assert attributes.get("scope") in {"col", "row", "rowgroup"}, f"{path}: {tag}"
        for table in page.tables:
            rows = [*table.head, *table.body, *table.foot]
            assert len({len(row) for row in rows}) == 1, path


def test_fields_have_labels_and_regions_names(pages):
    for path, page in pages.items():
        labelled = {attributes.get("for") for _, attributes in page.all("label")}
        for _, attributes in page.all("input", "select"):
            assert attributes["id"] in labelled, path
        ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
        assert len(ids) == len(set(ids)), path
        for _, attributes in page.elements:
            for name in ("aria-labelledby", "aria-describedby"):
                assert attributes.get(name, ids[0]) in ids, path


def test_nothing_runs_and_nothing_comes_from_elsewhere(site, pages):
    for path, page in pages.items():
        assert not page.all("script", "iframe", "object", "style"), path
        for _, attributes in page.elements:
            assert not [name for name in attributes if name.startswith("on")], path
            assert "style" not in attributes, path
        sources = [a.get("href") for _, a in page.all("link")]
        assert sources == ["data:,", _STYLE], path
        assert not page.all("img"), path
    headers = site.session.get(f"{site.sandbox.site}/books/", timeout=10).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    style = site.session.get(site.sandbox.site + _STYLE, timeout=10)
    assert style.headers["Content-Type"].startswith("text/css")
    assert "url(" not in style.text
    assert "@import" not in style.text


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize(
    ("text", "ground", "least"),
    [
        ("ink", "ground", 7),
        ("ink", "paper", 7),
        ("quiet", "ground", 4.5),
        ("quiet", "paper", 4.5),
        ("link", "ground", 4.5),
        ("link", "paper", 4.5),
        ("white", "head", 4.5),
        ("accent", "paper", 4.5),
        ("good-ink", "good", 4.5),
        ("warn-ink", "warn", 4.5),
        ("bad-ink", "bad", 4.5),
        ("plain-ink", "plain", 4.5),
        ("focus", "paper", 3),
        ("focus", "ground", 3),
    ],
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_can_be_told_apart(site, scheme, text, ground, least):
    style = site.session.get(site.sandbox.site + _STYLE, timeout=10).text
    light, _, dark = style.partition("(prefers-color-scheme: dark)")
    palettes = {"light": light, "dark": dark}
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", palettes[scheme]))
    colours["white"] = "#ffffff"
    assert contrast(colours[text], colours[ground]) >= least


# How many pages of a kind, such as documents, are opened in the browser.
_MOST = 3
# What is opened beside what links of the small business lead to.
_OTHERS = (
    "/books/101/bank",
    "/books/101/sales_invoices?page=2",
    "/books/101/statements/1",
    "/books/101/stock_items",
    "/books/101/trial_balance?date=x",
    "/books/102/nothing",
    "/books/102/payments?q=zzz",
)
_PICTURES = os.environ.get("PAGE_PICTURES")


def of_each_kind(paths):
    """The paths of the small business and of the requests; some of those that are alike."""
    kinds = defaultdict(list)
    for path in paths:
        if not path.startswith("/books/101/"):
            kinds[re.sub(r"\d+", "0", path)].append(path)
    return [path for alike in kinds.values() for path in alike[:_MOST]]


@pytest.mark.parametrize(("size", "scheme"), [("wide", "light"), ("narrow", "dark")])
def test_everybody_can_use_every_page(site, pages, chromium, size, scheme):
    """Nothing is cut off, and axe finds nothing serious, wide and narrow, light and dark."""
    width, height = SIZES[size]
    context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    tab = context.new_page()
    paths = [*of_each_kind(pages), *_OTHERS]
    assert len(paths) > 45
    for path in paths:
        tab.goto(site.sandbox.site + path)
        assert tab.get_by_role("heading", level=1).count() == 1, path
        assert faults(tab) == [], f"{path} at {width}, {scheme}"
        if _PICTURES:
            name = re.sub(r"\W+", "-", path.strip("/"))
            tab.screenshot(path=Path(_PICTURES) / f"{size}-{scheme}-{name}.png", full_page=True)
        if size == "narrow":
            # So narrow is a page that is enlarged four times.
            tab.set_viewport_size({"width": 320, "height": height})
            assert tab.evaluate("document.documentElement.scrollWidth") <= 320, path
            tab.set_viewport_size({"width": width, "height": height})
    context.close()


def test_what_is_cut_off_is_found(chromium):
    """The check of the test above can fail."""
    tab = chromium.new_page(viewport={"width": 390, "height": 844})
    tab.set_content(
        "<html lang=en><title>T</title><main><h1>T</h1>"
        "<p style='width:100px;overflow:hidden;white-space:nowrap'>cut off by its own box</p>"
        "<div style='overflow:hidden'><p style='width:500px'>cut off by another</p></div>"
        "<div tabindex=0 style='overflow:auto'><p style='width:500px'>scrolls</p></div>"
        "<p style='color:#999'>pale</p></main></html>"
    )
    found = faults(tab)
    assert [fault.partition(":")[0] for fault in found] == ["cut off", "cut off", "color-contrast"]
    tab.close()


def test_the_first_tab_stop_skips_to_the_content_and_focus_shows(site, chromium):
    context = chromium.new_context()
    tab = context.new_page()
    tab.goto(f"{site.sandbox.site}/books/101/sales_invoices")
    tab.keyboard.press("Tab")
    assert tab.locator(":focus").inner_text() == "Skip to content"
    assert tab.locator(":focus").bounding_box()["x"] >= 0
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "content"
    # The next stop lies behind the navigation, in the filter.
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.id") == "q"
    outline = tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    tab.keyboard.type("536365")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**q=536365**")
    assert Page(tab.content()).tables[0].column("Number") == ["INV536365"]
    context.close()
