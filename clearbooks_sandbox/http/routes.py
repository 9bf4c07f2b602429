"""Routing: the operation of the contract for a method and a path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from clearbooks.contract import load_contract
from clearbooks_sandbox.dialects import Dialects, method_of
from clearbooks_sandbox.reply import Fault, RefusedError

if TYPE_CHECKING:
    from clearbooks.contract import Operation

_ANY = "{}"


class Router:
    """A tree of path segments made from the contract.

    Works on the raw path, so that an encoded slash stays inside its segment.
    """

    def __init__(self, dialects: Dialects) -> None:
        self.dialects = dialects
        self._root: dict[str, Any] = {}
        for operation in load_contract().operations.values():
            node = self._root
            for segment in operation.path.strip("/").split("/"):
                node = node.setdefault(_ANY if segment.startswith("{") else segment, {})
            node.setdefault("", []).append(operation)

    def match(self, method: str, raw_path: str) -> tuple[Operation, dict[str, str]]:
        """The operation and the values of its placeholders.

        Raises:
            RefusedError: 404, or 405 with the methods in `Allow`.
        """
        node, values = self._root, []
        for raw in raw_path.removeprefix("/").split("/"):
            segment = unquote(raw, errors="replace")
            if segment and segment in node:
                node = node[segment]
            elif segment and _ANY in node:
                node = node[_ANY]
                values.append(segment)
            else:
                node = {}
                break
        operations: list[Operation] = node.get("", [])
        if not operations:
            raise RefusedError(404, [Fault("notFound", "There is nothing at this path.")])
        for operation in operations:
            if method_of(operation, self.dialects) == method:
                return operation, dict(zip(operation.path_parameters, values, strict=True))
        allowed = ", ".join(sorted({method_of(o, self.dialects) for o in operations}))
        raise RefusedError(
            405,
            [Fault("methodNotAllowed", f"{method} is not allowed here; allowed: {allowed}")],
            {"Allow": allowed},
        )
