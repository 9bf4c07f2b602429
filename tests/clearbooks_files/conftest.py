"""A file and a mapping of a few lines, read together."""

from __future__ import annotations

import pytest
import yaml

from clearbooks_files.mapping import load_mapping
from clearbooks_files.source import SourceFile
from tests.project.conftest import ROOT

EXAMPLES = ROOT / "examples"
# The sample of each preset, by its name: in the folder of the use that shows it.
SAMPLES = {
    path.name: path
    for folder in (
        "bank-statement",
        "card-expenses",
        "contact-sync",
        "credit-notes-from-returns",
        "marketplace-payout",
        "payroll-journal",
        "sales-import",
    )
    for path in (EXAMPLES / folder).iterdir()
} | {"cis_statement.csv": EXAMPLES / "cis-to-paid-bills" / "cis_statement.csv"}


@pytest.fixture
def read(tmp_path):
    """Reads text, or bytes, by a mapping that is a preset's name or the rest of a plain one."""
    opened = []

    def call(content, mapping=None, *, name="file.csv", given=None, **more):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        if not isinstance(mapping, str):
            page = {
                "title": "Made up",
                "source": "made-up",
                "records": [{"stream": "customers", "key": "row", "fields": {"name": "= Name"}}],
                **(mapping or {}),
                **more,
            }
            mapping = tmp_path / "mapping.yml"
            mapping.write_text(yaml.safe_dump(page, sort_keys=False))
        source = SourceFile(path, load_mapping(str(mapping)), given)
        opened.append(source)
        return source

    yield call
    for source in opened:
        source.close()


def sample(name, preset, **options):
    """One of the samples, read with its preset."""
    return SourceFile(SAMPLES[name], load_mapping(preset), options)
