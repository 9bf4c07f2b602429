"""Records written at once, with what became of each."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from clearbooks_app.target_session import target_connection
from target_clearbooks.library import write

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from clearbooks_app.config import Settings


@dataclass(frozen=True, slots=True)
class Written:
    """What a few records came to.

    Attributes:
        run: As the list of runs has it.
        exit_code: What a program ends with that came to this.
        results: `stream`, `source_key`, `outcome`, `ledger_id`, `ledger_number` and `reasons` of
            each record, in the order in which they were settled.
    """

    run: str
    exit_code: int
    results: list[dict[str, Any]] = field(default_factory=list)


def write_records(
    settings: Settings, business: int, messages: Iterable[Mapping[str, Any]]
) -> Written:
    """Write records into a business, by the same rules as the target.

    Args:
        settings: Of the target.
        business: Where to.
        messages: Singer messages.

    Raises:
        SettingError: a setting that cannot work, or a stream that cannot be written.
        BusyError: another program writes into the business.
        ClearBooksError: whatever else ended it; the next run settles what is in doubt.
    """
    account = target_connection(settings)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results.jsonl"
        config = {
            **settings.values,
            "client_id": account.client_id,
            "business_ids": [business],
            "results_path": str(path),
            "dry_run": False,
        }
        done = write(config, messages)
        lines = path.read_bytes().splitlines() if path.exists() else []
    return Written(done.run, done.exit_code, [msgspec.json.decode(line) for line in lines])
