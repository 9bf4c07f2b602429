"""Writes the parts of the project's files that the contract and the programs already tell.

A generated part stands between two marks, `generated NAME` and `end generated NAME`, each in a
comment of the file. `make generate` writes all of them; with `--check` nothing is written, and
the exit code is 1 where a part is out of date.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from clearbooks.contract import load_contract
from tools import staging

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from clearbooks.contract import Resource

ROOT = Path(__file__).resolve().parent.parent
STAGING = "dbt/models/staging/_staging.yml"

# How Meltano calls the JSON types of a setting.
KINDS = {
    "string": "string",
    "integer": "integer",
    "number": "decimal",
    "boolean": "boolean",
    "array": "array",
    "object": "object",
}


@cache
def program_json(program: str, *arguments: str) -> dict[str, Any]:
    """What a program of this project prints as JSON."""
    done = subprocess.run(  # noqa: S603 - a program of ours, found beside the interpreter
        [str(Path(sys.executable).with_name(program)), *arguments],
        check=False,
        capture_output=True,
        cwd=ROOT,
    )
    if done.returncode:
        raise SystemExit(f"{program} {' '.join(arguments)}: {done.stderr.decode()}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def about(program: str) -> dict[str, Any]:
    """What `--about` tells of a program."""
    return program_json(program, "--about", "--format", "json")


def catalog() -> dict[str, dict[str, Any]]:
    """The tap's catalog by stream, as `--discover` prints it without any credentials."""
    return {s["tap_stream_id"]: s for s in program_json("tap-clearbooks", "--discover")["streams"]}


def meltano_settings(properties: dict[str, Any], prefix: str = "") -> Iterator[dict[str, Any]]:
    """The settings of a plugin in Meltano's words; nested objects become dotted names."""
    for name, schema in properties.items():
        # An object with names of its own choice, such as `stream_maps`, is given whole.
        if schema.get("properties") and not isinstance(schema.get("additionalProperties"), dict):
            yield from meltano_settings(schema["properties"], f"{prefix}{name}.")
            continue
        yield meltano_setting(f"{prefix}{name}", schema)


def types_of(schema: dict[str, Any]) -> list[str]:
    """The JSON types that a schema allows, `null` included."""
    if "type" in schema:
        return [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    choices = schema.get("oneOf", schema.get("anyOf", []))
    return [t for choice in choices for t in types_of(choice)]


def meltano_setting(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """One setting in Meltano's words."""
    kinds = {KINDS[t] for t in types_of(schema) if t != "null"}
    # What may be text or something else is text: the environment gives nothing else anyway.
    kind = kinds.pop() if len(kinds) == 1 else "string"
    setting: dict[str, Any] = {"name": name, "kind": kind, "label": label(name, schema)}
    if "description" in schema:
        setting["description"] = " ".join(schema["description"].split())
    if choices := schema.get("enum"):
        setting["kind"] = "options"
        setting["options"] = [{"label": str(c).capitalize(), "value": c} for c in choices]
    if schema.get("format") in {"date", "date-time"}:
        setting["kind"] = "date_iso8601"
    if schema.get("secret"):
        setting["sensitive"] = True
    # An empty list or object is what Meltano gives anyway, and it would hide an unset value.
    if schema.get("default") not in (None, [], {}):
        setting["value"] = schema["default"]
    return setting


def label(name: str, schema: dict[str, Any]) -> str:
    """The setting's title; a name in words for the settings that come from the SDK."""
    words = re.sub(r"[._]", " ", name)
    return str(schema.get("title") or words[:1].upper() + words[1:])


def plugin_facts(program: str) -> dict[str, Any]:
    """Capabilities and settings of a plugin, as Meltano and its Hub have them."""
    facts = about(program)
    return {
        "capabilities": sorted(facts["capabilities"]),
        "settings": list(meltano_settings(facts["settings"]["properties"])),
    }


def as_yaml(part: dict[str, Any], indent: str = "") -> str:
    """A part of a YAML file."""
    text = yaml.safe_dump(part, sort_keys=False, allow_unicode=True, width=96)
    return "".join(f"{indent}{line}\n" for line in text.splitlines())


def meltano_plugin(program: str) -> str:
    """Capabilities and settings of a plugin, below its entry in meltano.yml."""
    return as_yaml(plugin_facts(program), "    ")


def hub_plugin(program: str) -> str:
    """The same for the Hub, which knows structured logs of a loader by `log_parser` alone."""
    part = plugin_facts(program) | {
        "supported_python_versions": about(program)["supported_python_versions"]
    }
    if program.startswith("target-"):
        part["capabilities"].remove("structured-logging")
    return as_yaml(part)


def replication(stream: str) -> str:
    """How a stream is read, in the words of the tables."""
    entry = catalog()[stream]
    if entry["replication_method"] == "INCREMENTAL":
        return f"by {entry['replication_key']}"
    return "whole"


def selected_by_default(stream: str) -> bool:
    """Whether a run reads the stream when nobody chose any."""
    root = next(m for m in catalog()[stream]["metadata"] if not m["breadcrumb"])
    return bool(root["metadata"].get("selected-by-default", False))


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = (head, tuple("---" for _ in head), *rows)
    return "".join(f"| {' | '.join(c.replace('|', '&#124;') for c in line)} |\n" for line in lines)


def codes(names: tuple[str, ...]) -> str:
    """Names as code, separated by commas."""
    return ", ".join(f"`{name}`" for name in names)


def description(resource: Resource) -> str:
    """What a stream holds."""
    return resource.description.removesuffix(".")


def streams_table() -> str:
    """Every readable stream: what it holds, its key, and how it is read."""
    rows = [
        (
            f"[`{r.name}`](docs/streams.md#{r.name})",
            description(r),
            replication(r.name)
            + ("" if selected_by_default(r.name) else "; only with the setting `attachments`"),
        )
        for r in load_contract().resources.values()
        if r.readable
    ]
    return table(("Stream", "What it holds", "Read"), rows)


def descriptions() -> dict[str, str]:
    """What each stream holds."""
    return {r.name: description(r) for r in load_contract().resources.values()}


def field_type(schema: dict[str, Any]) -> str:
    """The type of a field as people say it."""
    if schema.get("format") in {"date", "date-time"}:
        return str(schema["format"])
    kinds = [kind for kind in types_of(schema) if kind != "null"] or ["any"]
    return " or ".join(kinds)


def stream_pages() -> str:
    """For every readable stream its key, scope, way of reading and fields."""
    parts = []
    for resource in load_contract().resources.values():
        if not resource.readable:
            continue
        fields = catalog()[resource.name]["schema"]["properties"]
        rows = [
            (f"`{name}`", field_type(schema), " ".join(schema.get("description", "").split()))
            for name, schema in fields.items()
        ]
        parts.append(
            f"## {resource.name}\n\n{description(resource)}.\n\n"
            f"Key: {codes(resource.key)} · read: {replication(resource.name)} · "
            f"scope: `{resource.scope}`\n\n" + table(("Field", "Type", "Meaning"), rows)
        )
    return "\n".join(parts)


def assumed_operations() -> str:
    """Every operation whose path or method no published text names, with its streams."""
    contract = load_contract()
    rows = []
    for operation in contract.operations.values():
        kinds = {"path": operation.assumed, "method": operation.assumed_method}
        if any(kinds.values()):
            streams = [
                r.name
                for r in contract.resources.values()
                if operation.id in {o.id for o in r.operations.values()}
            ]
            rows.append(
                (
                    f"`{operation.id}`",
                    f"`{operation.method} {operation.path}`",
                    " and ".join(kind for kind, assumed in kinds.items() if assumed),
                    codes(tuple(streams)),
                    operation.description,
                )
            )
    return table(("Operation", "Taken to be", "Assumed", "Streams", "What else is known"), rows)


def assumed_fields() -> str:
    """Every field of a record of which something is believed, with the source of the belief."""
    found: dict[tuple[str, str], list[str]] = {}
    for resource in load_contract().resources.values():
        for name, schema in resource.schema["properties"].items():
            if schema.get("x-assumed"):
                found.setdefault((name, schema["description"]), []).append(resource.name)
    rows = [(f"`{name}`", codes(tuple(s)), words) for (name, words), s in found.items()]
    return table(("Field", "Streams", "What is believed, and why"), rows)


def as_written(value: Any) -> str:
    """A value as a config file has it; text without its quotes."""
    return value if isinstance(value, str) else json.dumps(value)


def settings_table(program: str) -> str:
    """Every setting of a program with its default and what it means."""
    rows = [
        (
            f"`{s['name']}`",
            "secret" if s.get("sensitive") else s["kind"].replace("date_iso8601", "date"),
            f"`{as_written(s['value'])}`" if "value" in s else "",
            s.get("description", ""),
        )
        for s in meltano_settings(about(program)["settings"]["properties"])
    ]
    return table(("Setting", "Type", "Default", "Meaning"), rows)


def api_operations() -> str:
    """The operations of the API of `clearbooks ui`."""
    # Here, since it takes longer to import than the rest together.
    from clearbooks_app.ui.api import ENDPOINTS

    return table(
        ("Operation", "Request", "Does"),
        [(f"`{e.id}`", f"`{e.method} {e.path}`", e.summary) for e in ENDPOINTS],
    )


def api_models() -> str:
    """The models of that API."""
    from clearbooks_app.operations.unified_models import MODELS

    return table(
        ("`{model}`", "What it is", "Streams", "Written"),
        [
            (
                f"`{name}`",
                model.description,
                codes(tuple(part.stream for part in model.parts)),
                "yes" if any(part.written for part in model.parts) else "",
            )
            for name, model in MODELS.items()
        ],
    )


@dataclass(frozen=True)
class Part:
    """A generated part: the file it stands in, its name in the marks, and what writes it."""

    path: str
    name: str
    write: Callable[[], str]

    def renewed(self, text: str) -> str:
        """The file's text with this part written again."""
        comment = ("# ", "") if self.path.endswith((".yml", ".yaml")) else ("<!-- ", " -->")
        start, end = (
            f"{comment[0]}{words} {self.name}{comment[1]}\n"
            for words in ("generated", "end generated")
        )
        before, opened, rest = text.partition(start)
        _, closed, after = rest.partition(end)
        if not opened or not closed:
            raise SystemExit(f"{self.path}: no marks for the generated part {self.name!r}")
        indent = before.rpartition("\n")[2]
        gap = "" if comment[0] == "# " else "\n"
        return f"{before}{opened}{gap}{self.write()}{gap}{indent}{closed}{after}"


PARTS = (
    Part("meltano.yml", "tap-clearbooks", lambda: meltano_plugin("tap-clearbooks")),
    Part("meltano.yml", "tap-clearbooks-files", lambda: meltano_plugin("tap-clearbooks-files")),
    Part("meltano.yml", "target-clearbooks", lambda: meltano_plugin("target-clearbooks")),
    Part(
        "hub/extractors/tap-clearbooks.yml", "tap-clearbooks", lambda: hub_plugin("tap-clearbooks")
    ),
    Part(
        "hub/loaders/target-clearbooks.yml",
        "target-clearbooks",
        lambda: hub_plugin("target-clearbooks"),
    ),
    Part("README.md", "streams", streams_table),
    Part("docs/streams.md", "streams", stream_pages),
    Part(STAGING, "sources", lambda: staging.tables(catalog(), descriptions())),
    Part(STAGING, "staging", lambda: staging.models(catalog(), descriptions())),
    Part("docs/live-api.md", "assumed operations", assumed_operations),
    Part("docs/live-api.md", "assumed fields", assumed_fields),
    Part("docs/settings.md", "tap-clearbooks", lambda: settings_table("tap-clearbooks")),
    Part(
        "docs/settings.md", "tap-clearbooks-files", lambda: settings_table("tap-clearbooks-files")
    ),
    Part("docs/settings.md", "target-clearbooks", lambda: settings_table("target-clearbooks")),
    Part("docs/ui.md", "operations", api_operations),
    Part("docs/ui.md", "models", api_models),
)


def main() -> int:
    """Writes every part, or only says which are out of date."""
    parser = argparse.ArgumentParser(description="Writes the generated parts of the project.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail when stale")
    check = parser.parse_args().check
    stale = []
    for part in PARTS:
        path = ROOT / part.path
        text = path.read_text(encoding="utf-8")
        renewed = part.renewed(text)
        if renewed == text:
            continue
        stale.append(f"{part.path} ({part.name})")
        if not check:
            path.write_text(renewed, encoding="utf-8")
    if stale:
        print(f"{'out of date' if check else 'written'}: {', '.join(stale)}")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
