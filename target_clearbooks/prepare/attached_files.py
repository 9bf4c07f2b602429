"""Attachments: the document a file belongs to, and its name. The bytes are read elsewhere."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from clearbooks.contract import load_contract
from target_clearbooks.ledger.amounts import integer, shown
from target_clearbooks.ledger.lookups import PURCHASES, SALES
from target_clearbooks.ledger.spelling import fold, listed, nearest
from target_clearbooks.prepare.shapes import folded_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_clearbooks.prepare.context import Kit
    from target_clearbooks.prepare.diagnostics import Findings

# Stream -> its type and ID as path parameters, and what a record may call each kind of document.
_TYPES = {
    "sales_attachments": ("salesType", "salesId", SALES, ("invoice", "creditNote", "quote")),
    "purchase_attachments": (
        "purchaseType", "purchaseId", PURCHASES, ("bill", "creditNote", "expense"),
    ),
}  # fmt: skip
_NAMES = ("fileName", "name")
_CONTENT = ("content", "path", "url")
# What the tap reads of an attachment, and what every record may hold.
_REST = ("externalId", "_operation", "businessId", "id", "size", "dateUploaded")


def attached_to(kit: Kit, stream: str, record: Mapping[str, Any], note: Findings) -> dict[str, Any]:
    """Path parameters of the document that a file belongs to."""
    kind, number, streams, names = _TYPES[stream]
    given = folded_keys(record, (*names, "document", kind, number))
    if kind in given or number in given:
        return _by_id(given, kind, number, streams, note)
    if len(given) != 1:
        note.faults.append(f"document: give one of {listed([*names, 'document'])}")
        return {}
    name, value = next(iter(given.items()))
    wanted = streams if name == "document" else (streams[names.index(name)],)
    found = note.attempt(name, kit.references.document, wanted, value)
    if found is None:
        return {}
    note.used(found[2])
    return {kind: _type(found[0], kind), number: found[1]["id"]}


def _by_id(
    given: Mapping[str, Any], kind: str, number: str, streams: tuple[str, ...], note: Findings
) -> dict[str, Any]:
    known = [_type(stream, kind) for stream in streams]
    if given.get(kind) not in known:
        note.faults.append(f"{kind}: {shown(given.get(kind))} should be one of {listed(known)}")
    found = note.attempt(number, integer, given.get(number))
    return {kind: given.get(kind), number: found}


def _type(stream: str, kind: str) -> str:
    return load_contract().resources[stream].fixed[kind]


def content(record: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a record that hold or point to the bytes, by their own names."""
    return folded_keys(record, _CONTENT)


def file_name(record: Mapping[str, Any], note: Findings) -> str:
    """Name of the file, without a directory; without one, that of the path it is read from."""
    given = folded_keys(record, (*_NAMES, "path"))
    name = str(given.get("fileName", given.get("name", ""))).strip()
    if not name and "path" in given:
        name = PurePosixPath(str(given["path"])).name
    if not name:
        note.faults.append("fileName: is required")
    elif "/" in name or "\\" in name or name in (".", ".."):
        note.faults.append(f"fileName: {shown(name)} should be a name without directories")
    return name


def unknown(stream: str, record: Mapping[str, Any], note: Findings) -> None:
    """Note fields that no attachment has."""
    kind, number, _, names = _TYPES[stream]
    known = (*names, "document", kind, number, *_NAMES, *_CONTENT, *_REST)
    by_fold = {fold(name) for name in known}
    for key, value in record.items():
        if value is not None and fold(key) not in by_fold and not key.startswith("_sdc_"):
            meant = nearest(key, known)
            hint = f"did you mean {meant}?" if meant else f"known are {listed(known, 20)}"
            note.faults.append(f"{key}: unknown field; {hint}")
