"""What loaders make of the tap's messages: their tables against the ledger, field by field.

A ledger is read, changed at random (voids and deletions among the changes) and read again; each
loader gets both runs, and its tables are compared with the ledger as it stands then.
`WAREHOUSES=all` tries every loader and setting of the table in docs/read.md, not two alone.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import random
import subprocess
from decimal import Decimal

import duckdb
import psycopg
import pytest

from clearbooks_sandbox import Options, running
from tap_clearbooks.streams import STREAMS, resource
from tests.environments import environment
from tests.ledger import ONE, TWO
from tests.postgres import database, server  # noqa: F401 - fixtures
from tests.project.conftest import BIN
from tests.tap_clearbooks.bookkeeper import Bookkeeper, small_ledger
from tests.tap_clearbooks.copying import NAMES, Recorder, ledger, plain

CHANGES = 60
NOW = dt.datetime.now(dt.UTC).isoformat()
every = pytest.mark.skipif(
    os.environ.get("WAREHOUSES") != "all", reason="only with WAREHOUSES=all: see docs/read.md"
)


def change(engine):
    """The same changes each time."""
    dice, keeper, done = random.Random(7), Bookkeeper(engine), 0  # noqa: S311 - no secret
    while done < CHANGES:
        done += keeper.act(
            dice.choice(Bookkeeper.NAMES),
            dice.choice([ONE, TWO]),
            dice.randint(0, 4095),
            dice.randint(0, 4095),
        )


class Story:
    """Two runs, and the ledger after them.

    Attributes:
        runs: The messages of each run, as lines.
        truth: Stream -> key -> record without nulls.
        gone: Stream -> keys that the first run sent, or the second, and that are gone.
    """

    def __init__(self, directory, **how):
        engine = small_ledger()
        copy = Recorder(engine, directory, **how)
        copy.run()
        copy.written.append([])
        if "method" not in how:
            self.written_off(copy)
        change(engine)
        # Text that is edited in place is another matter: docs/read.md.
        copy.days = 8
        copy.run()
        self.runs = copy.written
        self.truth = {name: ledger(engine, name, copy.businesses) for name in NAMES}
        self.gone = {name: copy.rows[name].keys() - self.truth[name].keys() for name in NAMES}
        assert len([name for name in NAMES if self.gone[name]]) > 8
        engine.close()

    @staticmethod
    def written_off(copy):
        """A customer leaves at the end of the first run, and the second one sends it again."""
        (schema,) = (
            m["schema"]
            for m in map(json.loads, copy.written[0])
            if m["type"] == "SCHEMA" and m["stream"] == "customers"
        )
        key = {"businessId": TWO, "id": 1}
        record = {**dict.fromkeys(schema["properties"]), **key, "_sdc_deleted_at": str(NOW)}
        message = {"type": "RECORD", "stream": "customers", "record": record}
        copy.written[0].append(json.dumps(message))


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    logging.disable(logging.CRITICAL)
    yield Story(tmp_path_factory.mktemp("story"))
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def whole_story(tmp_path_factory):
    """Everything read whole in both runs, and ACTIVATE_VERSION instead of tombstones."""
    return Story(
        tmp_path_factory.mktemp("whole"), method="FULL_TABLE", emit_activate_version_messages=True
    )


def load(program, config, story, folder):
    """Pipe both runs into a loader, one after the other."""
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    for run in story.runs:
        done = subprocess.run(
            [program, "--config", path],
            input="\n".join(run) + "\n",
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]


def differences(truth, rows):
    """Stream -> number of rows in the ledger that a table has not, or has with another value."""
    return {
        name: wrong
        for name in NAMES
        if (
            wrong := sum(
                rows[name].get(key) != lowered(record) for key, record in truth[name].items()
            )
        )
    }


def too_many(truth, rows):
    """Stream -> number of rows that the ledger has not."""
    return {name: more for name in NAMES if (more := len(rows[name].keys() - truth[name].keys()))}


def table(name, columns, rows):
    """Rows of a table by key, as the ledger's records are; those that a tombstone marks apart."""
    live, marked = {}, {}
    columns = [column.lower() for column in columns]
    for row in rows:
        record = dict(zip(columns, map(value, row), strict=True))
        key = tuple(record[field.lower()] for field in resource(name).key)
        gone = record.get("_sdc_deleted_at", record.get("_ab_cdc_deleted_at")) is not None
        kept = {k: v for k, v in record.items() if not k.startswith("_")}
        # An empty text becomes null in target-duckdb.
        whole = {k: v for k, v in plain(kept).items() if v != ""}
        (marked if gone else live)[key] = whole
    return live, marked


def value(found):
    """A value of a database as JSON has it."""
    if isinstance(found, Decimal):
        return float(found)
    if isinstance(found, dt.date) and not isinstance(found, dt.datetime):
        return found.isoformat()
    if isinstance(found, str) and found[:1] in {"{", "["}:
        found = json.loads(found)
    return lowered(found)


def lowered(found):
    """Names at the top are in small letters in some warehouses, and an empty text is null."""
    if not isinstance(found, dict):
        return found
    return {k.lower(): v for k, v in found.items() if v != ""}


def postgres_tables(url):
    found = {}
    with psycopg.connect(url) as link:
        for name in NAMES:
            cursor = link.execute(f"SELECT * FROM public.{name}")  # noqa: S608 - ours
            found[name] = table(name, [c.name for c in cursor.description], cursor.fetchall())
    return _apart(found)


def duckdb_tables(path):
    found = {}
    with duckdb.connect(str(path), read_only=True) as link:
        for name in NAMES:
            cursor = link.execute(f"SELECT * FROM main.{name}")  # noqa: S608 - ours
            found[name] = table(name, [c[0] for c in cursor.description], cursor.fetchall())
    return _apart(found)


def _apart(found):
    return (
        {name: live for name, (live, _) in found.items()},
        {name: marked for name, (_, marked) in found.items()},
    )


def check_marked(story, live, marked):
    """Equal to the ledger, and each record that left is a marked row of nulls."""
    assert not differences(story.truth, live)
    assert not too_many(story.truth, live)
    for name in NAMES:
        assert marked[name].keys() == story.gone[name], name
        keys = {field.lower() for field in resource(name).key}
        assert all(row.keys() <= keys for row in marked[name].values()), name


def target_postgres(database, story, folder, **settings):  # noqa: F811
    program = environment("target-postgres").parent / "target-postgres"
    config = {"sqlalchemy_url": database, "default_target_schema": "public", **settings}
    load(program, config, story, folder)
    return postgres_tables(database)


def target_duckdb(story, folder, **settings):
    path = folder / "copy.duckdb"
    config = {"path": str(path), "default_target_schema": "main", **settings}
    load(BIN / "target-duckdb", config, story, folder)
    return duckdb_tables(path)


def test_target_postgres_marks(story, database, tmp_path):  # noqa: F811
    check_marked(story, *target_postgres(database, story, tmp_path))


def test_target_duckdb_marks(story, tmp_path):
    check_marked(story, *target_duckdb(story, tmp_path))


def check_removed(story, live, marked):
    """Equal to the ledger, and what left is not there."""
    assert not differences(story.truth, live)
    assert not too_many(story.truth, live)
    assert not any(marked.values())


@every
def test_target_duckdb_removes_with_hard_delete(story, tmp_path):
    check_removed(story, *target_duckdb(story, tmp_path, hard_delete=True))


@every
def test_target_postgres_marks_also_with_hard_delete(story, database, tmp_path):  # noqa: F811
    check_marked(story, *target_postgres(database, story, tmp_path, hard_delete=True))


def jsonl_records(story, folder):
    """What target-jsonl wrote of each stream: all that was sent, in order."""
    program = environment("target-jsonl").parent / "target-jsonl"
    load(program, {"destination_path": str(folder), "do_timestamp_file": False}, story, folder)
    found = {}
    for name in NAMES:
        lines = (folder / f"{name}.jsonl").read_text().splitlines()
        found[name] = [json.loads(line) for line in lines]
        assert found[name] == [
            message["record"]
            for run in story.runs
            for message in map(json.loads, run)
            if message["type"] == "RECORD" and message["stream"] == name
        ]
    return found


@every
def test_target_jsonl_appends(story, tmp_path):
    found = {}
    for name, records in jsonl_records(story, tmp_path).items():
        newest = {tuple(r[field] for field in resource(name).key): r for r in records}
        columns = sorted({field for record in records for field in record})
        found[name] = table(name, columns, [map(r.get, columns) for r in newest.values()])
    # The newest line of each key is the ledger.
    check_marked(story, *_apart(found))


@every
def test_target_jsonl_ignores_activate_version(whole_story, tmp_path):
    jsonl_records(whole_story, tmp_path)


@every
@pytest.mark.parametrize("hard", [False, True])
def test_target_postgres_carries_activate_version_out(whole_story, database, tmp_path, hard):  # noqa: F811
    live, marked = target_postgres(database, whole_story, tmp_path, hard_delete=hard)
    assert not differences(whole_story.truth, live)
    assert not too_many(whole_story.truth, live)
    for name in NAMES:
        assert marked[name].keys() == (set() if hard else whole_story.gone[name])
    # Unlike a tombstone the row keeps its values.
    assert hard or all(row["amount"] for row in marked["payments"].values())


@every
def test_target_duckdb_ignores_activate_version(whole_story, tmp_path):
    live, marked = target_duckdb(whole_story, tmp_path)
    assert not differences(whole_story.truth, live)
    assert too_many(whole_story.truth, live) == {
        n: len(g) for n, g in whole_story.gone.items() if g
    }
    assert not any(marked.values())


LISTS = [name for name in NAMES if STREAMS[name].cursor is None]
READ = """
import airbyte, json, sys
from airbyte.caches import DuckDBCache
lists = sys.argv[4:]
source = airbyte.get_source("source-clearbooks", config=json.load(open(sys.argv[1])),
                            local_executable=sys.argv[2])
cache = DuckDBCache(db_path=sys.argv[3])
source.select_streams([s for s in source.get_available_streams() if s not in lists])
source.read(cache=cache)
# Streams that are read whole: PyAirbyte would merge them, and keep what left.
source.select_streams(lists)
source.read(cache=cache, write_strategy="replace", force_full_refresh=True)
"""
DUMP = """
import duckdb, json, sys
from decimal import Decimal
link = duckdb.connect(sys.argv[1])
found = {}
for name in sys.argv[2:]:
    cursor = link.execute(f"SELECT * FROM main.{name}")
    found[name] = [[c[0] for c in cursor.description], cursor.fetchall()]
def plain(value):
    return float(value) if isinstance(value, Decimal) else str(value)
print(json.dumps(found, default=plain))
"""


@every
def test_pyairbyte_marks(tmp_path):
    python, engine = environment("client"), small_ledger()
    environ = {
        **os.environ,
        "AIRBYTE_OFFLINE_MODE": "1",
        "HOME": str(tmp_path),
        "NO_COLOR": "1",
        "AIRBYTE_PROJECT_DIR": str(tmp_path),
    }

    def run(script, *arguments):
        done = subprocess.run(
            [python, "-c", script, *map(str, arguments)],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    with running(engine, Options()) as served:
        config = {
            "credentials": {"auth_type": "access_token", "access_token": "sandbox-access-token"},
            "api_url": served.url,
            "token_url": served.token_url,
            "reread_days": 0,
            "token_store": str(tmp_path / "tokens.json"),
        }
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config))
        run(READ, path, BIN / "source-clearbooks", "cache.duckdb", *LISTS)
        change(engine)
        run(READ, path, BIN / "source-clearbooks", "cache.duckdb", *LISTS)
    dumped = json.loads(run(DUMP, "cache.duckdb", *NAMES).splitlines()[-1])
    live, marked = _apart({name: table(name, *dumped[name]) for name in NAMES})
    truth = {name: ledger(engine, name, engine.business_ids()) for name in NAMES}
    assert not differences(truth, live)
    assert not too_many(truth, live)
    assert {name for name in NAMES if marked[name]} >= {"sales_invoices", "payments"}
    assert not any(marked[name] for name in LISTS)
