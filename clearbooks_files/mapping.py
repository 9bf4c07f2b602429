"""A mapping: one page of YAML that says how the rows of a file become records.

These classes are its only description: the JSON Schema that `clearbooks mapping schema` prints
comes from them, and so does every error.
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import yaml
from jsonschema import Draft202012Validator
from msgspec import Meta

from clearbooks_files.errors import MappingError
from clearbooks_files.expressions import Expressions
from clearbooks_files.layout import Column, Layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping as Map

PRESETS = "clearbooks_files.presets"
_DEEPEST = 5
_PATH = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[\.\.\.\]")


class _Strict(msgspec.Struct, forbid_unknown_fields=True):
    """An object with no other fields than those."""


class Option(_Strict):
    """What a mapping leaves to whoever uses it; an expression calls it `option.NAME`."""

    default: str | int | float | bool | None = None
    about: str = ""


class Check(_Strict):
    """A total that the file states, and what the rows must come to.

    Attributes:
        name: What it is called where it is told.
        file: Expression for what the file says; where it is empty, nothing is checked.
        rows: Expression for what the rows come to.
    """

    name: str
    file: str
    rows: str


class Expected(_Strict):
    """What a column holds in every row that counts, unless it is empty there.

    Attributes:
        value: Expression for the value, over `option` and `first_row`.
        otherwise: What to do where a row holds another one.
    """

    value: str
    otherwise: str


class FillDown(_Strict):
    """Cells that only the first of several rows in a row holds.

    Attributes:
        by: The column that such rows have in common.
        columns: Those whose empty cells take what stands in the row above.
    """

    by: str
    columns: tuple[str, ...]


class Balance(_Strict):
    """A column with the balance after each row.

    Attributes:
        amount: Expression for the amount of a row.
        balance: Expression for the balance after it.
        date: Expression for its day, which tells whether the newest row stands first.
    """

    amount: str
    balance: str
    date: str


class RecordTemplate(_Strict):
    """A record to be made.

    Attributes:
        stream: One of those that the target writes.
        key: Expression for what identifies it in the file.
        fields: Its fields. Text that begins with `=` is an expression; what comes out empty is
            left out. In a list, an item with `for_each: row` is made for each row of the group,
            with `for_each: EXPRESSION` for each of its values; `when` may leave an item out.
        per: Whether it is made for each row, for each group of `group_by`, or once a file.
        when: Expression; where it is false, there is no such record.
    """

    stream: str
    key: str
    fields: dict[str, Any]
    per: Literal["row", "group", "file"] = "row"
    when: str = ""


class Mapping(_Strict, kw_only=True):
    """How a file becomes records.

    Attributes:
        title: What kind of file it is for.
        source: Stands before every key, so that files of several kinds go into one business.
        described: Public source of the layout of the columns.
        extends: A preset or file that this one adds to; what is given here counts.
        options: What whoever uses it may set.
        file: How the file is laid out.
        columns: How cells are written, by column; text where nothing is said.
        where: Expression: the rows that count. The others are counted as left out.
        expects: By column, what all rows that count have in common, such as the bank account.
        totals: Expression: the rows that hold totals. They become no records; a check calls the
            last one `totals`.
        row_id: Expression for what identifies a row, and is `row_id` in others.
        digest: Instead, or where `row_id` is empty: columns of which a digest is made, with the
            number of the row among equal ones, so that exports may overlap.
        group_by: Expression: rows that have the same value there are one group.
        let: Named expressions for a row.
        sums: Named expressions of rows, summed up for the checks: `sums.NAME`.
        tables: Translations, for `lookup('NAME', value)`; `*` stands for all others.
        checks: What must agree before a record leaves.
        fill_down: Cells that only the first row of an order or the like holds.
        balance: A column with the balance after each row, which must fit its neighbours.
        records: The records, in the order in which the target gets their streams.
    """

    title: str
    source: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    records: Annotated[tuple[RecordTemplate, ...], Meta(min_length=1)]
    described: str = ""
    extends: str = ""
    options: dict[str, Option] = {}
    file: Layout = Layout()
    columns: dict[str, Column] = {}
    where: str = ""
    expects: dict[str, Expected] = {}
    totals: str = ""
    row_id: str = ""
    digest: tuple[str, ...] = ()
    group_by: str = ""
    let: dict[str, str] = {}
    sums: dict[str, str] = {}
    tables: dict[str, dict[str, str | int]] = {}
    checks: tuple[Check, ...] = ()
    fill_down: FillDown | None = None
    balance: Balance | None = None


def schema() -> dict[str, Any]:
    """JSON Schema of a mapping; one that extends another need not have everything itself."""
    found = msgspec.json.schema(Mapping)
    whole = found["$defs"]["Mapping"]
    whole["anyOf"] = [{"required": whole.pop("required")}, {"required": ["extends"]}]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | found


def presets() -> dict[str, Path]:
    """The presets that come with the package, by name; none of those that others only extend."""
    return {name: path for name, path in _packaged().items() if not name.startswith("_")}


def _packaged() -> dict[str, Path]:
    folder = Path(str(resources.files(PRESETS)))
    return {path.stem: path for path in sorted(folder.glob("*.yml"))}


def load_mapping(name: str | Path) -> Mapping:
    """A preset by its name, or the mapping of a file.

    Raises:
        MappingError: there is none, or it cannot be used; the text names file, line and key.
    """
    path, data = _extended(str(name), Path.cwd(), _DEEPEST)
    try:
        return msgspec.convert(data, Mapping)
    except msgspec.ValidationError as error:
        words, _, where = str(error).partition(" - at `")
        # These name the values that there are.
        found = Draft202012Validator(schema()).iter_errors(data)
        words = next((fault.message for fault in found if fault.validator == "enum"), words)
        key = where.rstrip("`").removeprefix("$.") or "mapping"
        line = _line_of(path, where.rstrip("`").removeprefix("$"))
        raise MappingError(f"{path}{f' line {line}' if line else ''}: {key}: {words}") from None


def _extended(name: str, folder: Path, depth: int) -> tuple[Path, dict[str, Any]]:
    path = _find(name, folder)
    try:
        text = path.read_text(encoding="utf-8")
        data = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" line {mark.line + 1}" if mark else ""
        raise MappingError(
            f"{path}{place}: is not YAML: {getattr(error, 'problem', error)}"
        ) from None
    if not isinstance(data, dict):
        raise MappingError(f"{path}: should hold an object with title, source and records")
    if (parent := data.get("extends")) and isinstance(parent, str):
        if not depth:
            raise MappingError(f"{path}: extends: goes round in a circle")
        data = _merged(_extended(parent, path.parent, depth - 1)[1], data)
    for option, value in (data.get("options") or {}).items():
        if not isinstance(value, dict):
            # `bankAccount: Till` is short for what only has a default.
            data["options"][option] = {"default": value}
    return path, data


def _find(name: str, folder: Path) -> Path:
    known = _packaged()
    if name in known:
        return known[name]
    path = folder / Path(name).expanduser()
    if not path.is_file():
        raise MappingError(
            f"{name!r} is neither a preset nor a file; presets are: {', '.join(presets())}"
        )
    return path


def _merged(below: Any, above: Any) -> Any:
    """Objects are put together key by key; anything else is replaced."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return below | {key: _merged(below.get(key), value) for key, value in above.items()}


def _line_of(path: Path, where: str) -> int:
    """The line of a YAML file that a path such as `.records[0].key` leads to; 0 for none."""
    node: Any = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    line = 0
    for name, index in _PATH.findall(where):
        found = _child(node, name, index)
        if found is None:
            break
        line, node = found
    return line


def _child(node: Any, name: str, index: str) -> tuple[int, Any] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == name:
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and index.isdigit() and int(index) < len(node.value):
        item = node.value[int(index)]
        return item.start_mark.line + 1, item
    return None


def expressions_of(mapping: Mapping) -> Iterator[tuple[str, str]]:
    """Every expression of a mapping, with the key it stands under."""
    for name in ("where", "totals", "row_id", "group_by"):
        if text := getattr(mapping, name):
            yield name, text
    for group in ("let", "sums"):
        for name, text in getattr(mapping, group).items():
            yield f"{group}.{name}", text
    for where, part, names in _parts(mapping):
        yield from ((f"{where}.{name}", getattr(part, name)) for name in names)
    for n, record in enumerate(mapping.records):
        where = f"records[{n}]"
        yield f"{where}.key", record.key
        if record.when:
            yield f"{where}.when", record.when
        yield from _in_fields(record.fields, f"{where}.fields")


def _in_fields(value: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, item in value.items():
            reserved = name in ("when", "for_each") and item != "row"
            if reserved and isinstance(item, str):
                yield f"{where}.{name}", item
            else:
                yield from _in_fields(item, f"{where}.{name}")
    elif isinstance(value, list):
        for n, item in enumerate(value):
            yield from _in_fields(item, f"{where}[{n}]")
    elif isinstance(value, str) and value.startswith("="):
        yield where, value[1:].strip()


def with_options(mapping: Mapping, given: Map[str, Any]) -> dict[str, Any]:
    """The value of each option: what is given, else its default.

    Raises:
        MappingError: one is given that the mapping does not have, or one lacks its value.
    """
    unknown = sorted(set(given) - set(mapping.options))
    if unknown:
        known = ", ".join(mapping.options) or "none"
        raise MappingError(f"{unknown[0]}: is no option of {mapping.title!r}; options are: {known}")
    found = {name: option.default for name, option in mapping.options.items()} | dict(given)
    for name, value in found.items():
        if value is None:
            about = mapping.options[name].about
            raise MappingError(f"{name}: is needed{f': {about}' if about else ''} (--set {name}=…)")
    return found


def _parts(mapping: Mapping) -> Iterator[tuple[str, _Strict, tuple[str, ...]]]:
    """Parts whose fields are expressions: where each stands, and the names of those fields."""
    for column, expected in mapping.expects.items():
        yield f"expects.{column}", expected, ("value",)
    if mapping.balance is not None:
        yield "balance", mapping.balance, ("amount", "balance", "date")
    for n, check in enumerate(mapping.checks):
        yield f"checks[{n}]", check, ("file", "rows")


def checked_expressions(mapping: Mapping) -> Expressions:
    """The evaluator of a mapping, once each of its expressions can be read.

    Raises:
        MappingError: one cannot; the text names the key.
    """
    expressions = Expressions(mapping.tables)
    for where, text in expressions_of(mapping):
        try:
            expressions.check(text)
        except SyntaxError as error:
            raise MappingError(
                f"{mapping.title}: {where}: {text!r} is no expression: {error.msg}"
            ) from None
    if any(record.per == "group" for record in mapping.records) and not mapping.group_by:
        raise MappingError(f"{mapping.title}: group_by: is needed for a record `per: group`")
    return expressions
