"""Killed in the middle, again and again, and run once more: everything stands there once."""

from __future__ import annotations

from collections import Counter

import pytest

from examples.compare import CHECKS, agree
from tests.examples.conftest import ALL, balances, books, documents, kill_after, pipeline_of
from tools.demo.write_back import read_back

SIDES = {"online-sales": "sales", "supplier-spend": "purchases"}
PATHS = {"online-sales": ("invoices", "creditNotes"), "supplier-spend": ("bills", "creditNotes")}
WRITES = (3, 90, 170)


@pytest.mark.parametrize("name", sorted(SIDES))
def test_every_document_is_there_once(name, tmp_path):
    with pipeline_of(name, tmp_path) as pipeline:
        # Meltano takes a run that was killed as still running: --force says that it is not.
        carried = [kill_after(pipeline, n, f"killed-{n}") for n in WRITES]
        assert carried[0] < carried[1] < carried[2]
        last = pipeline.stage.meltano_run("last", "--force", name)
        assert last.writes

        everything = [d for k in PATHS[name] for d in documents(pipeline, SIDES[name], k)]
        references = Counter(document["reference"] for document in everything)
        assert set(references.values()) == {1}
        payments = Counter(p["description"] for p in books(pipeline).payments(limit=ALL))
        assert set(payments.values()) == {1}
        ledger = read_back(pipeline.stage, [pipeline])
        checks = dict(pipeline.compared(ledger))
        assert tuple(checks) == CHECKS
        assert all(map(agree, checks.values())), checks

        before = balances(pipeline)
        assert not pipeline.stage.meltano_run("again", "--force", name).writes
        assert balances(pipeline) == before
