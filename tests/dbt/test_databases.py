"""DuckDB and PostgreSQL make the same of the same books."""

from __future__ import annotations

import json

from clearbooks_app.operations.warehouse import reports
from tests.dbt.warehouse import DAYS, Postgres, rows
from tests.environments import environment
from tests.postgres import database, server  # noqa: F401 - fixtures


def test_all_models_are_equal_row_by_row(books, books_folder, database, tmp_path):  # noqa: F811
    postgres = Postgres(tmp_path, database)
    program = environment("target-postgres").parent / "target-postgres"
    postgres.load(program, json.loads((books_folder / "runs.json").read_text()))
    postgres.dbt("build", clearbooks_as_at=DAYS, clearbooks_unified=True)
    assert postgres.models() == books.models()
    for model in books.models():
        names, here = rows(books, model)
        there_names, there = rows(postgres, model)
        assert names == there_names, model
        assert here == there, model
    # And so does the page of the books.
    for business in reports(str(books.path), "books").businesses:
        here = reports(str(books.path), "books", business)
        assert reports(database, "books", business) == here
