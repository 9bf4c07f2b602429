"""Attachments: the document that a file belongs to, its name, and where its bytes are."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from clearbooks.contract import load_contract
from target_clearbooks.control_fields import CONTROL_FIELDS
from target_clearbooks.ledger.amounts import integer, quoted
from target_clearbooks.ledger.spelling import closest, fold, join_names
from target_clearbooks.prepare.shapes import folded_keys
from target_clearbooks.writable import WRITABLE, Kind, streams_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_clearbooks.prepare.draft import Draft
    from target_clearbooks.writable import Writable

NAMES = ("fileName", "name")
CONTENT = ("content", "path", "url")
"""By which fields a record gives the name of its file, and the bytes."""

# What the tap reads of an attachment, and what every record may hold.
_REST = ("externalId", "businessId", "id", "size", "dateUploaded", *CONTROL_FIELDS)


def attached_to(draft: Draft, record: Mapping[str, Any]) -> dict[str, Any]:
    """Path parameters of the document that a file belongs to."""
    type_name, id_name = parameters(draft.row)
    nouns = documents(draft.row)
    given = folded_keys(record, (*nouns, "document", type_name, id_name))
    if type_name in given or id_name in given:
        return _by_id(draft, given)
    if len(given) != 1:
        draft.fault(f"document: give one of {join_names([*nouns, 'document'])}")
        return {}
    name, value = next(iter(given.items()))
    streams = tuple(nouns.values()) if name == "document" else (nouns[name],)
    look = draft.resolver.references.document
    found = draft.findings.attempt(name, look, streams, value)
    if found is None:
        return {}
    draft.findings.found_by(found[2], *streams)
    return {type_name: _type(found[0], type_name), id_name: found[1]["id"]}


def parameters(row: Writable) -> tuple[str, str]:
    """Path parameters for the type and the ID of the document."""
    type_name, id_name, *_ = load_contract().resources[row.stream].dimensions
    return type_name, id_name


def documents(row: Writable) -> dict[str, str]:
    """What a record may call each kind of document, and its stream."""
    streams = streams_of(Kind.DOCUMENT, side=row.side)
    return {WRITABLE[stream].noun: stream for stream in streams}


def _by_id(draft: Draft, given: Mapping[str, Any]) -> dict[str, Any]:
    type_name, id_name = parameters(draft.row)
    known = [_type(stream, type_name) for stream in documents(draft.row).values()]
    kind = given.get(type_name)
    if kind not in known:
        draft.fault(f"{type_name}: {quoted(kind)} should be one of {join_names(known)}")
    found = draft.findings.attempt(id_name, integer, given.get(id_name))
    return {type_name: kind, id_name: found}


def _type(stream: str, name: str) -> str:
    return load_contract().resources[stream].fixed[name]


def content(record: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a record that hold or point to the bytes, by their own names."""
    return folded_keys(record, CONTENT)


def file_name(draft: Draft, record: Mapping[str, Any]) -> str:
    """Name of the file, without a directory; without one, that of the path it is read from."""
    given = folded_keys(record, (*NAMES, "path"))
    name = str(given.get("fileName", given.get("name", ""))).strip()
    if not name and "path" in given:
        name = PurePosixPath(str(given["path"])).name
    if not name:
        draft.fault("fileName: is required")
    elif "/" in name or "\\" in name or name in (".", ".."):
        draft.fault(f"fileName: {quoted(name)} should be a name without directories")
    else:
        _check_extension(draft, name)
    return name


def _check_extension(draft: Draft, name: str) -> None:
    """Note a file of a kind that the API does not take."""
    known = load_contract().resources[draft.row.stream].schema["x-extensions"]
    if PurePosixPath(name).suffix[1:].lower() not in known:
        draft.fault(
            f"fileName: {quoted(name)}: Clear Books takes no files of this kind; the name should "
            f"end in {join_names(known, len(known))}"
        )


def is_attachment_field(row: Writable, name: str) -> bool:
    """Whether an attachment has a field of this name."""
    return fold(name) in {fold(known) for known in _fields(row)}


def _fields(row: Writable) -> tuple[str, ...]:
    return (*documents(row), "document", *parameters(row), *NAMES, *CONTENT, *_REST)


def check_fields(draft: Draft, record: Mapping[str, Any]) -> None:
    """Note fields that no attachment has."""
    known = _fields(draft.row)
    for key, value in record.items():
        own = is_attachment_field(draft.row, key)
        if value is not None and not own and not key.startswith("_sdc_"):
            meant = closest(key, known)
            hint = f"did you mean {meant}?" if meant else f"known are {join_names(known, 20)}"
            draft.fault(f"{key}: unknown field; {hint}")
