"""Which scopes an authorisation has: tried with one cheap read each, or known from the token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearbooks.errors import ForbiddenError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clearbooks.client import Client
    from clearbooks.contract import Contract, Operation


def scopes(contract: Contract, streams: Iterable[str]) -> dict[str, list[str]]:
    """Scope -> the streams that need it."""
    found: dict[str, list[str]] = {}
    for name in streams:
        found.setdefault(contract.resources[name].scope, []).append(name)
    return found


def try_scopes(
    client: Client, needed: dict[str, list[str]], businesses: Iterable[int]
) -> list[str]:
    """What is refused: one request for each scope, and one for each further business."""
    problems: list[str] = []
    first, *others = businesses
    for scope, streams in needed.items():
        try:
            _ask(client, streams, first)
        except ForbiddenError as error:
            words = "; ".join(text for _, text in error.faults)
            problems.append(
                f"the authorisation lacks the scope {scope} (for {', '.join(streams)})"
                + (f": {words}" if words else "")
            )
    if len(problems) == len(needed):
        problems.append(f"no scope is granted for business {first}: does it belong to another "
                        "authorisation?")  # fmt: skip
    usable = [streams for scope, streams in needed.items() if scope != "businesses:read"]
    for business in others:
        try:
            if usable and not problems:
                _ask(client, usable[0], business)
        except ForbiddenError as error:
            problems.append(f"business {business}: {error}")
    if problems:
        problems.append("authorise the application again with what is missing, or set `streams` "
                        "and `business_ids` to what is allowed")  # fmt: skip
    return problems


def granted(client: Client) -> frozenset[str] | None:
    """The scopes that the token's server named; None where it named none."""
    connection = client.connection
    if connection.access_token or not connection.client_id:
        return None
    chain = client.tokens.store.find(connection.client_id, connection.refresh_token)
    return frozenset(chain.scope.split()) if chain is not None and chain.scope else None


def _ask(client: Client, streams: Iterable[str], business: int) -> None:
    """The cheapest read of any of the streams: one record of a listing, where one is paged."""
    resources = [client.contract.resources[name] for name in streams]
    lists = [(resource.operations["list"], resource) for resource in resources]
    # An attachment's list needs a document, a balance dates: a plain list of the scope is asked.
    plain = [pair for pair in lists if not _needs(pair[0], pair[1].fixed)]
    operation, resource = (plain or [_neighbour(client.contract, lists[0][0].scope)])[0]
    params: dict[str, Any] = {**resource.fixed}
    for parameter in operation.parameters:
        if parameter.name in operation.path_parameters and parameter.name not in params:
            params[parameter.name] = parameter.schema["enum"][0]
    if operation.paged:
        params["limit"] = 1
    client.get(operation.id, params, business_id=business)


def _neighbour(contract: Contract, scope: str) -> tuple[Operation, Any]:
    """A listing of the same scope that needs nothing to be known."""
    for resource in contract.resources.values():
        operation = resource.operations.get("list")
        if operation and operation.scope == scope and not _needs(operation, resource.fixed):
            return operation, resource
    raise AssertionError(scope)  # pragma: no cover - a test goes through all scopes


def _needs(operation: Operation, fixed: Any) -> list[str]:
    """Parameters that have to be known and cannot be: IDs of documents, dates."""
    return [
        parameter.name
        for parameter in operation.parameters
        if (parameter.required or parameter.name in operation.path_parameters)
        and parameter.where in {"path", "query"}
        and parameter.name not in fixed
        and "enum" not in parameter.schema
    ]
