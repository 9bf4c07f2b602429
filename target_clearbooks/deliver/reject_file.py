"""The reject file: records that were not written, each with its reasons, ready to be repaired."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from clearbooks.exact_json import encode_any
from target_clearbooks.line_faults import LINE
from target_clearbooks.output_files import open_output, utc_now

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from target_clearbooks.deliver.task import Task

_LONGEST = 64 * 1024 * 1024


class RejectFile:
    """Appends Singer RECORD messages with reasons beside the record; the target ignores those.

    Args:
        path: The file; None for none.
        run: The run that writes.
    """

    def __init__(self, path: Path | None, run: str) -> None:
        self.path = path
        self.run = run
        self._file: BinaryIO | None = None

    def record(
        self,
        business_id: int,
        task: Task,
        kind: str,
        reasons: Sequence[str],
        candidates: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        """Put a record on disk, before the store notes that it was refused."""
        entry: dict[str, Any] = {
            "type": "RECORD",
            "stream": task.stream,
            "key": task.source_key,
            "business": business_id,
            "class": kind,
            "reasons": reasons,
            "record": task.record,
            "key_properties": list(task.key_properties),
        }
        if candidates:
            entry["candidates"] = [dict(c) for c in candidates]
        self._write(entry)

    def line(self, number: int, text: bytes, reason: str) -> None:
        """Put a line that is no message on disk; repaired, its `text` is read again."""
        entry = {
            "type": LINE,
            "line": number,
            "class": "invalid",
            "reasons": [reason],
            "text": _text(text),
        }
        self._write(entry)

    def _write(self, entry: Mapping[str, Any]) -> None:
        if self.path is None:
            return
        if self._file is None:
            self._file = self._open(self.path)
        self._file.write(encode_any({**entry, "run": self.run, "at": utc_now()}) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    @staticmethod
    def _open(path: Path) -> BinaryIO:
        file = os.fdopen(open_output("rejects_path", path, os.O_APPEND | os.O_RDWR), "a+b")
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


def _text(line: bytes) -> str:
    """A line as text: what is no UTF-8 is most often Windows-1252."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace")
