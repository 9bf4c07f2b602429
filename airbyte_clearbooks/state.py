"""Airbyte's state and the tap's: one object for each stream, with a partition a business."""

from __future__ import annotations

from typing import Any

from clearbooks.errors import SettingError

# Kept in the state of a full refresh until it is complete, so that another attempt goes on.
UNFINISHED = "fullRefreshUnfinished"
# Airbyte's own word for the state of a stream that has none.
NOTHING = {"__ab_no_cursor_state_message": True}


def read_state(given: Any) -> dict[str, dict[str, Any]]:
    """Stream name -> its state, from the content of a state file.

    That is a list of STREAM states, with nulls or without, or empty; a GLOBAL state and whole
    messages are understood too. Keys that the platform adds (`__ab_…`) are dropped.

    Raises:
        SettingError: it is something else.
    """
    if given in (None, {}, []):
        return {}
    items = given if isinstance(given, list) else [given]
    found: dict[str, dict[str, Any]] = {}
    for item in items:
        for part in _streams(item):
            descriptor, state = part.get("stream_descriptor"), part.get("stream_state") or {}
            if not isinstance(descriptor, dict) or not isinstance(state, dict):
                raise _strange()
            found[str(descriptor.get("name"))] = {
                key: value for key, value in state.items() if not key.startswith("__ab_")
            }
    return {name: state for name, state in found.items() if state}


def _streams(item: Any) -> list[dict[str, Any]]:
    if isinstance(item, dict) and isinstance(item.get("state"), dict):
        item = item["state"]
    if not isinstance(item, dict):
        raise _strange()
    # PyAirbyte writes `global_`, since `global` is a word of Python.
    shared = item.get("global") or item.get("global_")
    parts = shared.get("stream_states") if isinstance(shared, dict) else [item.get("stream")]
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise _strange()
    return parts


def _strange() -> SettingError:
    return SettingError(
        "the state is none of this source's: it should be a list of messages such as "
        "{'type': 'STREAM', 'stream': {'stream_descriptor': {'name': …}, 'stream_state': …}}; "
        "reset the connection to begin anew"
    )


def out(bookmarks: dict[str, Any]) -> dict[str, Any]:
    """A stream's state for Airbyte, from the tap's bookmarks: without what a run needs for itself.

    The SDK notes where each run began; that would make two states differ that are the same.
    """
    own = ("starting_replication_value", "progress_markers", "replication_key_signpost")
    state = {key: value for key, value in bookmarks.items() if key not in own}
    if "partitions" in state:
        state["partitions"] = [
            {key: value for key, value in partition.items() if key not in own}
            for partition in state["partitions"]
        ]
    return state
