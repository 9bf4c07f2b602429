"""The target's own settings."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from msgspec import Meta
from typing_extensions import override

from clearbooks.configuration import SECRET, JsonSchema, Settings, value_of_variable
from clearbooks.errors import SettingError
from target_clearbooks.source_key import GENERATED
from target_clearbooks.store import checked_location
from target_clearbooks.writable import CONTACT_KEYS

_ENVIRONMENT = "TARGET_CLEARBOOKS_"

REFERENCE_KINDS = (
    "accountCode",
    "bankAccount",
    "customer",
    "paymentMethod",
    "stockItem",
    "supplier",
    "vatRate",
    "vatTreatment",
)
"""What records of the source may call by names of their own."""


@dataclass(frozen=True, repr=False, kw_only=True)
class TargetSettings(Settings):
    """How to write, and what to do with a record that cannot be written.

    Raises:
        SettingError: on construction, for settings that cannot work together.
    """

    state_store: Annotated[
        str,
        Meta(
            title="State store",
            description="Holds what was written, what is in doubt and which source record became "
            "what: a file path, or a `postgresql://` URL (for several machines). Keep it: without "
            "it nothing is known of earlier runs. Default: `target.sqlite3` in the user's state "
            "directory.",
        ),
    ] = ""
    source: Annotated[
        str,
        Meta(
            title="Source",
            description="Namespace of the source keys, such as `shop-b`: give each source one of "
            "its own where several write into one business, so that order 1001 of the one is not "
            "taken for that of the other. See `clearbooks map source` before setting it for "
            "records that were written without.",
        ),
    ] = ""
    mode: Annotated[
        Literal["upsert", "create", "update"],
        Meta(
            title="Mode",
            description="`upsert` creates and updates, `create` never changes what is there, "
            "`update` never creates.",
        ),
    ] = "upsert"
    on_change: Annotated[
        Literal["update", "replace"],
        Meta(
            title="On a change that the ledger refuses",
            description="What becomes of a changed record whose entry in the ledger cannot be "
            "updated: `update` rejects it; `replace` takes back what stands in the way and writes "
            "it anew in the same run. A journal is reversed and posted again; what is allocated "
            "to a document or payment is freed, and allocated again once that has changed. "
            '`_operation: "replace"` asks for it for one record.',
        ),
    ] = "update"
    on_reject: Annotated[
        Literal["continue", "fail"],
        Meta(
            title="On a rejected record",
            description="`continue` with the next record, or `fail` and end the run.",
        ),
    ] = "continue"
    max_rejects: Annotated[
        int,
        Meta(
            title="Rejects allowed",
            description="More rejected records than this end the run with exit code 3.",
            ge=0,
        ),
    ] = 0
    rejects_path: Annotated[
        Path | None,
        Meta(
            title="Reject file",
            description="JSON lines, one a record that was not written, with the reasons. After "
            "repair the file can be piped into the target.",
        ),
    ] = None
    results_path: Annotated[
        Path | None,
        Meta(
            title="Results file",
            description="JSON lines, one a record of the run: what became of it, and its ID and "
            "number in the ledger.",
        ),
    ] = None
    report_path: Annotated[
        Path | None,
        Meta(
            title="Report",
            description="File for a page (HTML) of the run: what it did or plans, what that comes "
            "to, what was refused and why, each record, and the chain of intents with their "
            "digests.",
        ),
    ] = None
    dry_run: Annotated[
        bool,
        Meta(
            title="Dry run",
            description="Write a plan instead of the ledger; needs `plan_path`.",
        ),
    ] = False
    plan_path: Annotated[
        Path | None,
        Meta(title="Plan", description="File for the plan of a dry run; see `clearbooks apply`."),
    ] = None
    match: Annotated[
        tuple[str, ...],
        Meta(
            title="Match contacts by",
            description="Fields that identify a customer or supplier that is not in the map, best "
            "first. Without `externalId` that field is not sent either: older accounts refuse it.",
        ),
    ] = CONTACT_KEYS
    references: Annotated[
        Mapping[str, Any],
        Meta(
            title="References",
            description="How names in the records become IDs: for each kind of reference "
            f"({', '.join(f'`{kind}`' for kind in REFERENCE_KINDS)}) an object from the source's "
            "own name or number to a name, number or key of the ledger, such as "
            '`{"accountCode": {"4000": "Revenue"}, "vatRate": {"T1": "20%", "T0": "0.00:Zero"}}`. '
            'The name `"*"` stands for records that give none: '
            '`{"customer": {"*": "Cash sales"}}`. A kind may be limited to one stream: '
            '`{"bills.accountCode": {"*": "General administration"}}`. Names that are not listed '
            "are looked up as they are.",
        ),
    ] = field(default_factory=dict)
    marker: Annotated[
        Literal["reference", "off"],
        Meta(
            title="Marker",
            description="What tells a document as ours: its `reference` (a payment's "
            "description), or `off` where it may not be printed. Without it documents are written "
            "one at a time.",
        ),
    ] = "reference"
    settle_seconds: Annotated[
        int,
        Meta(
            title="Settle time",
            description="Seconds to wait after a lost reply before the ledger is asked what "
            "became of the write.",
            ge=0,
        ),
    ] = 60
    attachments_dir: Annotated[
        str | None,
        Meta(
            title="Attachments directory",
            description="Files to attach are read below this directory only.",
        ),
    ] = None
    attachment_hosts: Annotated[
        tuple[str, ...],
        Meta(
            title="Attachment hosts",
            description="Hosts from which files to attach may be fetched by https; "
            "`*.example.com` stands for all below `example.com`. A redirect is followed to one of "
            "them.",
        ),
    ] = ()
    attachment_headers: Annotated[
        Mapping[str, Any],
        Meta(
            title="Attachment headers",
            description="What a host asks for, sent to that host alone: "
            '`{"files.example.com": {"Authorization": "Bearer …"}}`.',
            extra_json_schema=SECRET,
        ),
    ] = field(default_factory=dict)
    on_ambiguous_contact: Annotated[
        Literal["quarantine", "create", "adopt"],
        Meta(
            title="On an ambiguous contact",
            description="Where several contacts of the ledger may be meant, or one that belongs "
            "to another source key: `quarantine` the record with the candidates, `create` another "
            "contact, or `adopt` the one that agrees best.",
        ),
    ] = "quarantine"
    create_missing: Annotated[
        tuple[Literal["customers", "suppliers"], ...],
        Meta(
            title="Create missing",
            description="Contacts to make from the records that need them.",
        ),
    ] = ()
    on_difference: Annotated[
        Literal["warn", "reject"],
        Meta(
            title="On a difference",
            description="What becomes of a document whose lines do not come to the `net`, `vat` "
            "or `gross` that its record states: `warn`, which also sets VAT by hand where it was "
            "only rounded otherwise, or `reject` before anything is sent.",
        ),
    ] = "warn"
    default_vat_rate: Annotated[
        bool,
        Meta(
            title="Default VAT rate",
            description="Let a line that gives no VAT rate take the default rate of its account.",
        ),
    ] = False
    allow_delete: Annotated[
        bool,
        Meta(
            title="Allow deletion",
            description='Let `_operation: "delete"` delete for good what can be deleted.',
        ),
    ] = False
    on_deleted: Annotated[
        Literal["void", "ignore"],
        Meta(
            title="On a record that was deleted",
            description="What a record with `_sdc_deleted_at` does, the tombstone of a tap: `void` "
            "what the record became (with `allow_delete`, delete what cannot be voided), or "
            "`ignore` it. It never creates anything.",
        ),
    ] = "void"
    unknown_streams: Annotated[
        Literal["fail", "ignore"],
        Meta(
            title="Unknown streams",
            description="`fail`, or `ignore` streams that cannot be written.",
        ),
    ] = "fail"
    assume_new: Annotated[
        bool,
        Meta(
            title="Assume new",
            description="For one run: create the first bank feed of this state store, although no "
            "list of the API tells whether one stands there already.",
        ),
    ] = False

    @override
    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """See `Settings.from_config`. Whoever asks for a dry run in the environment gets one."""
        if dry_run_in_environment():
            plan = config.get("plan_path") or os.environ.get(f"{_ENVIRONMENT}PLAN_PATH")
            config = {**config, "dry_run": True, "plan_path": plan}
        return super().from_config(config)

    def __post_init__(self) -> None:
        if self.dry_run and self.plan_path is None:
            raise SettingError("plan_path: a dry run needs a file to write its plan into")
        check_source(self.source)
        check_hosts(self.attachment_hosts, self.attachment_headers)
        self._put(state_store=checked_location(self.state_store))


def check_source(source: str) -> None:
    """Make sure that a namespace can be told from the key behind it.

    Raises:
        SettingError: it holds a colon, or begins like a key that was made up.
    """
    if ":" in source or source.startswith(GENERATED) or source != source.strip():
        raise SettingError(
            f"source: {source!r} should be a name such as shop-b, without a colon, a space at its "
            f"ends or {GENERATED} in front"
        )


def check_hosts(hosts: tuple[str, ...], headers: Mapping[str, Any]) -> None:
    """Make sure that hosts are named so that each pattern means what it says.

    Raises:
        SettingError: a `*` stands elsewhere than before the first dot, or headers are no object.
    """
    for host in (*hosts, *headers):
        if "*" in host.removeprefix("*.") or host.removeprefix("*.").count(".") < host.count("*"):
            raise SettingError(
                f"attachment_hosts: {host!r} should be a host, or *.example.com for all below it"
            )
    for host, named in headers.items():
        if not isinstance(named, Mapping):
            raise SettingError(f"attachment_headers: {host} should hold an object of headers")


def dry_run_in_environment() -> bool:
    """Whether the environment asks for a dry run.

    Raises:
        SettingError: it says neither yes nor no.
    """
    name = f"{_ENVIRONMENT}DRY_RUN"
    text = os.environ.get(name, "").strip()
    value = value_of_variable({"type": "boolean"}, text or "false")
    if not isinstance(value, bool):
        raise SettingError(f"{name}: {text!r} should be true or false")
    return value


def target_properties() -> dict[str, JsonSchema]:
    """JSON Schema of each of the settings that only the target has."""
    return TargetSettings.properties()
