"""The setting `references`: how the source's own names become those of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from clearbooks.errors import SettingError
from target_clearbooks.ledger.amounts import plain
from target_clearbooks.ledger.spelling import fold, listed

KINDS = (
    "accountCode", "bankAccount", "customer", "paymentMethod", "stockItem", "supplier",
    "vatRate", "vatTreatment",
)  # fmt: skip
ANY = "*"

DESCRIPTION = (
    "How names in the records become IDs: for each kind of reference "
    f"({', '.join(f'`{kind}`' for kind in KINDS)}) an object from the source's own name or number "
    "to a name, number or key of the ledger, such as "
    '`{"accountCode": {"4000": "Sales"}, "vatRate": {"T1": "20%", "T0": "0.00:Zero"}}`. '
    'The name `"*"` stands for records that give none: `{"customer": {"*": "Cash sales"}}`. '
    'A kind may be limited to one stream: `{"bills.accountCode": {"*": "Sundry expenses"}}`. '
    "Names that are not listed are looked up as they are."
)


class Aliases:
    """The setting, checked.

    Args:
        setting: Value of `references`.
        streams: Names that a kind may be limited to.

    Raises:
        SettingError: an unknown kind or stream, or something that is no object.
    """

    def __init__(self, setting: Mapping[str, Any], streams: Mapping[str, Any]) -> None:
        self._by_kind: dict[str, dict[str, Any]] = {}
        for kind, names in setting.items():
            stream, _, name = kind.rpartition(".")
            if name not in KINDS or (stream and stream not in streams):
                raise SettingError(
                    f"references: unknown kind {kind!r}; there are {listed(KINDS)}, each also "
                    "with a stream before it, such as bills.accountCode"
                )
            if not isinstance(names, Mapping):
                raise SettingError(
                    f'references: {kind}: should be an object such as {{"4000": "Sales"}}'
                )
            self._by_kind[kind] = {_spelling(k): v for k, v in names.items()}

    def meant(self, stream: str, kind: str, value: Any) -> Any:
        """What the ledger calls it; None stands for a record that names nothing."""
        for key in (f"{stream}.{kind}", kind):
            names = self._by_kind.get(key)
            if names is None:
                continue
            spelling = ANY if value is None or value == "" else _spelling(value)
            if spelling in names:
                return names[spelling]
        return value


def _spelling(value: Any) -> str:
    if value == ANY:
        return ANY
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return plain(Decimal(str(value)))
    text = str(value)
    # "0%" and "5.5" keep their signs apart: only plain words are folded.
    return fold(text) if any(c.isalpha() for c in text) else text.strip()
