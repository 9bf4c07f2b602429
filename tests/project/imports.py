"""Finds what the modules of some packages import of each other, by parsing them.

Every import counts, whether at the top of a module, inside a function or under `TYPE_CHECKING`.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Import:
    """A module that imports another one, or a name out of it."""

    importer: str
    line: int
    imported: str
    # Empty where the module itself is imported.
    name: str = ""

    def __str__(self) -> str:
        what = f"{self.name} of {self.imported}" if self.name else self.imported
        return f"{self.importer}, line {self.line}: {what}"


class Tree:
    """The modules of packages in a folder, and their imports of each other.

    Args:
        root: The folder that holds the packages.
        packages: Their names.
        beside: Packages that are not looked into; what the others import of them is found, too.
            Imports of anything else are left out.
    """

    def __init__(self, root: Path, packages: Iterable[str], beside: Iterable[str] = ()) -> None:
        packages = tuple(packages)
        self.files: dict[str, Path] = {}
        for package in (*packages, *beside):
            for file in sorted((root / package).rglob("*.py")):
                parts = file.relative_to(root).with_suffix("").parts
                self.files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
        self._trees = {
            name: ast.parse(file.read_text(encoding="utf-8"))
            for name, file in self.files.items()
            if name.partition(".")[0] in packages
        }
        self.imports = [found for name in self._trees for found in self._imports(name)]

    def _imports(self, importer: str) -> Iterator[Import]:
        for node in ast.walk(self._trees[importer]):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield from self._import(importer, node.lineno, alias.name, "")
            elif isinstance(node, ast.ImportFrom):
                base = self._absolute(importer, node)
                for alias in node.names:
                    if f"{base}.{alias.name}" in self.files:
                        yield Import(importer, node.lineno, f"{base}.{alias.name}")
                    else:
                        yield from self._import(importer, node.lineno, base, alias.name)

    def _import(self, importer: str, line: int, module: str, name: str) -> Iterator[Import]:
        if module in self.files:
            yield Import(importer, line, module, name)

    def _absolute(self, importer: str, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        parts = importer.split(".")
        if self.files[importer].name != "__init__.py":
            parts.pop()
        parts = parts[: len(parts) - node.level + 1]
        return ".".join([*parts, node.module] if node.module else parts)

    def named(self) -> Iterator[Import]:
        """Modules that are named in a string with a dot, as for `importlib.import_module`."""
        for importer, tree in self._trees.items():
            for node in ast.walk(tree):
                value = node.value if isinstance(node, ast.Constant) else None
                if isinstance(value, str) and "." in value and value in self.files:
                    yield Import(importer, node.lineno, value)

    def private_names(self) -> Iterator[Import]:
        """Names with a leading underscore that one module takes out of another.

        Imported by name, or as an attribute of an imported module.
        """
        for found in self.imports:
            if _is_private(found.name or found.imported.rpartition(".")[2]):
                yield found
        for importer, tree in self._trees.items():
            modules = self._names_of_modules(importer)
            for node in ast.walk(tree):
                if isinstance(node, ast.Attribute) and _is_private(node.attr):
                    module = modules.get(ast.unparse(node.value))
                    if module:
                        yield Import(importer, node.lineno, module, node.attr)

    def _names_of_modules(self, importer: str) -> dict[str, str]:
        """What imported modules are called inside the importer."""
        names: dict[str, str] = {}
        for node in ast.walk(self._trees[importer]):
            if isinstance(node, ast.Import):
                pairs = [(alias.asname or alias.name, alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = self._absolute(importer, node)
                pairs = [(a.asname or a.name, f"{base}.{a.name}") for a in node.names]
            else:
                continue
            names |= {name: module for name, module in pairs if module in self.files}
        return names

    def circles(self) -> set[frozenset[str]]:
        """The groups of modules that import each other, directly or by way of others."""
        direct: dict[str, set[str]] = {name: set() for name in self.files}
        for found in self.imports:
            if found.imported != found.importer:
                direct[found.importer].add(found.imported)
        reached = {name: _reached(name, direct) for name in direct}
        return {
            frozenset(other for other in reached[name] if name in reached[other])
            for name in direct
            if name in reached[name]
        }

    def lines(self) -> dict[str, int]:
        """The length of each module."""
        return {
            name: len(self.files[name].read_text(encoding="utf-8").splitlines())
            for name in self._trees
        }


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def _reached(start: str, direct: dict[str, set[str]]) -> set[str]:
    reached: set[str] = set()
    waiting = list(direct[start])
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += direct[name]
    return reached
