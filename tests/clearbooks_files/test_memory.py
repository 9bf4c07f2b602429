"""A long file is read in memory that does not grow with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

READER = """
import resource, sys
from pathlib import Path
from clearbooks_files.mapping import load_mapping
from clearbooks_files.source import SourceFile

source = SourceFile(Path(sys.argv[1]), load_mapping(sys.argv[2]))
number = sum(1 for _ in source.records())
print(number, source.counts.used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
MAPPING = """
title: Sales
source: long
columns: {Date: {type: date, format: DD/MM/YYYY}, Amount: {type: number}}
sums: {amount: Amount}
totals: "Date == 'Total'"
checks: [{name: Total, file: totals.Amount, rows: sums.amount}]
digest: [Date, Amount, Text]
"""
EACH = """
records:
- stream: payments
  key: row_id
  fields: {date: = Date, amount: = Amount, description: = Text}
"""
GROUPS = """
group_by: Text[:6]
records:
- stream: payments
  per: group
  key: Text[:6]
  fields: {date: = Date, amount: "= sum('Amount')", description: = Text}
"""


def peak(folder, rows, mapping):
    """Records made of so many rows, and the most memory it took, in MB."""
    path = folder / f"{rows}.csv"
    with path.open("w") as file:
        file.write("Date,Amount,Text\n")
        for n in range(rows):
            file.write(f"{n % 28 + 1:02}/05/2026,{n % 1000}.10,{n // 10:06} a row of a long file\n")
        total = sum(n % 1000 for n in range(rows)) + rows / 10
        file.write(f"Total,{total:.2f},\n")
    done = subprocess.run(
        [sys.executable, "-c", READER, str(path), str(mapping)],
        check=True,
        text=True,
        capture_output=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ},
    )
    records, used, kilobytes = map(int, done.stdout.split())
    assert used == rows
    return records, kilobytes / 1024


@pytest.mark.parametrize(("shape", "each"), [(EACH, 1), (GROUPS, 10)], ids=["rows", "groups"])
def test_100_000_rows_take_no_more_memory_than_10_000(tmp_path, shape, each):
    mapping = tmp_path / "long.yml"
    mapping.write_text(MAPPING + shape)
    records, few = peak(tmp_path, 10_000, mapping)
    assert records == 10_000 // each
    records, many = peak(tmp_path, 100_000, mapping)
    assert records == 100_000 // each
    assert many < few + 20
