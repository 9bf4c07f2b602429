"""BATCH messages in Parquet and in S3, as the extras `parquet` and `s3` bring them."""

from __future__ import annotations

import json
import os
import subprocess
from decimal import Decimal

import pytest

from tests.environments import environment
from tests.tap_clearbooks.test_program import tap
from tools.fleet.ports import free_port, wait_for

AWS = {
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
    "AWS_DEFAULT_REGION": "us-east-1",
}
BUCKET = "ledger"
# Reads the files of each stream as the SDK's targets do, and prints their rows.
READER = """
import decimal, gzip, io, json, sys
import fsspec
found = {}
for stream, files in json.load(sys.stdin).items():
    rows = found.setdefault(stream, [])
    for address in files:
        with fsspec.open(address, "rb") as file:
            data = file.read()
        if ".parquet" in address:
            import pyarrow.parquet
            rows += pyarrow.parquet.read_table(io.BytesIO(data)).to_pylist()
        else:
            rows += [json.loads(line) for line in gzip.decompress(data).splitlines()]
print(json.dumps(found, default=lambda v: float(v) if isinstance(v, decimal.Decimal) else str(v)))
"""


@pytest.mark.parametrize(
    ("setting", "value", "module", "extra"),
    [
        (
            "batch_config",
            {"encoding": {"format": "parquet"}, "storage": {"root": "file:///x"}},
            "pyarrow",
            "parquet",
        ),
        (
            "batch_config",
            {"encoding": {"format": "jsonl"}, "storage": {"root": "s3://b"}},
            "s3fs",
            "s3",
        ),
        ("faker_config", {"seed": 1}, "faker", "faker"),
    ],
)
def test_a_missing_extra_is_named(books, tmp_path, monkeypatch, setting, value, module, extra):
    find = "importlib.util.find_spec"
    monkeypatch.setattr(find, lambda name, *_: None if name == module else object())
    from clearbooks.errors import SettingError
    from tap_clearbooks.tap import TapClearbooks

    with pytest.raises(SettingError, match=rf"^{setting}.* needs {module}: pip install .*{extra}"):
        TapClearbooks(config=books.config(tmp_path, **{setting: value}))


@pytest.fixture(scope="module")
def python():
    return environment("batches")


@pytest.fixture(scope="module")
def aws(python):
    """The environment in which a stand-in S3 with an empty bucket is found."""
    port = free_port()
    server = subprocess.Popen(
        [python.with_name("moto_server"), "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port, "moto_server")
        env = {**os.environ, **AWS, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
        code = f"import s3fs; s3fs.S3FileSystem().mkdir({BUCKET!r})"
        subprocess.run([python, "-c", code], env=env, check=True)
        yield env
    finally:
        server.terminate()
        server.wait(10)


def by_stream(text, kind):
    found = {}
    for message in map(json.loads, text.splitlines()):
        if message["type"] == kind:
            found.setdefault(message["stream"], []).append(message)
    return found


def plain(value):
    """A value as it may be compared: amounts as numbers, and nothing that is null."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Decimal(str(value)).normalize()
    return value


@pytest.mark.heavy
@pytest.mark.parametrize("storage", ["file", "s3"])
@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_what_is_in_the_files_is_what_records_would_say(
    books, tmp_path, python, aws, storage, form
):
    for name in ("Smith", "Jones"):
        customer = books.do("createCustomer", {"name": name})["id"]
        books.invoice(customer, amount=33.33)
    said = tap(tmp_path, books.config(tmp_path)).stdout
    records = {
        stream: [m["record"] for m in messages]
        for stream, messages in by_stream(said, "RECORD").items()
    }
    root = f"s3://{BUCKET}/{form}" if storage == "s3" else f"file://{tmp_path}/batches"
    (tmp_path / "batches").mkdir()
    batch = {"encoding": {"format": form, "compression": "gzip"}, "storage": {"root": root}}
    config = tmp_path / "batches.json"
    config.write_text(json.dumps(books.config(tmp_path, batch_config=batch)))
    done = subprocess.run(
        [python.with_name("tap-clearbooks"), "--config", config],
        env={**aws, "XDG_STATE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    batches = by_stream(done.stdout, "BATCH")
    assert {"sales_invoices", "transaction_lines", "customers"} <= set(batches) == set(records)
    files = {
        stream: [file for message in messages for file in message["manifest"]]
        for stream, messages in batches.items()
    }
    read = subprocess.run(
        [python, "-c", READER],
        input=json.dumps(files),
        env=aws,
        capture_output=True,
        text=True,
        check=True,
    )
    for stream, rows in json.loads(read.stdout).items():
        assert [plain(row) for row in rows] == [plain(row) for row in records[stream]], stream
