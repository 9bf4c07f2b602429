"""The setting `references`: how the source's own names become those of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from clearbooks.errors import SettingError
from target_clearbooks.ledger.amounts import plain
from target_clearbooks.ledger.spelling import fold, join_names
from target_clearbooks.settings import REFERENCE_KINDS
from target_clearbooks.writable import WRITABLE

ANY = "*"


class Aliases:
    """The setting, checked.

    Args:
        setting: Value of `references`.

    Raises:
        SettingError: an unknown kind or stream, or something that is no object.
    """

    def __init__(self, setting: Mapping[str, Any]) -> None:
        self._by_kind: dict[str, dict[str, Any]] = {}
        for kind, names in setting.items():
            stream, _, name = kind.rpartition(".")
            if name not in REFERENCE_KINDS or (stream and stream not in WRITABLE):
                raise SettingError(
                    f"references: unknown kind {kind!r}; there are {join_names(REFERENCE_KINDS)}, "
                    "each also with a stream before it, such as bills.accountCode"
                )
            if not isinstance(names, Mapping):
                raise SettingError(
                    f'references: {kind}: should be an object such as {{"4000": "Sales"}}'
                )
            # A name that nobody has filled in yet stands for itself.
            filled = {k: v for k, v in names.items() if v not in (None, "")}
            self._by_kind[kind] = {_spelling(k): v for k, v in filled.items()}

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
