"""The reject file: records that were not written, each with its reasons, ready to be repaired."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import msgspec

from clearbooks.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from target_clearbooks.deliver.task import Task

_LONGEST = 64 * 1024 * 1024
_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)


class RejectFile:
    """Appends Singer RECORD messages with reasons beside the record; the target ignores those.

    Args:
        path: The file; None for none.
        run: The run that writes.

    Attributes:
        told: Called with each refused task and its reasons, file or not.
    """

    def __init__(self, path: Path | None, run: str) -> None:
        self.path = path
        self.run = run
        self.told: Callable[[Task, Sequence[str]], None] | None = None
        self._file: BinaryIO | None = None

    def write(
        self,
        business_id: int,
        task: Task,
        kind: str,
        reasons: Iterable[str],
        candidates: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        """Put a record on disk, before the store notes that it was refused."""
        reasons = list(reasons)
        if self.told is not None:
            self.told(task, reasons)
        if self.path is None:
            return
        line: dict[str, Any] = {
            "type": "RECORD",
            "stream": task.stream,
            "key": task.source_key,
            "business": business_id,
            "class": kind,
            "reasons": reasons,
            "record": task.record,
            "key_properties": list(task.key_properties),
            "run": self.run,
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        if candidates:
            line["candidates"] = [dict(c) for c in candidates]
        if self._file is None:
            self._file = self._open(self.path)
        self._file.write(_encoder.encode(line) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    @staticmethod
    def _open(path: Path) -> BinaryIO:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Whole records of somebody's ledger: for the owner's eyes only.
            file = os.fdopen(os.open(path, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600), "a+b")
        except OSError as error:
            raise SettingError(f"rejects_path: {path}: {error.strerror}") from None
        if file.seekable() and (end := file.seek(0, os.SEEK_END)):
            file.seek(max(end - _LONGEST, 0))
            tail = file.read()
            if not tail.endswith(b"\n"):
                # A run was killed while it wrote: its record comes again.
                file.truncate(end - len(tail) + tail.rfind(b"\n") + 1)
        return file

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
