"""How far each stream is: the tap's bookmarks, and what the target wrote last."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from clearbooks.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def selected_streams(catalog: Path) -> list[str]:
    """The streams that a Singer catalog selects.

    Raises:
        SettingError: the file is no catalog.
    """
    streams = _json(catalog, "--catalog").get("streams")
    if not isinstance(streams, list):
        raise SettingError(f"--catalog {catalog}: should hold a Singer catalog, with streams")
    return [s["tap_stream_id"] for s in streams if "tap_stream_id" in s and _selected(s)]


def _selected(stream: dict[str, Any]) -> bool:
    for entry in stream.get("metadata", []):
        if not entry.get("breadcrumb"):
            found = entry.get("metadata", {})
            return bool(found.get("selected", found.get("selected-by-default", True)))
    return bool(stream.get("selected", True))


def last_read(state: Path) -> Iterator[dict[str, Any]]:
    """The bookmark of each stream and business in a Singer state.

    Raises:
        SettingError: the file is no state.
    """
    found = _json(state, "--state")
    # Meltano stores the Singer state inside an object of its own.
    bookmarks = found.get("singer_state", found).get("bookmarks", {})
    for stream, bookmark in bookmarks.items():
        for part in bookmark.get("partitions") or [{"context": {}, **bookmark}]:
            value = part.get("replication_key_value")
            if value is not None:
                yield {
                    "direction": "read",
                    "stream": stream,
                    "business": part.get("context", {}).get("businessId"),
                    "up_to": value,
                }


def last_written(state_store: str | None) -> Iterator[dict[str, Any]]:
    """The newest run of the target for each stream and business; none where it never ran.

    Raises:
        SettingError: the store cannot be read.
    """
    # Imported here, so that `clearbooks status` starts sooner.
    from target_clearbooks.store import (
        NoStoreError,
        checked_location,
        history,
        open_store,
    )

    try:
        db = open_store(checked_location(state_store), write=False)
    except NoStoreError:
        return
    with closing(db):
        for last in history.last_written(db):
            fields = asdict(last)
            yield {"direction": "written", "business": fields.pop("business_id"), **fields}


def _json(path: Path, option: str) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"{option} {path}: {error.strerror}") from None
    except ValueError:
        raise SettingError(f"{option} {path}: not JSON") from None
    if not isinstance(found, dict):
        raise SettingError(f"{option} {path}: should hold one JSON object")
    return found
