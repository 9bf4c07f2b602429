"""The results file: what became of every record of a run, for a warehouse to join."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from clearbooks.exact_json import encode_any
from target_clearbooks.output_files import open_output, utc_now

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import BinaryIO


class Results:
    """Appends one JSON object for each record.

    Args:
        path: The file; None for none.
        run: The run that writes.

    Raises:
        SettingError: on construction, where the file cannot be written.
    """

    def __init__(self, path: Path | None, run: str) -> None:
        self.run = run
        self._file: BinaryIO | None = None
        if path is None:
            return
        descriptor = open_output("results_path", path, os.O_WRONLY | os.O_APPEND)
        # Each line at once, so that a run that is killed leaves those that were settled.
        self._file = os.fdopen(descriptor, "ab", buffering=0)

    @property
    def wanted(self) -> bool:
        """Whether anybody asked for results."""
        return self._file is not None

    def write(
        self,
        business_id: int,
        stream: str,
        source_key: str,
        outcome: str,
        *,
        ledger_id: Any = None,
        number: str | None = None,
        reasons: Iterable[str] = (),
    ) -> None:
        """Add what became of a record.

        Args:
            business_id: The business that it was for.
            stream: Its stream.
            source_key: What identifies it at the source.
            outcome: As the summary of the run counts it.
            ledger_id: What it became, where it stands in the ledger.
            number: The document number there.
            reasons: Why it was not written.
        """
        if self._file is None:
            return
        line = {
            "run": self.run,
            "business_id": business_id,
            "stream": stream,
            "source_key": source_key,
            "outcome": outcome,
            "ledger_id": ledger_id,
            "ledger_number": number,
            "reasons": list(reasons),
            "at": utc_now(),
        }
        self._file.write(encode_any(line) + b"\n")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
