"""What a source calls accounts, contacts and VAT, and what the ledger calls them: `references`."""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clearbooks.client import Client
from clearbooks.errors import SettingError
from clearbooks_app.operations.candidates import LISTS
from clearbooks_app.operations.doubts import list_doubts
from clearbooks_app.operations.numbers import whole
from clearbooks_app.target_session import target_connection
from target_clearbooks.ledger.lookups import Lookups
from target_clearbooks.ledger.spelling import closest, fold
from target_clearbooks.prepare.aliases import Aliases
from target_clearbooks.prepare.vat import MANUAL, percentage
from target_clearbooks.settings import REFERENCE_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from decimal import Decimal

    from clearbooks_app.config import Settings

# Of a list, so many names are offered.
_MOST = 5000
# How alike a name must be to be filled in: `Telephones` is `Telephone`, and `Pest control` is not
# `VAT control`.
_SURE = 0.85
_BY_KEY = {"vatRate", "vatTreatment"}
_VAT_TYPES = ("sales", "purchases")


@dataclass(frozen=True, slots=True)
class Choice:
    """A record of the ledger that a name may stand for.

    Attributes:
        value: What `references` holds for it: its number, or the key of a VAT rate or treatment.
        name: What the ledger calls it.
        percent: Of a VAT rate.
    """

    value: int | str
    name: str
    percent: Decimal | None = None


@dataclass(slots=True)
class Naming:
    """The names of one kind.

    Attributes:
        kind: Such as `accountCode`.
        choices: What the ledger has.
        mapped: Names of the source that stand for something, and for what.
        unknown: Names of the source that the ledger does not have, and the nearest of the ledger.
    """

    kind: str
    choices: list[Choice] = field(default_factory=list)
    mapped: dict[str, Any] = field(default_factory=dict)
    unknown: dict[str, Choice | None] = field(default_factory=dict)


def names_in(value: Any, kinds: Iterable[str] = LISTS) -> Iterator[tuple[str, str]]:
    """The kind and the name of what a record names, wherever in it."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name in kinds and isinstance(item, (str, int)) and item != "":
                yield name, str(item)
            elif name in kinds and isinstance(item, dict) and item.get("name"):
                yield name, str(item["name"])
            yield from names_in(item, kinds)
    elif isinstance(value, list):
        for item in value:
            yield from names_in(item, kinds)


def unknown_names(
    settings: Settings, business: int, names: Mapping[str, Iterable[str]]
) -> dict[str, dict[str, Choice | None]]:
    """Names that the ledger does not have, each with the nearest that it has.

    Args:
        settings: Of the target.
        business: Whose ledger.
        names: The names of each kind.

    Raises:
        ClearBooksError: a list cannot be read.
    """
    found = {}
    for kind, choices in ledger_names(settings, business, names).items():
        unknown = _unknown(names[kind], choices)
        if unknown:
            found[kind] = unknown
    return found


def naming(settings: Settings, business: int, kinds: Iterable[str] = LISTS) -> list[Naming]:
    """What is mapped, and what of the records that wait for a person fits nothing.

    Raises:
        ClearBooksError: a list of the ledger, or the state store, cannot be read.
    """
    kinds = list(kinds)
    wanted: dict[str, dict[str, None]] = {kind: {} for kind in kinds}
    for doubt in list_doubts(settings):
        if doubt.business == business:
            for kind, name in names_in(doubt.record, kinds):
                wanted[kind][name] = None
    mapped = settings.values.get("references") or {}
    found = []
    for kind, choices in ledger_names(settings, business, kinds).items():
        own = {name: _as_choice(value) for name, value in mapped.get(kind, {}).items()}
        known = set(map(fold, own))
        names = [name for name in wanted[kind] if fold(name) not in known]
        found.append(Naming(kind, choices, own, _unknown(names, choices)))
    return found


def ledger_names(
    settings: Settings, business: int, kinds: Iterable[str]
) -> dict[str, list[Choice]]:
    """What the ledger has of some kinds, by name.

    Raises:
        ClearBooksError: a list cannot be read.
    """
    with Client(target_connection(settings)) as client, Lookups(client, business) as lookups:
        return {kind: _choices(lookups, kind) for kind in kinds}


def _choices(lookups: Lookups, kind: str) -> list[Choice]:
    if kind in _BY_KEY:
        # One key may go with both sides, and with several treatments.
        rows = [row for side in _VAT_TYPES for row in lookups.rows(LISTS[kind], vatType=side)]
        named: dict[str, dict[str, None]] = {}
        for row in rows:
            named.setdefault(row["key"], {})[str(row.get("name", ""))] = None
        percents = {row["key"]: _percent(row.get("rate")) for row in rows}
        return [Choice(key, " / ".join(names), percents[key]) for key, names in named.items()]
    rows = list(lookups.table(LISTS[kind]).rows)
    found = [Choice(row["id"], str(row.get("name", ""))) for row in rows[:_MOST]]
    return sorted(found, key=lambda choice: choice.name.casefold())


def _percent(rate: Any) -> Decimal | None:
    found = percentage(rate)
    return found.value if found else None


def _unknown(names: Iterable[str], choices: list[Choice]) -> dict[str, Choice | None]:
    by_name = {choice.name: choice for choice in choices}
    # The key `20.00:Standard` is known by the word in it, too.
    known = {fold(t) for c in choices for t in (c.name, str(c.value), _word(c))} | {fold(MANUAL)}
    rates = {choice.percent for choice in choices}
    return {
        name: by_name.get(closest(name, by_name, _SURE) or "") or _rate_in(name, choices)
        for name in names
        if fold(name) not in known and (_percent(name) is None or _percent(name) not in rates)
    }


def _word(choice: Choice) -> str:
    return str(choice.value).split(":")[-1]


def _rate_in(name: str, choices: list[Choice]) -> Choice | None:
    """The one VAT rate whose percentage and word a name holds, if it holds either.

    >>> rates = [Choice("0.00:Zero", "", percent=0), Choice("0.00:Exempt", "", percent=0)]
    >>> _rate_in("Zero Rated Income", rates).value, _rate_in("0%", rates)
    ('0.00:Zero', None)
    """
    fitting = [choice for choice in choices if choice.percent is not None]
    percent = re.search(r"\d+(?:\.\d+)?\s*%", name)
    words = set(re.findall(r"[a-z]+", name.casefold()))
    named = [choice for choice in fitting if _word(choice).casefold() in words]
    if percent is None and not named:
        return None
    if percent is not None:
        fitting = [choice for choice in fitting if choice.percent == _percent(percent.group())]
    fitting = [choice for choice in fitting if not named or choice in named]
    return fitting[0] if len(fitting) == 1 else None


def read_references(path: Path) -> dict[str, Any]:
    """The `references` in a JSON file of settings; nothing where there is no file.

    Raises:
        SettingError: it cannot be read, or holds something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingError(f"--references {path}: {error.strerror}") from None
    except ValueError:
        raise SettingError(f"--references {path}: not JSON") from None
    if not isinstance(found, dict) or not isinstance(found.get("references", {}), dict):
        raise SettingError(
            f'--references {path}: should hold {{"references": {{"accountCode": {{…}}}}}}'
        )
    references: dict[str, Any] = found.get("references", {})
    Aliases(references)
    return references


def as_reference(kind: str, text: str) -> Any:
    """What `references` holds for an ID, a key or a name; None for nothing."""
    number = whole(text)
    if number is None:
        return text or None
    # A number alone is looked up among the SKUs first.
    return {"id": number} if kind == "stockItem" else number


def _as_choice(value: Any) -> Any:
    """What `references` holds, as the value of a choice."""
    return value["id"] if isinstance(value, dict) and value.keys() == {"id"} else value


def save_names(path: Path, before: Mapping[str, Any], kind: str, names: Mapping[str, Any]) -> None:
    """Write a file of settings with `references`, and in them what some names stand for.

    Args:
        path: The file; `target-clearbooks --config` reads it.
        before: The `references` so far.
        kind: The kind of the names.
        names: What each stands for; None takes it out.

    Raises:
        SettingError: an unknown kind, or the file cannot be written.
    """
    if kind.rpartition(".")[2] not in REFERENCE_KINDS:
        raise SettingError(f"{kind}: should be one of {', '.join(REFERENCE_KINDS)}")
    kept = {**before.get(kind, {}), **names}
    references = {**before, kind: {n: v for n, v in kept.items() if v is not None}}
    if not references[kind]:
        del references[kind]
    text = json.dumps({"references": references}, indent=2, ensure_ascii=False) + "\n"
    try:
        handle, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f"{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError as error:
        raise SettingError(f"--references {path}: cannot be written: {error.strerror}") from None
