"""docs/live-api.md: what is assumed stands there, and each fact says what it rests on."""

from __future__ import annotations

import json
import re

import yaml

from clearbooks_sandbox import DIALECTS
from tests.project.conftest import ROOT

PAGE = (ROOT / "docs" / "live-api.md").read_text(encoding="utf-8")
FACTS = "| Fact | How we know |"


def section(title):
    """The text between a heading and the next one."""
    return PAGE.partition(f" {title}\n")[2].partition("\n## ")[0].partition("\n### ")[0]


def rows(text):
    """Cells of the rows of the tables, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    below = [*lines[1:], ""]
    body = [x for x, y in zip(lines, below, strict=True) if "| --- |" not in x + y]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in body]


def flagged_operations():
    """What each operation of the contract's text is assumed to have: its path, its method."""
    contract = yaml.safe_load((ROOT / "schemas" / "openapi.yaml").read_text(encoding="utf-8"))
    found = {}
    for item in contract["paths"].values():
        for node in item.values():
            if isinstance(node, dict):
                flags = {"path": "x-assumed", "method": "x-assumed-method"}
                kinds = {kind for kind, flag in flags.items() if node.get(flag)}
                found |= {node["operationId"]: kinds} if kinds else {}
    return found


def test_each_assumed_operation_is_in_the_table_and_nothing_else():
    listed = {
        row[0].strip("`"): set(row[2].split(" and "))
        for row in rows(section("Paths that are assumed"))
    }
    assert listed == flagged_operations()
    assert len(listed) > 10


def test_each_assumed_field_is_in_the_table_and_nothing_else():
    flagged = {
        (path.stem, name)
        for path in (ROOT / "schemas").glob("*.json")
        for name, schema in json.loads(path.read_text(encoding="utf-8"))["properties"].items()
        if schema.get("x-assumed")
    }
    contract = yaml.safe_load((ROOT / "schemas" / "openapi.yaml").read_text(encoding="utf-8"))
    schemas = {
        stream: tag["x-schema"].removesuffix(".json")
        for tag in contract["tags"]
        for stream in tag["x-streams"]
    }
    listed = {
        (schemas[stream], row[0].strip("`"))
        for row in rows(section("Fields that are assumed"))
        for stream in re.findall(r"`(\w+)`", row[1])
    }
    assert listed == flagged
    assert ("sales_document", "status") in listed


def test_each_fact_says_what_it_rests_on():
    kinds = {row[0] for row in rows(PAGE.partition("How we know:")[2].partition("\n## ")[0])}
    assert {"seen", "reference", "specification", "Clear Books", "ours"} <= kinds
    begins = re.compile("|".join([*map(re.escape, sorted(kinds)), "not known"]))
    tables = PAGE.split(FACTS)[1:]
    facts = [row for table in tables for row in rows(FACTS + table.partition("\n\n")[0])]
    assert len(facts) > 60
    for row in facts:
        assert len(row) == 4, row
        assert begins.match(row[1]), row


def test_the_dialects_that_it_names_exist():
    named = set()
    for words in re.findall(r"dialects? ((?:`[a-z0-9-]+`(?:, | to )?)+)", PAGE):
        named |= set(re.findall(r"`([^`]+)`", words))
    assert len(named) > 10
    assert named <= set(DIALECTS)
