"""What a run holds at once is bounded by bytes, not by the number of records."""

from __future__ import annotations

import base64
import os
import tracemalloc

import pytest

from target_clearbooks import write
from target_clearbooks.deliver import schedule
from tests.target_clearbooks.conftest import customer, invoice, record

FILES, SIZE = 30, 256 * 1024
DOCUMENT = [customer(), invoice()]


@pytest.fixture
def file(tmp_path):
    directory = tmp_path / "files"
    directory.mkdir()
    (directory / "a.pdf").write_bytes(os.urandom(SIZE))
    return directory / "a.pdf"


def attachments(file, *, inline):
    """Made one by one, so that none of them is held here."""
    for n in range(FILES):
        data = n.to_bytes(4) + file.read_bytes()
        if not inline:
            file.with_name(f"{n}.pdf").write_bytes(data)
        yield record(
            "sales_attachments",
            f"T{n}",
            invoice={"externalId": "I1"},
            fileName=f"{n}.pdf",
            **({"content": base64.b64encode(data).decode()} if inline else {"path": f"{n}.pdf"}),
        )


@pytest.mark.parametrize("inline", [True, False], ids=["content", "path"])
@pytest.mark.parametrize("first", [True, False], ids=["document-first", "document-last"])
def test_large_attachments_are_not_held_all_at_once(first, inline, run, file, monkeypatch):
    monkeypatch.setattr(schedule, "_MOST_BYTES", 1024 * 1024)

    def messages():
        yield from DOCUMENT if first else ()
        yield from attachments(file, inline=inline)
        yield from () if first else DOCUMENT

    tracemalloc.start()
    try:
        result = write({**run.config, "attachments_dir": str(file.parent)}, messages())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result.exit_code == 0
    assert result.streams["sales_attachments"]["written"] == FILES
    assert peak < 5 * 1024 * 1024, peak
