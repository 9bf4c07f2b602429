"""What the documents say about the books is so."""

from __future__ import annotations

import re

import pytest

from tap_clearbooks.streams import STREAMS
from tests.project.conftest import ROOT

PAGES = ("examples/ledger-to-books/README.md", "docs/books.md")


@pytest.mark.parametrize("page", PAGES)
def test_queries_of_the_documents_answer(books, page):
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    queries = [q for block in blocks for q in block.split(";") if "SELECT" in q]
    assert queries
    for query in queries:
        _, found = books.ask(query)
        assert found, query


def test_every_model_and_column_is_described(books):
    for node in books.nodes("model"):
        assert node["description"], node["name"]
        if "/marts/" in node["original_file_path"]:
            described = {name for name, c in node["columns"].items() if c["description"]}
            names, _ = books.ask(f'SELECT * FROM "{node["name"]}" LIMIT 0')
            assert described == set(names), node["name"]


def test_books_md_names_every_report(books):
    text = (ROOT / "docs" / "books.md").read_text(encoding="utf-8")
    for node in books.nodes("model"):
        if "/marts/" in node["original_file_path"]:
            assert f"`{node['name']}`" in text


def test_every_stream_has_a_staging_model():
    models = ROOT / "dbt" / "models" / "staging"
    found = {path.name: path.read_text().strip() for path in models.glob("*.sql")}
    assert found == {
        f"stg_clearbooks__{name}.sql": f"{{{{ clearbooks.staged('{name}') }}}}" for name in STREAMS
    }
