"""Lines that nobody can use: each is a reject with its number, and the others are written."""

from __future__ import annotations

import io
import json
import random
import tracemalloc

import pytest

from target_clearbooks import line_faults, reader
from target_clearbooks.line_faults import InputError
from target_clearbooks.target import TargetClearbooks
from tests.target_clearbooks.conftest import customer, invoice, schema, state

SECRET = "Zebedee"


def line(message):
    return json.dumps(message).encode() + b"\n"


def named(name, **fields):
    return line(customer(name, name=f"{name} Ltd", **fields))


def feed(run, data, **settings):
    target = TargetClearbooks(config={**run.config, **settings})
    try:
        return target.run(io.TextIOWrapper(io.BytesIO(data)))
    finally:
        run.states = [json.loads(text) for text in run.capsys.readouterr().out.splitlines()]


def customers(run):
    return sorted(c["name"] for c in run.customers())


POISON = {
    "Windows-1252": (
        named("P", phone="x").replace(b'"x"', b'"caf\xe9"'),
        "not UTF-8 (byte 0xe9 at 102); it looks like Windows-1252",
    ),
    "no text": (b'{"type": "RECORD", "\x81\x8d', "not UTF-8 (byte 0x81 at 20); it looks like no"),
    "surrogate": (named("P", phone="x").replace(b'"x"', b'"\\ud800x"'), "half a character"),
    "digits": (named("P", phone=7).replace(b": 7", b": " + b"9" * 5000), "more digits"),
    "exponent": (named("P", phone=7).replace(b": 7", b": 1e99999999999999999999"), "more digits"),
    "NaN": (named("P", phone=7).replace(b": 7", b": NaN"), "NaN is no number; send null"),
    "levels": (named("P", phone=7).replace(b": 7", b": " + b"[" * 2000 + b"]" * 2000), "nested"),
    "some levels": (named("P", phone=7).replace(b": 7", b": " + b"[" * 300 + b"]" * 300), "nested"),
    "a cut line": (named("P")[:60], "no JSON"),
    "two in one": (named("P").strip() + named("Q"), "no JSON"),
    "CSV": (b"id,name,amount\n", "it looks like CSV"),
    "array": (b"[1, 2]\n", "a JSON array"),
    "type": (b'{"type": "FUTURE"}\n', "type 'FUTURE'"),
    "no type": (b'{"externalId": "P", "name": "%s"}\n' % SECRET.encode(), "type None"),
    "type list": (b'{"type": ["RECORD"]}\n', "is none that a Singer target knows"),
    "keys": (line({**schema("customers")[0], "key_properties": 5}), "key_properties of customers"),
    "properties": (line({**schema("customers")[0], "schema": {"properties": 5}}), "properties"),
    "no record": (b'{"type": "RECORD", "stream": "customers"}\n', "lacks record"),
    "record": (b'{"type": "RECORD", "stream": "customers", "record": [1]}\n', "no object"),
    "stream": (b'{"type": "RECORD", "stream": {}, "record": {}}\n', "the stream of a RECORD"),
    "unknown stream": (b'{"type": "RECORD", "stream": "cats", "record": {}}\n', "'cats' cannot"),
}


@pytest.mark.parametrize("kind", POISON)
def test_a_poison_line_is_a_reject_and_the_others_are_written(kind, run, caplog):
    poison, words = POISON[kind]
    data = line(schema("customers")[0]) + named("A") + poison.rstrip(b"\n") + b"\n" + named("B")
    assert feed(run, data + line(state({"n": 1}))) == 3
    assert customers(run) == ["A Ltd", "B Ltd"]
    assert run.states == [{"n": 1}]
    [refused] = run.rejects
    assert refused["class"] == "invalid"
    assert refused["reasons"][0].startswith("line 3: ")
    assert words in refused["reasons"][0]
    assert refused["reasons"][0] in caplog.text
    assert SECRET not in caplog.text
    assert "Traceback" not in caplog.text


def test_the_first_reject_may_end_the_run(run):
    data = named("A") + b"{oops\n" + b"".join(named(f"B{n}") for n in range(200))
    assert feed(run, data, on_reject="fail") == 3
    assert len(customers(run)) < 200


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"id,name\n1,Ada\n", "line 1: no JSON: it looks like CSV. "),
        (b"Payments over \xa3500,,,\n", "it looks like Windows-1252 and CSV"),
        (b"\n\n[{}]\n", "line 3: no Singer message but a JSON array: write one message a line"),
        (b'{"externalId": "C", "name": "Ada"}\n', "line 1: a message of type None"),
        (named("A").decode().encode("utf-16"), "looks like UTF-16"),
        (b"PK\x03\x04\x00\x00", "looks like UTF-16"),
        (b"<html>\n", "XML or HTML"),
    ],
)
def test_an_input_that_does_not_begin_with_a_message(data, words, run):
    with pytest.raises(InputError) as ended:
        feed(run, data)
    assert words in str(ended.value)
    assert "let a tap read other files" in str(ended.value)
    assert ended.value.exit_code == 2
    assert not run.writes()


def test_byte_order_marks_and_blank_lines_are_skipped(run):
    bom = b"\xef\xbb\xbf"
    assert feed(run, bom + named("A") + b"\r\n  \n" + bom + named("B") + bom + b"\n") == 0
    assert customers(run) == ["A Ltd", "B Ltd"]


def test_a_first_line_in_another_encoding_is_a_reject_that_can_be_piped_back(run):
    data = named("P").replace(b"P Ltd", b"Caf\xe9") + named("A")
    assert feed(run, data) == 3
    assert customers(run) == ["A Ltd"]
    path = run.directory / "rejects.jsonl"
    again = path.read_bytes()
    path.unlink()
    assert feed(run, again) == 0
    assert customers(run) == ["A Ltd", "Café"]


def test_a_line_that_was_repaired_in_the_reject_file_is_read(run):
    assert feed(run, named("A") + named("P")[:-3] + b"\n") == 3
    path = run.directory / "rejects.jsonl"
    entry = json.loads(path.read_text())
    assert (entry["type"], entry["line"]) == ("LINE", 2)
    path.unlink()
    assert feed(run, line(entry)) == 3
    path.unlink()
    assert feed(run, line({**entry, "text": entry["text"] + "}}"})) == 0
    assert customers(run) == ["A Ltd", "P Ltd"]


def test_a_record_that_a_stream_map_cannot_map_is_a_reject(run):
    maps = {"customers": {"name": "name.upper()"}}
    data = named("A") + named("P").replace(b'"P Ltd"', b"5") + named("B")
    assert feed(run, data, stream_maps=maps) == 3
    assert customers(run) == ["A LTD", "B LTD"]
    assert "stream_maps cannot map" in run.rejects[0]["reasons"][0]


def test_a_line_longer_than_any_message(run, monkeypatch):
    for module in (line_faults, reader):
        monkeypatch.setattr(module, "LONGEST", 100_000)
    long = named("P", phone="5" * 300_000)
    assert feed(run, named("A") + long + named("B") + long.strip()) == 3
    assert customers(run) == ["A Ltd", "B Ltd"]
    assert [r["reasons"] for r in run.rejects] == [
        ["line 2: longer than 0 MiB"],
        ["line 4: longer than 0 MiB"],
    ]


def test_what_is_read_ahead_is_bounded_by_its_size():
    lines = reader.Lines(io.BytesIO(b"x" * 1_000_000 + b"\n"), lambda: None)
    assert sum(map(len, lines)) == 1_000_000
    data = (b"x" * 1_000_000 + b"\n") * 40
    tracemalloc.start()
    try:
        for text in reader.Lines(io.BytesIO(data), lambda: None):
            assert len(text) == 1_000_000
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
    finally:
        tracemalloc.stop()


def mutated(data, rng):
    """A line with some bytes changed, left out, doubled or put in."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 4])):
        at, how = rng.randrange(max(len(data) - 1, 1)), rng.random()
        if how < 0.3:
            data[at : at + 1] = bytes([rng.randrange(256)])
        elif how < 0.5:
            del data[at : at + rng.choice([1, 3, 40])]
        elif how < 0.7:
            data[at:at] = data[at : at + rng.choice([1, 5, 60])]
        else:
            data[at:at] = rng.choice(
                [
                    b"[" * 90,
                    b"9" * 400,
                    b"1e999",
                    b"null",
                    b"{}",
                    b"\\ud800",
                    b"\xe9",
                    b"\0",
                    b'"',
                    b",",
                    b"\xef\xbb\xbf",
                    b"NaN",
                    b"\\u0000",
                    b"-",
                    b"true",
                ]
            )
    return bytes(data).replace(b"\n", b" ") + b"\n"


def test_of_mutated_lines_none_is_unnamed(run):
    """In a dry run, so that thousands cost no writes: the plan has each record, or names it."""
    rng = random.Random("lines")  # noqa: S311 - repeatable on purpose
    good = line(invoice("I0", gross="120.00", reference="R", businessId=run.business))
    data = line(schema("sales_invoices")[0]) + named("C1")
    for n in range(1500):
        data += mutated(good.replace(b'"I0"', b'"I%d"' % n), rng)
    plan = run.directory / "plan.jsonl"
    target = TargetClearbooks(config={**run.config, "dry_run": True, "plan_path": str(plan)})
    assert target.run(io.TextIOWrapper(io.BytesIO(data + named("last")))) in {3, 4}
    found = [json.loads(text) for text in plan.read_text().splitlines()]
    assert found[-2]["key"] == "last"
    refused = [entry for entry in found if entry["type"] == "refused"]
    assert len(refused) > 500
    assert all(entry["reasons"] and entry["key"] for entry in refused)
    counts = [number for stream in target.result.streams.values() for number in stream.values()]
    assert sum(counts) == 1502
