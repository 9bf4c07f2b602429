"""The kinds of documents, from the contract's streams."""

from __future__ import annotations

from dataclasses import dataclass

from clearbooks.contract import load_contract

_SIDES = {"salesType": "sales", "purchaseType": "purchases"}


def words_of(stream: str) -> str:
    """A stream's name as people write it."""
    return stream.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of document, named by its stream."""

    stream: str
    side: str
    kind: str

    @property
    def title(self) -> str:
        """Several of them, such as `Sales invoices`."""
        return words_of(self.stream)

    @property
    def singular(self) -> str:
        """One of them, such as `Sales invoice`."""
        return self.title.removesuffix("s")


def _kinds() -> dict[str, Kind]:
    found = {}
    for name, resource in load_contract().resources.items():
        for parameter, value in resource.fixed.items():
            if parameter in _SIDES:
                found[name] = Kind(name, _SIDES[parameter], value)
    return found


KINDS = _kinds()
_BY_PLACE = {(kind.side, kind.kind): kind for kind in KINDS.values()}


def kind_of(side: str, kind: str) -> Kind:
    """The kind of a document from its two path parts in the API."""
    return _BY_PLACE[side, kind]
