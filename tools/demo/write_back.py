"""Part two: real sales and spending written into the ledger, read back, compared to the penny."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from examples.compare import agree, compared
from tools.demo.stage import Run, Stage, check, say, show_list, show_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from examples.compare import Pair

EXAMPLES = {
    "online-sales": "a retailer's sales lines: invoices, credit notes, receipts, allocations",
    "supplier-spend": "an authority's spending: suppliers, bills, credit notes, payments",
}
_LEDGER = "written.duckdb"
_STREAMS = (
    "businesses",
    "account_codes",
    "customers",
    "suppliers",
    "sales_invoices",
    "sales_credit_notes",
    "bills",
    "purchase_credit_notes",
    "payments",
    "sales_allocations",
    "purchase_allocations",
    "transactions",
    "transaction_lines",
)
_ROWS_SHOWN = 6

# What it means that file and ledger agree, check by check.
MEANINGS = {
    "counts": "no record is missing, none is there twice",
    "totals": "the totals agree to the penny",
    "accounts": "all {} accounts of the trial balance agree to the penny",
}


@dataclass
class Pipeline:
    """An example, and the empty business of the sandbox that it writes into."""

    name: str
    stage: Stage

    @classmethod
    def on(cls, stage: Stage, name: str, *, whole: bool = False) -> Pipeline:
        """The example on the stage's sandbox, in a business of its own."""
        business = stage.sandbox.engine.add_business(name.replace("-", " ").capitalize())
        folder = stage.folder
        words = name.upper().replace("-", "_")
        environment = {
            "WAREHOUSE_FOLDER": str(folder),
            "WAREHOUSE_WHOLE": str(whole).lower(),
            f"TAP_JSONL__{words}_PATH": str(folder / name / "records" / "*.jsonl"),
            f"TARGET_CLEARBOOKS__{words}_REJECTS_PATH": str(folder / name / "refused.jsonl"),
        }
        return cls(name, Stage(stage.sandbox, business, folder, environment))

    def run(self, log: str) -> Run:
        """Run its job of meltano.yml."""
        return self.stage.meltano_run(f"{self.name}-{log}", self.name)

    def refused(self) -> dict[tuple[str, str], list[str]]:
        """Source keys that the newest run did not write, by stream and reason."""
        path = self.stage.folder / self.name / "refused.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        refused: dict[tuple[str, str], list[str]] = defaultdict(list)
        found = [json.loads(line) for line in lines]
        for line in found:
            # The file holds those of earlier runs, too.
            if line["run"] == found[-1]["run"]:
                refused[line["stream"], "; ".join(line["reasons"])].append(line["key"])
        return refused

    def compared(self, ledger: Path) -> Iterator[tuple[str, list[Pair]]]:
        """The example's checks, each with its rows: what it is, the file, the ledger."""
        warehouse = self.stage.folder / self.name / "warehouse.duckdb"
        return compared(self.name, warehouse, ledger, self.stage.business)


def read_back(stage: Stage, pipelines: list[Pipeline]) -> Path:
    """Read the businesses of several pipelines through the tap into one DuckDB file."""
    ledger = stage.folder / _LEDGER
    businesses = [pipeline.stage.business for pipeline in pipelines]
    environment = {
        "TAP_CLEARBOOKS_BUSINESS_IDS": json.dumps(businesses),
        "TAP_CLEARBOOKS__SELECT": json.dumps([f"{stream}.*" for stream in _STREAMS]),
        "TARGET_DUCKDB_PATH": str(ledger),
    }
    reader = Stage(stage.sandbox, businesses[0], stage.folder, environment)
    # Another state than that of part one: other businesses.
    reader.meltano_run(
        "read-back", "--state-id-suffix", "written", "tap-clearbooks", "target-duckdb"
    )
    return ledger


def show(stage: Stage, *, whole: bool = False) -> None:
    """Write both examples, read them back, compare, and write them again."""
    pipelines = [Pipeline.on(stage, name, whole=whole) for name in EXAMPLES]
    for pipeline in pipelines:
        say(f"\nWriting {EXAMPLES[pipeline.name]} with `meltano run {pipeline.name}` ...\n")
        _write(pipeline)
    say("\nReading both businesses back through the tap into DuckDB ...")
    ledger = read_back(stage, pipelines)
    for pipeline in pipelines:
        _compare(pipeline, ledger)
    say("\nThe same runs again ...\n")
    for pipeline in pipelines:
        again = pipeline.run("again")
        check(not again.writes, f"{pipeline.name}: nothing was sent, in {again.seconds:.1f} s")


def _write(pipeline: Pipeline) -> None:
    run = pipeline.run("write")
    written = {stream: counts.get("written", 0) for stream, counts in run.outcomes.items()}
    show_list(f"{stream} {number:,}" for stream, number in written.items())
    total = sum(written.values())
    say(f"\n{total:,} records written in {run.requests:,} requests, {run.seconds:.1f} s.")
    refused = pipeline.refused()
    for (stream, reason), keys in refused.items():
        say(f"Refused: {len(keys)} of {stream} ({', '.join(keys[:2])} ...): {reason}")
    if not refused:
        say("Nothing was refused.")


def _compare(pipeline: Pipeline, ledger: Path) -> None:
    say(f"\n{pipeline.name}: the file and the ledger")
    for name, rows in pipeline.compared(ledger):
        say()
        show_table(("", "file", "ledger"), rows[:_ROWS_SHOWN])
        if len(rows) > _ROWS_SHOWN:
            say(f"  ... and {len(rows) - _ROWS_SHOWN} more")
        check(agree(rows), MEANINGS[name].format(len(rows)))
