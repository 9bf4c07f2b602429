"""`tap-clearbooks-files`: the records of files as a Singer tap, for a loader such as the target.

A file that has not changed since the last run is not sent again: the STATE holds a digest of its
contents, and of what it is read with.
"""

from __future__ import annotations

import functools
import glob
import hashlib
import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from singer_sdk import Stream, Tap
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from typing_extensions import override

from clearbooks.errors import SettingError
from clearbooks.plugin import CheckedPlugin
from clearbooks.program import run, stop_on_signal
from clearbooks_files.errors import FileError
from clearbooks_files.mapping import Mapping, load_mapping
from clearbooks_files.source import FILE, SourceFile
from clearbooks_files.templates import LINE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from singer_sdk.helpers.capabilities import CapabilitiesEnum

_FILES = "files"
_BLOCK = 1024 * 1024
_SETTINGS = {
    "type": "object",
    "properties": {
        _FILES: {
            "type": "array",
            "title": "Files",
            "description": "What to read: for each kind of file an object with `path` (a file, or "
            "a pattern such as `inbox/*.csv`), `as` (a preset, or a file that holds a mapping) and "
            "`set` (values for the mapping's options).",
            "items": {
                "type": "object",
                "properties": {
                    "path": {"type": "string"},
                    "as": {"type": "string"},
                    "set": {"type": "object"},
                },
                "required": ["path", "as"],
                "additionalProperties": False,
            },
        }
    },
    "required": [_FILES],
}


class Inbox:
    """One entry of the setting `files`: the files that a pattern leads to, and their mapping."""

    def __init__(self, entry: dict[str, Any]) -> None:
        self.pattern = str(entry["path"])
        self.mapping: Mapping = load_mapping(entry["as"])
        self._options: dict[str, Any] = entry.get("set") or {}
        self._sources: dict[Path, SourceFile] = {}

    @functools.cached_property
    def digests(self) -> dict[str, str]:
        """The digest of each file, with that of what it is read with.

        Raises:
            FileError: there is no such file.
        """
        paths = sorted(glob.glob(self.pattern, recursive=True))  # noqa: PTH207 - may be absolute
        if not paths:
            raise FileError(f"files: there is no file {self.pattern}")
        how = msgspec.json.encode([self.mapping, self._options], order="sorted")
        return {path: _digest(Path(path), how) for path in paths}

    def source(self, path: str) -> SourceFile:
        """A file, read when it is first asked for."""
        found = self._sources.get(Path(path))
        if found is None:
            found = self._sources[Path(path)] = SourceFile(Path(path), self.mapping, self._options)
        return found

    def close(self) -> None:
        """Let go of what was read."""
        for source in self._sources.values():
            source.close()


def _digest(path: Path, how: bytes) -> str:
    found = hashlib.sha256(how)
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                found.update(block)
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from None
    return found.hexdigest()


class FileStream(Stream):
    """A stream of the target: its records out of every file that makes some."""

    primary_keys: ClassVar[list[str]] = ["externalId"]
    # Records hold what their mapping says: nothing of it is dropped for not being announced. The
    # name of the class has moved between versions of the SDK.
    TYPE_CONFORMANCE_LEVEL = type(Stream.TYPE_CONFORMANCE_LEVEL).NONE

    def __init__(self, tap: TapClearbooksFiles, name: str) -> None:
        super().__init__(tap, schema=_schema(tap.inboxes, name), name=name)
        self._inboxes = tap.inboxes

    @override
    def get_records(self, context: Any) -> Iterator[dict[str, Any]]:
        state: dict[str, Any] = self.get_context_state(context)
        known = dict(state.get(_FILES) or {})
        # All of them are read and checked before the first record of any of them leaves.
        due = [
            (inbox.source(path), path, digest)
            for inbox in self._inboxes
            for path, digest in inbox.digests.items()
            if known.get(path) != digest
        ]
        for source, path, digest in due:
            for stream, record in source.records():
                if stream == self.name:
                    yield record
            known[path] = digest
        state[_FILES] = known


def _fields(mapping: Mapping, stream: str) -> set[str]:
    return {
        name
        for record in mapping.records
        if record.stream == stream
        for name in ("externalId", *record.fields)
    }


def _schema(inboxes: Iterable[Inbox], stream: str) -> dict[str, Any]:
    """The fields by name; what they hold is checked by the target."""
    names = sorted(set().union(*(_fields(inbox.mapping, stream) for inbox in inboxes)))
    text = {"type": ["string", "null"]}
    own = {"externalId": text, FILE: text, LINE: {"type": ["integer", "null"]}}
    return {"type": "object", "properties": {name: {} for name in names} | own}


class TapClearbooksFiles(CheckedPlugin, Tap):
    """Singer tap for the files that people have: bank statements, payouts, orders, payrolls."""

    name = "tap-clearbooks-files"
    config_jsonschema: ClassVar[dict[str, Any]] = _SETTINGS
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    @functools.cached_property
    def inboxes(self) -> list[Inbox]:
        """The entries of the setting `files`."""
        entries = self.config[_FILES]
        if isinstance(entries, str):
            # Out of the environment.
            try:
                entries = json.loads(entries)
            except ValueError as error:
                raise SettingError(f"files: is not JSON: {error}") from None
        return [Inbox(entry) for entry in entries]

    @override
    def discover_streams(self) -> list[FileStream]:
        names = [record.stream for inbox in self.inboxes for record in inbox.mapping.records]
        return [FileStream(self, name) for name in dict.fromkeys(names)]

    # Final in the SDK, which sorts them by name.
    @override  # type: ignore[misc]
    def load_streams(self) -> list[Stream]:
        # Those of a mapping stand in the order that the target needs.
        return list(self.discover_streams())

    @override
    def _setup_signal_handlers(self) -> None:
        """None: signals are the program's business, and the SDK's handlers end with code 0."""


def main() -> None:
    """Run `tap-clearbooks-files`."""
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, stop_on_signal)
    run(TapClearbooksFiles.cli, TapClearbooksFiles.logger)
