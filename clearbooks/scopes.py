"""Which scopes an authorisation needs and has, and the cheapest read that shows it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from clearbooks.auth import Name
from clearbooks.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from clearbooks.auth import Chain
    from clearbooks.client import Client
    from clearbooks.contract import Contract, Operation, Parameter, Resource


def readable_streams(contract: Contract) -> list[str]:
    """Names of the streams that can be read."""
    return [name for name, resource in contract.resources.items() if resource.readable]


def needed_scopes(contract: Contract, streams: Iterable[str]) -> dict[str, list[str]]:
    """Each scope that reading these streams needs, with the streams that need it.

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
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(contract.resources[name].scope, []).append(name)
    return found


def read_scopes(contract: Contract) -> list[str]:
    """The least that reading every stream needs, in the order of the contract."""
    return stream_scopes(contract, readable_streams(contract))


def stream_scopes(contract: Contract, streams: Iterable[str]) -> list[str]:
    """The least that reading these streams needs; the list of businesses is always among it.

    Raises:
        SettingError: a stream is not known, or cannot be read.
    """
    wanted = needed_scopes(contract, ["businesses", *streams])
    return [scope for scope in contract.scopes if scope in wanted]


def chain_of(client: Client) -> Chain | None:
    """The chain of the client's tokens; None where there is none yet, or a token is given.

    Raises:
        TokenStoreError: the store cannot be read.
    """
    connection = client.connection
    if connection.access_token or not connection.client_id:
        return None
    return client.tokens.store.find(Name.of(connection), connection.refresh_token)


def asked_streams(contract: Contract, chain: Chain | None) -> list[str]:
    """The streams that a connection was made for: all, unless fewer scopes were asked for."""
    asked = (chain.asked or "").split() if chain is not None else []
    streams = readable_streams(contract)
    return [name for name in streams if not asked or contract.resources[name].scope in asked]


def granted_scopes(client: Client) -> frozenset[str] | None:
    """The scopes that the token endpoint named for the client's tokens; None where it named none.

    Raises:
        TokenStoreError: the store cannot be read.
    """
    chain = chain_of(client)
    return frozenset(chain.scope.split()) if chain is not None and chain.scope else None


def cheapest_params(
    resource: Resource, parents: Mapping[tuple[str, Any], Any] | None = None
) -> dict[str, Any] | None:
    """Parameters of the cheapest `list` of a stream: one record, or today alone.

    Args:
        resource: A stream that can be read.
        parents: A parameter with its value, such as `("salesType", "invoices")`, and the ID of a
            record listed with it. Attachments are listed below one document.

    Returns:
        None where the request needs an ID that `parents` does not hold.
    """
    operation, parents = resource.operations["list"], parents or {}
    params: dict[str, Any] = {**resource.fixed, **({"limit": 1} if operation.paged else {})}
    for parameter in _missing(operation, params):
        name, schema = parameter.name, parameter.schema
        if "enum" in schema:
            # One with a record, so that a parameter which asks for its ID can be filled in.
            known = (value for value in schema["enum"] if (name, value) in parents)
            params[name] = next(known, schema["enum"][0])
        elif schema.get("format") == "date":
            params[name] = dt.datetime.now(dt.UTC).date().isoformat()
        else:
            ids = [parents[pair] for pair in params.items() if pair in parents]
            if not ids:
                return None
            params[name] = ids[0]
    return params


def cheapest_read(contract: Contract, streams: Iterable[str]) -> tuple[Operation, dict[str, Any]]:
    """The cheapest request, with its parameters, that needs the scope which these streams share.

    It reads one of the streams, or another one of that scope where each of them asks for an ID or
    a date.
    """
    wanted = [contract.resources[name] for name in streams]
    others = [r for r in contract.resources.values() if r.readable and r.scope == wanted[0].scope]
    resource = next(r for r in (*wanted, *others) if not _asks_for_values(r))
    params = cheapest_params(resource)
    assert params is not None  # noqa: S101 - for the type checker
    return resource.operations["list"], params


def _asks_for_values(resource: Resource) -> bool:
    """Whether its listing requires what the contract has no choice of: an ID, or a date."""
    missing = _missing(resource.operations["list"], resource.fixed)
    return any("enum" not in parameter.schema for parameter in missing)


def _missing(operation: Operation, params: Mapping[str, Any]) -> list[Parameter]:
    """The required parameters that have no value yet."""
    return [p for p in operation.parameters if p.required and p.name not in params]
