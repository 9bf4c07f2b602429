"""What the project writes by itself is up to date, and would be noticed if it were not."""

from __future__ import annotations

import pytest

from clearbooks.contract import load_contract
from tests.project.conftest import ROOT
from tools.generate import PARTS, Part


@pytest.mark.parametrize("part", PARTS, ids=lambda part: f"{part.path}:{part.name}")
def test_generated_part_is_up_to_date(part):
    text = (ROOT / part.path).read_text(encoding="utf-8")
    assert part.renewed(text) == text, "run `make generate`"


def test_a_part_that_differs_is_written_again():
    part = Part("x.md", "thing", lambda: "new\n")
    old = "before\n<!-- generated thing -->\n\nold\n\n<!-- end generated thing -->\nafter\n"
    assert part.renewed(old) == old.replace("old", "new")


def test_a_file_without_marks_is_refused():
    with pytest.raises(SystemExit, match=r"x\.md: no marks for the generated part 'thing'"):
        Part("x.md", "thing", lambda: "new\n").renewed("nothing\n")


def test_every_readable_stream_stands_in_the_readme_and_has_its_fields_in_the_docs():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    fields = (ROOT / "docs" / "streams.md").read_text(encoding="utf-8")
    readable = [r for r in load_contract().resources.values() if r.readable]
    assert len(readable) == 22
    for resource in readable:
        assert f"[`{resource.name}`](docs/streams.md#{resource.name})" in readme
        section = fields.partition(f"\n## {resource.name}\n")[2].partition("\n## ")[0]
        for field in resource.schema["properties"]:
            assert f"| `{field}` |" in section
