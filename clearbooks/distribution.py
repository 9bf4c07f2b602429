"""Where this distribution comes from, for messages and addresses: its metadata say so."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, metadata

from clearbooks import DISTRIBUTION


@cache
def repository() -> str:
    """The address of the repository; empty for a source tree that nobody installed."""
    try:
        urls = metadata(DISTRIBUTION).get_all("Project-URL") or ()
    except PackageNotFoundError:  # pragma: no cover
        return ""
    addresses: dict[str, str] = {label: url for label, _, url in (u.partition(", ") for u in urls)}
    return addresses.get("Repository", "")


def page(path: str) -> str:
    """The address of a page of the documents, such as `docs/airbyte.md`."""
    return f"{repository()}/blob/main/{path}"


def install(extra: str) -> str:
    """The command that installs an extra.

    It names the repository and no index, until one has the distribution: see CONTRIBUTING.md.
    """
    return f"pip install '{DISTRIBUTION}[{extra}] @ git+{repository()}.git'"
