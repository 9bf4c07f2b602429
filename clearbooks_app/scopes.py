"""Which scopes reading and writing need, from the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearbooks.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clearbooks.contract import Contract


def readable_streams(contract: Contract) -> list[str]:
    """Names of the streams that can be read."""
    return [name for name, resource in contract.resources.items() if resource.readable]


def needed_scopes(contract: Contract, streams: Iterable[str]) -> set[str]:
    """What reading these streams needs.

    Raises:
        SettingError: a stream is not known, or cannot be read.
    """
    names = list(streams)
    known = readable_streams(contract)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SettingError(
            f"no stream {', '.join(unknown)} can be read; there are: {', '.join(known)}"
        )
    return {contract.resources[name].scope for name in names}


def read_scopes(contract: Contract) -> list[str]:
    """The least that reading every stream needs, in the order of the contract."""
    return _ordered(contract, needed_scopes(contract, readable_streams(contract)))


def stream_scopes(contract: Contract, streams: Iterable[str]) -> list[str]:
    """The least that reading these streams needs; the list of businesses is always among it."""
    return _ordered(contract, needed_scopes(contract, ["businesses", *streams]))


def _ordered(contract: Contract, wanted: set[str]) -> list[str]:
    return [scope for scope in contract.scopes if scope in wanted]
