"""The documents point to what exists, and the commands of the README work."""

from __future__ import annotations

import re
import subprocess

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


def test_settings_that_the_pages_have_saved_stay_out_of_the_repository():
    """`connect --save` writes client secrets; nobody is to commit them by mistake."""
    saved = {
        name
        for page in PAGES
        for name in re.findall(r"--save ([\w.]+)", page.read_text(encoding="utf-8"))
    }
    assert {"clearbooks.json", "target.json", ".env"} <= saved
    ignored = subprocess.run(
        ["git", "check-ignore", *sorted(saved)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert set(ignored.stdout.split()) == saved
