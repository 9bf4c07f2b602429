"""`clearbooks mapping`: how files become records, guessed, looked at, and checked."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from clearbooks.errors import SettingError
from clearbooks_app import output
from clearbooks_app.config import examples
from clearbooks_app.input_file import open_input, parsed_options
from clearbooks_app.operations.names import names_in, unknown_names
from clearbooks_app.planning import file_options, into_business, make_plan
from clearbooks_files.guess import guess
from clearbooks_files.mapping import load_mapping, presets, schema
from target_clearbooks.plan import read_refused
from target_clearbooks.session import EXIT_REJECTED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clearbooks_app.config import Settings

# Contacts are made where they are missing.
_KINDS = ("accountCode", "bankAccount", "vatRate")
# Where a reason says which record, row or line it is about.
_PLACE = re.compile(r"^(?P<file>.*? row (?P<row>\d+), )?(?P<what>[^:]*: )", re.DOTALL)

_QUOTED = re.compile(r"'[^']*'")


@click.group(short_help="Look at, guess and check how files become records.")
def mapping() -> None:
    """Look at, guess and check the mappings that `clearbooks write` reads files with."""


@mapping.command(name="list", epilog=examples("clearbooks mapping list"))
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def list_presets(*, as_json: bool) -> None:
    """List the presets."""
    found = {name: load_mapping(name) for name in presets()}
    if as_json:
        output.print_json(
            {
                name: {
                    "title": m.title,
                    "layout": m.described,
                    "options": {n: o.default for n, o in m.options.items()},
                }
                for name, m in found.items()
            }
        )
        return
    output.print_table(
        ["Preset", "For", "Options"],
        [
            [name, m.title, ", ".join(f"{n}={o.default}" for n, o in m.options.items())]
            for name, m in found.items()
        ],
    )


@mapping.command(epilog=examples("clearbooks mapping show shopify-orders > my-orders.yml"))
@click.argument("preset")
def show(*, preset: str) -> None:
    """Print a PRESET, as a beginning for a mapping of your own."""
    known = presets()
    if preset not in known:
        raise SettingError(f"there is no preset {preset!r}; presets are: {', '.join(known)}")
    click.echo(known[preset].read_text(encoding="utf-8"), nl=False)


@mapping.command(name="schema", epilog=examples("clearbooks mapping schema > mapping.schema.json"))
def print_schema() -> None:
    """Print the JSON Schema of a mapping, for an editor."""
    output.print_json(schema())


@mapping.command(name="guess", epilog=examples("clearbooks mapping guess jobs.csv > jobs.yml"))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def guess_mapping(*, file: Path) -> None:
    """Propose a mapping from the header and the values of FILE; correct it before you use it."""
    click.echo(yaml.safe_dump(guess(file), sort_keys=False, allow_unicode=True, width=96), nl=False)


@mapping.command(
    epilog=examples(
        "clearbooks mapping init orders.csv --as orders.yml --config target.json > names.json",
        "clearbooks write orders.csv --as orders.yml --config target.json --config names.json",
    )
)
@file_options
def init(
    *,
    settings: Settings,
    as_json: bool,
    file: Path,
    how: str | None,
    given: tuple[str, ...],
    stream: str | None,
    business: int | None,
    assume_new: bool,
    path: Path | None,
) -> None:
    """Print a `references` setting for the names in FILE that the ledger does not have.

    Each stands beside the name of the ledger that is nearly the same, or beside nothing: fill that
    in, save it once, and give it with --config from then on. What is left open stands for itself.
    """
    del as_json, assume_new, path
    with open_input(file, how, stream, parsed_options(given)) as source:
        settings, _ = into_business(settings, business)
        (number,) = settings.connection().business_ids
        wanted: dict[str, dict[str, None]] = {kind: {} for kind in _KINDS}
        for message in source.messages:
            for kind, name in names_in(message.get("record"), _KINDS):
                wanted[kind][name] = None
    references = {
        # The name of a VAT rate may fit several keys.
        kind: {
            name: (near.value if kind == "vatRate" else near.name) if near else ""
            for name, near in found.items()
        }
        for kind, found in unknown_names(settings, number, wanted).items()
    }
    output.print_json({"references": references})
    if not references:
        output.note(
            "Every account, bank account and VAT rate that the file names is in the ledger."
        )


@mapping.command(
    epilog=examples("clearbooks mapping check orders.csv --as orders.yml --config target.json")
)
@file_options
def check(*, settings: Settings, as_json: bool, file: Path, path: Path | None, **more: Any) -> None:
    """Name everything in FILE that fits nothing in the ledger, once each, with the nearest."""
    del path
    with tempfile.TemporaryDirectory() as folder:
        plan = Path(folder) / "plan.jsonl"
        made = make_plan(settings, file, path=plan, as_json=as_json, **more)
        # By the field and the name in it: the rest, such as a day, may differ.
        by_name: dict[str, tuple[str, list[str]]] = {}
        for refused in read_refused(plan):
            for reason in refused["reasons"]:
                words, place = _without_place(reason, refused)
                field, _, rest = words.partition(": ")
                name = _QUOTED.search(rest)
                key = f"{field} {name.group()}" if name else words
                by_name.setdefault(key, (words, []))[1].append(place)
        found = dict(by_name.values())
    if as_json:
        output.print_json(
            [{"reason": w, "records": len(p), "first": p[0]} for w, p in found.items()]
        )
    elif found:
        output.print_table(
            ["Records", "First", "What fits nothing"],
            [[str(len(places)), places[0], words] for words, places in found.items()],
        )
    else:
        output.note(f"All of it fits: {made.view.operations} records would be written.")
    raise click.exceptions.Exit(EXIT_REJECTED if found else 0)


def _without_place(reason: str, refused: Mapping[str, Any]) -> tuple[str, str]:
    """A reason as it is said of every record like this one, and where this one stands."""
    match = _PLACE.match(reason)
    if match is None:
        return reason, str(refused["key"])
    what = re.sub(r"\[\d+\]", "", match["what"])
    place = f"row {match['row']}" if match["row"] else str(refused["key"])
    return what + reason[match.end() :], place
