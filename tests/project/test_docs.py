"""The documents point to what exists, and the commands of the README work."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.project.conftest import ROOT

PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").glob("**/*.md"),
    *(ROOT / "examples").glob("**/*.md"),
]
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")


def anchors(page):
    """The anchors of a page's headings, as the usual viewers make them."""
    text = page.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ +(.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for path, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        target = page.parent / path if path else page
        assert target.exists(), path
        if anchor:
            assert anchor in anchors(target), f"{path}#{anchor}"


def test_the_folder_tree_names_what_is_there():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tree = text.partition("## The folder tree")[2].split("```")[1]
    named, folder = set(), ROOT
    for line in tree.strip().splitlines():
        name = line.split()[0].rstrip("/")
        if line.startswith(" "):
            # What stands indented is inside the folder above it.
            assert (folder / name).exists(), f"{folder.name}/{name}"
            continue
        folder = ROOT / name
        assert folder.exists(), name
        named.add(name)
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages <= named


def test_make_targets_that_documents_name_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in PAGES:
        named = re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
        for target in named:
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page.name}: make {target}"


def test_jobs_and_schedules_that_documents_name_exist(meltano_yml):
    jobs = {job["name"] for job in meltano_yml["jobs"]}
    # `meltano run` takes plugins as well.
    jobs |= {plugin["name"] for kind in meltano_yml["plugins"].values() for plugin in kind}
    schedules = {schedule["name"] for schedule in meltano_yml["schedules"]}
    jobs |= {
        f"{plugin['name']}:{command}"
        for plugin in meltano_yml["plugins"]["utilities"]
        for command in plugin["commands"]
    }
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for name in re.findall(r"meltano(?: --environment=\w+)? run (?:--\S+ )*([a-z:-]+)", text):
            assert name in jobs, f"{page.name}: {name}"
        for name in re.findall(r"meltano schedule run ([a-z-]+)", text):
            assert name in schedules, f"{page.name}: {name}"


def test_the_contract_is_the_only_place_with_api_addresses():
    for page in PAGES:
        if page.parent == ROOT / "docs" and page.name == "settings.md":
            continue  # generated: the defaults of the settings
        assert "api.clearbooks.co.uk" not in page.read_text(encoding="utf-8"), page.name


FENCE = re.compile(r"^ *```(?:sh|console|json)(?: (\S+))?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
# Where a command or a setting has a file written; one that lies elsewhere is nobody's mistake.
WRITTEN = re.compile(
    r"(?:>|--save|--plan|--state-store|--token-store|mv \S+) +([\w.][\w./-]*)"
    r"|\"\w+_(?:store|path)\": \"([\w.][\w./-]*)\""
)
# Of these, what holds no settings, tokens or records.
HARMLESS = {".bash", ".yml", ".txt", ""}


def test_what_the_pages_have_people_make_stays_out_of_the_repository():
    """Settings hold secrets, and the rest names people; nobody is to commit them by mistake."""
    made = {"tokens.json", "target.sqlite3-wal", "target.sqlite3.102.lock", "run.html", "prod.env"}
    for page in PAGES:
        for name, inside in FENCE.findall(page.read_text(encoding="utf-8")):
            made |= {name} | {one or other for one, other in WRITTEN.findall(inside)}
    made = {name for name in made if Path(name).suffix not in HARMLESS or name == ".env"}
    expected = {
        "clearbooks.json",
        "target.json",
        ".env",
        "records.jsonl",
        "plan.jsonl",
        "rejects.jsonl",
        "undo.jsonl",
        "target.sqlite3",
        "ledger.jsonl",
    }
    assert expected <= made
    ignored = subprocess.run(
        ["git", "check-ignore", *sorted(made)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made - set(ignored.stdout.split()) == set()
