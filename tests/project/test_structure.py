"""Packages import in one direction only, and modules stay small and free of circles."""

from __future__ import annotations

import tomllib
from textwrap import dedent

import pytest

from tests.project.conftest import ROOT
from tests.project.imports import Tree

# What a package may import besides itself: a package with all that is in it, or single modules.
# The sandbox knows the contract alone, so that it cannot share a mistake with the tap.
ALLOWED = {
    "clearbooks": (),
    "tap_clearbooks": ("clearbooks",),
    "target_clearbooks": ("clearbooks",),
    "airbyte_clearbooks": ("clearbooks", "tap_clearbooks", "target_clearbooks"),
    "clearbooks_files": ("clearbooks",),
    "clearbooks_sandbox": ("clearbooks.contract", "clearbooks.errors"),
    "clearbooks_app": (
        "clearbooks",
        "tap_clearbooks",
        "target_clearbooks",
        "airbyte_clearbooks",
        "clearbooks_files",
        "clearbooks_sandbox",
    ),
}

# Folders of Python beside the packages, which no package may import.
BESIDE = ("tests", "tools", "benchmarks", "examples")

MOST_LINES = 400


def forbidden(tree):
    """The imports that ALLOWED does not hold, in words."""
    return [str(found) for found in [*tree.imports, *tree.named()] if not is_allowed(found)]


def is_allowed(found):
    package = found.importer.partition(".")[0]
    return any(
        found.imported == allowed or found.imported.startswith(f"{allowed}.")
        for allowed in (package, *ALLOWED[package])
    )


@pytest.fixture(scope="module")
def project():
    return Tree(ROOT, ALLOWED, BESIDE)


def test_every_package_of_the_wheel_has_its_arrows():
    told = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    assert set(told["hatch"]["build"]["targets"]["wheel"]["packages"]) == set(ALLOWED)
    assert set(told["mypy"]["packages"]) == set(ALLOWED)
    # None is left out of the wheel, of its arrows and of what says that it is typed.
    assert {path.parent.name for path in ROOT.glob("*/__init__.py")} - set(BESIDE) == set(ALLOWED)


def test_packages_import_only_what_lies_below_them(project):
    assert len(project.lines()) > 150
    assert forbidden(project) == []


def test_modules_do_not_import_each_other_in_a_circle(project):
    assert [sorted(c) for c in project.circles()] == []


def test_no_module_takes_a_private_name_out_of_another(project):
    assert [str(found) for found in project.private_names()] == []


def test_modules_are_short(project):
    assert {name: n for name, n in project.lines().items() if n > MOST_LINES} == {}


class TestTheChecks:
    """On packages made up for it, each check finds what it is there for."""

    @pytest.fixture
    def made_up(self, tmp_path):
        def make(**sources):
            for name in (*ALLOWED, *BESIDE):
                (tmp_path / name).mkdir()
                (tmp_path / name / "__init__.py").touch()
            for name in ("clearbooks.contract", "clearbooks.client", "tap_clearbooks.tap"):
                (tmp_path / f"{name.replace('.', '/')}.py").write_text("_own = 1\n")
            for name, text in sources.items():
                file = tmp_path / f"{name.replace('__', '/')}.py"
                file.write_text(dedent(text), encoding="utf-8")
            return Tree(tmp_path, ALLOWED, BESIDE)

        return make

    @pytest.mark.parametrize(
        ("importer", "text"),
        [
            ("clearbooks", "import tap_clearbooks.tap"),
            ("clearbooks", "from tap_clearbooks import tap"),
            ("clearbooks", "from tap_clearbooks.tap import main as start"),
            ("clearbooks", "def late():\n    from tap_clearbooks.tap import main"),
            ("clearbooks", "if TYPE_CHECKING:\n    from tap_clearbooks.tap import Tap"),
            ("clearbooks", "import_module('tap_clearbooks.tap')"),
            ("target_clearbooks", "import tap_clearbooks.tap"),
            ("airbyte_clearbooks", "from clearbooks_app import main"),
            ("clearbooks_sandbox", "from clearbooks.client import Client"),
            ("clearbooks_sandbox", "import clearbooks"),
            ("clearbooks_app", "from tests import conftest"),
        ],
    )
    def test_an_arrow_that_is_turned_is_found(self, made_up, importer, text):
        (found,) = forbidden(made_up(**{f"{importer}__thing": text}))
        assert found.startswith(f"{importer}.thing, line {text.count(chr(10)) + 1}: ")

    @pytest.mark.parametrize(
        ("importer", "text"),
        [
            ("tap_clearbooks", "from clearbooks.client import Client"),
            ("tap_clearbooks", "from . import tap"),
            ("clearbooks_sandbox", "from clearbooks.contract import load_contract"),
            ("clearbooks_app", "import tap_clearbooks.tap, requests\nfrom clearbooks import x"),
        ],
    )
    def test_an_arrow_that_points_down_is_none(self, made_up, importer, text):
        tree = made_up(**{f"{importer}__thing": text})
        assert {found.importer for found in tree.imports} == {f"{importer}.thing"}
        assert forbidden(tree) == []

    def test_circles(self, made_up):
        tree = made_up(
            clearbooks__a="from clearbooks.b import x",
            clearbooks__b="def late():\n    from clearbooks import c",
            clearbooks__c="if TYPE_CHECKING:\n    from .a import A",
            clearbooks__d="from clearbooks.a import x",
            tap_clearbooks__e="from . import f",
            tap_clearbooks__f="from tap_clearbooks import e",
        )
        assert tree.circles() == {
            frozenset({"clearbooks.a", "clearbooks.b", "clearbooks.c"}),
            frozenset({"tap_clearbooks.e", "tap_clearbooks.f"}),
        }

    def test_private_names(self, made_up):
        tree = made_up(
            tap_clearbooks__a="from clearbooks.client import _own",
            tap_clearbooks__b="from clearbooks import client as c\nc._own",
            tap_clearbooks__c="import clearbooks.client\nclearbooks.client._own",
            tap_clearbooks__d="from clearbooks import __version__\nself._own\n_own = 2",
        )
        assert sorted(str(found) for found in tree.private_names()) == [
            "tap_clearbooks.a, line 1: _own of clearbooks.client",
            "tap_clearbooks.b, line 2: _own of clearbooks.client",
            "tap_clearbooks.c, line 2: _own of clearbooks.client",
        ]

    def test_long_modules(self, made_up):
        tree = made_up(clearbooks__long="\n" * 401, clearbooks__short="\n" * 400)
        assert [name for name, n in tree.lines().items() if n > MOST_LINES] == ["clearbooks.long"]
