"""Which module of the sandbox may import which. Imports for type checking count, too."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import clearbooks_sandbox

FOLDER = Path(clearbooks_sandbox.__file__).parent


def name_of(path):
    parts = path.relative_to(FOLDER.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in FOLDER.rglob("*.py")}


def imports(path):
    """Modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in MODULES else node.module


def test_nothing_of_ours_but_the_contract_is_imported():
    roots = ("clearbooks", "tap_", "target_", "airbyte_")
    found = {name for path in MODULES.values() for name in imports(path) if name.startswith(roots)}
    assert found - MODULES.keys() == {"clearbooks.contract"}


def test_no_imports_go_in_a_circle():
    graph = {name: MODULES.keys() & {*imports(path)} for name, path in MODULES.items()}
    assert len([*TopologicalSorter(graph).static_order()]) == len(MODULES)


def test_the_books_know_neither_http_nor_pages():
    above = ("clearbooks_sandbox.http", "clearbooks_sandbox.pages", "starlette", "uvicorn")
    found = {
        (name, imported)
        for name, path in MODULES.items()
        if name.startswith("clearbooks_sandbox.accounting")
        for imported in imports(path)
        if imported.startswith(above)
    }
    assert not found


def test_the_engine_needs_no_web_server():
    code = (
        "import sys\n"
        "import clearbooks_sandbox\n"
        "assert not [m for m in sys.modules if m.startswith('clearbooks_sandbox.')]\n"
        "clearbooks_sandbox.AccountingEngine().close()\n"
        "assert not {'starlette', 'uvicorn', 'jinja2'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_every_public_name_is_there():
    assert all(getattr(clearbooks_sandbox, name) for name in clearbooks_sandbox.__all__)
