"""Settings of the target beside those of the connection, checked once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clearbooks.errors import SettingError
from clearbooks.settings import DEFAULT_MAX_IN_FLIGHT
from target_clearbooks.intent import PrepareSettings
from target_clearbooks.prepare.aliases import DESCRIPTION as REFERENCES
from target_clearbooks.store import checked_location

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENVIRONMENT = "TARGET_CLEARBOOKS_"
_YES = frozenset({"true", "1", "yes", "on", "y", "t"})
_NO = frozenset({"", "false", "0", "no", "off", "n", "f", "null", "none"})
MODES = ("upsert", "create", "update")
ON_REJECT = ("continue", "fail")
MARKERS = ("reference", "off")
UNKNOWN = ("fail", "ignore")
MISSING = ("customers", "suppliers")
DEFAULT_SETTLE = 60


def _one_of(title: str, values: tuple[str, ...], description: str) -> dict[str, Any]:
    return {
        "type": ["string", "null"],
        "title": title,
        "description": description,
        "enum": [*values, None],
        "default": values[0],
    }


def _list_of(
    title: str, description: str, default: list[str] | None, **more: Any
) -> dict[str, Any]:
    return {
        "type": ["array", "null"],
        "items": {"type": "string", **more},
        "title": title,
        "description": description,
        **({} if default is None else {"default": default}),
    }


def _text(title: str, description: str) -> dict[str, Any]:
    return {"type": ["string", "null"], "title": title, "description": description}


def _flag(title: str, description: str) -> dict[str, Any]:
    return {"type": ["boolean", "null"], "title": title, "description": description,
            "default": False}  # fmt: skip


def _number(title: str, description: str, default: int) -> dict[str, Any]:
    return {"type": ["integer", "null"], "title": title, "description": description,
            "default": default, "minimum": 0}  # fmt: skip


def target_properties() -> dict[str, Any]:
    """JSON Schema properties of the target's own settings."""
    return {
        "state_store": _text(
            "State store",
            "Holds what was written, what is in doubt and which source record became what: a file "
            "path, or a `postgresql://` URL (for several machines). Keep it: without it nothing "
            "is known of earlier runs. Default: `target.sqlite3` in the user's state directory.",
        ),
        "mode": _one_of(
            "Mode", MODES,
            "`upsert` creates and updates, `create` never changes what is there, `update` never "
            "creates.",
        ),
        "on_reject": _one_of(
            "On a rejected record", ON_REJECT,
            "`continue` with the next record, or `fail` and end the run.",
        ),
        "max_rejects": _number(
            "Rejects allowed", "More rejected records than this end the run with exit code 3.", 0
        ),
        "rejects_path": _text(
            "Reject file",
            "JSON lines, one a record that was not written, with the reasons. After repair the "
            "file can be piped into the target.",
        ),
        "dry_run": _flag("Dry run", "Write a plan instead of the ledger; needs `plan_path`."),
        "plan_path": _text("Plan", "File for the plan of a dry run; see `clearbooks apply`."),
        "match": _list_of(
            "Match contacts by",
            "Fields that identify a customer or supplier that is not in the map, best first. "
            "Without `externalId` that field is not sent either: older accounts refuse it.",
            list(PrepareSettings().match),
        ),
        "references": {
            "type": ["object", "null"],
            "title": "References",
            "description": REFERENCES,
            "default": {},
        },
        "marker": _one_of(
            "Marker", MARKERS,
            "What tells a document as ours: its `reference` (a payment's description), or `off` "
            "where it may not be printed. Without it documents are written one at a time.",
        ),
        "settle_seconds": _number(
            "Settle time",
            "Seconds to wait after a lost reply before the ledger is asked what became of the "
            "write.",
            DEFAULT_SETTLE,
        ),
        "attachments_dir": _text(
            "Attachments directory", "Files to attach are read below this directory only."
        ),
        "attachment_hosts": _list_of(
            "Attachment hosts", "Hosts from which files to attach may be fetched by https.", []
        ),
        "create_missing": _list_of(
            "Create missing", "Contacts to make from the records that need them.", [],
            enum=list(MISSING),
        ),
        "allow_delete": _flag(
            "Allow deletion", 'Let `_operation: "delete"` delete for good what can be deleted.'
        ),
        "unknown_streams": _one_of(
            "Unknown streams", UNKNOWN, "`fail`, or `ignore` streams that cannot be written."
        ),
        "assume_new": _flag(
            "Assume new",
            "For one run: create also what is like something that the ledger held before the state "
            "store began, and the first bank feed, which no list of the API would show.",
        ),
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """The checked settings of a run."""

    state_store: str
    prepare: PrepareSettings
    mode: str = "upsert"
    on_reject: str = "continue"
    max_rejects: int = 0
    rejects_path: Path | None = None
    dry_run: bool = False
    plan_path: Path | None = None
    settle_seconds: int = DEFAULT_SETTLE
    unknown_streams: str = "fail"
    assume_new: bool = False
    in_flight: int = DEFAULT_MAX_IN_FLIGHT

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> TargetSettings:
        """What a configuration says; empty values count as unset.

        Raises:
            SettingError: a value that cannot work.
        """
        given = {k: v for k, v in config.items() if v not in (None, "")}
        for name, values in (
            ("mode", MODES), ("on_reject", ON_REJECT), ("marker", MARKERS),
            ("unknown_streams", UNKNOWN),
        ):  # fmt: skip
            if given.get(name, values[0]) not in values:
                raise SettingError(f"{name}: {given[name]!r} should be one of {', '.join(values)}")
        wrong = set(given.get("create_missing", ())) - set(MISSING)
        if wrong:
            raise SettingError(f"create_missing: only {' and '.join(MISSING)} can be made")
        if dry_run_in_environment():
            # Whoever asks for a dry run gets one, also without `--config ENV`.
            given["dry_run"] = True
            given.setdefault("plan_path", os.environ.get(f"{_ENVIRONMENT}PLAN_PATH") or None)
        if given.get("dry_run") and not given.get("plan_path"):
            raise SettingError("plan_path: a dry run needs a file to write its plan into")
        prepare = PrepareSettings(
            mode=given.get("mode", MODES[0]),
            match=tuple(given.get("match", PrepareSettings().match)),
            references=given.get("references", {}),
            marker=given.get("marker", MARKERS[0]),
            create_missing=frozenset(given.get("create_missing", ())),
            allow_delete=bool(given.get("allow_delete", False)),
            attachments_dir=given.get("attachments_dir"),
            attachment_hosts=tuple(given.get("attachment_hosts", ())),
        )
        return cls(
            state_store=checked_location(given.get("state_store")),
            prepare=prepare,
            mode=prepare.mode,
            on_reject=given.get("on_reject", ON_REJECT[0]),
            max_rejects=int(given.get("max_rejects", 0)),
            rejects_path=_path(given.get("rejects_path")),
            dry_run=bool(given.get("dry_run", False)),
            plan_path=_path(given.get("plan_path")),
            settle_seconds=int(given.get("settle_seconds", DEFAULT_SETTLE)),
            unknown_streams=given.get("unknown_streams", UNKNOWN[0]),
            assume_new=bool(given.get("assume_new", False)),
            in_flight=int(given.get("max_in_flight", DEFAULT_MAX_IN_FLIGHT)),
        )


def dry_run_in_environment() -> bool:
    """Whether the environment asks for a dry run.

    Raises:
        SettingError: it says neither yes nor no.
    """
    name = f"{_ENVIRONMENT}DRY_RUN"
    value = os.environ.get(name, "").strip()
    if value.casefold() in _YES | _NO:
        return value.casefold() in _YES
    raise SettingError(f"{name}: {value!r} should be true or false")


def _path(value: str | None) -> Path | None:
    return Path(value).expanduser() if value else None
