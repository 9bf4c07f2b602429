"""The state store, in a file and in a database; who may write; whose ledger it knows."""

from __future__ import annotations

import json
import signal
import sqlite3
import threading
import time

import psycopg
import pytest
from click.testing import CliRunner

from clearbooks.errors import SettingError
from clearbooks_app import main
from target_clearbooks.store import (
    BusyError,
    NoStoreError,
    StoreError,
    open_locked,
    open_store,
)
from target_clearbooks.store import (
    format as store_format,
)
from target_clearbooks.store.ledger_map import LedgerMap
from target_clearbooks.target import TargetClearbooks
from tests.postgres import database, server  # noqa: F401 - fixtures
from tests.target_clearbooks.conftest import (
    TWO,
    Runner,
    book,
    check_book,
    customer,
    invoice,
    schema,
    supplier,
)


@pytest.fixture(params=["file", "database"])
def where(request, tmp_path):
    """Where the store is."""
    if request.param == "file":
        return str(tmp_path / "state.sqlite3")
    return request.getfixturevalue("database")


@pytest.fixture
def anywhere(run, where, monkeypatch):
    """A runner whose store is there."""
    config = {**run.config, "state_store": where}
    monkeypatch.setattr(Runner, "config", property(lambda _: config))
    return run


def test_the_next_run_may_begin_as_soon_as_one_has_ended(where):
    for _ in range(100):
        store = open_store(where)
        store.lock_writer(101)
        store.close()


def rows(where, statement):
    store = open_store(where)
    try:
        return store.execute(statement).fetchall()
    finally:
        store.close()


def test_a_book_twice(anywhere, where):
    assert anywhere(book(3)) == 0
    written = anywhere.writes()
    changed = [*book(3), customer("C1", name="Customer C1", phone="01632 960001")]
    assert anywhere(changed) == 0
    assert sum(anywhere.writes().values()) == sum(written.values()) + 1
    check_book(anywhere, 3)
    assert rows(where, "SELECT count(*) FROM map WHERE stream = 'journals'") == [(3,)]
    with pytest.raises(StoreError, match="append-only"):
        rows(where, "DELETE FROM audit")


def test_what_waits_and_what_is_in_doubt_is_taken_up(anywhere):
    anywhere.sandbox.faults.plan("drop-after", method="POST", path="/accounting/sales")
    first = [*TWO, customer(), invoice("I1"), invoice("I2", "C2")]
    assert anywhere(first, max_tries=1, settle_seconds=0) == 4
    assert anywhere([*TWO, customer("C2")]) == 0
    found = anywhere.invoices()
    assert len(found) == 2


def test_killed_and_run_again(anywhere):
    messages = book(12)
    with anywhere.process(messages) as process:
        while sum(anywhere.writes().values()) < 20:
            time.sleep(0.02)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    deadline = time.monotonic() + 20
    # A database notices a moment later that the process has gone.
    while True:
        try:
            assert anywhere(messages) == 0
            break
        except BusyError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    check_book(anywhere, 12)


def test_a_dry_run_leaves_the_store_as_it_is(anywhere, where, tmp_path):
    assert anywhere(book(2)) == 0
    before = rows(where, "SELECT count(*) FROM runs")
    plan = tmp_path / "plan.jsonl"
    again = [*book(2), customer("C9"), invoice("I9", "C9")]
    assert anywhere(again, dry_run=True, plan_path=str(plan)) == 0
    assert rows(where, "SELECT count(*) FROM runs") == before
    lines = [json.loads(line) for line in plan.read_text().splitlines()]
    planned = [x["key"] for x in lines if x["type"] == "operation"]
    assert planned == ["C9", "I9"]


def test_commands(anywhere, where, tmp_path):
    assert anywhere([*TWO, customer(), invoice(), invoice("I2", date="soon")]) == 3
    config = tmp_path / "settings.json"
    config.write_text(json.dumps(anywhere.config))

    def command(*words):
        found = CliRunner().invoke(main, [*words, "--config", str(config), "--json"])
        assert found.exit_code == 0, found.output
        return json.loads(found.stdout)

    [run] = command("syncs")
    assert run["streams"] == {
        "customers": {"written": 1},
        "sales_invoices": {"rejected": 1, "written": 1},
    }
    shown = command("syncs", "show", run["run"])
    assert shown["totals"] == [
        {
            "stream": "sales_invoices",
            "outcome": "written",
            "currency": "GBP",
            "records": 1,
            "net": "100.00",
            "vat": "20.00",
            "gross": "120.00",
        }
    ]
    [refused] = shown["open"]
    assert (refused["key"], refused["class"]) == ("I2", "invalid")
    [row] = command("map", "show", "customers", "C1")
    assert command("map", "set", "customers", "OTHER", "1")["id"] == 1
    assert len(command("map", "show", "customers")) == 2
    assert command("map", "unset", "customers", "OTHER")["id"] is None
    assert command("map", "show", "customers") == [row]
    assert anywhere([*TWO, customer()]) == 0
    assert len(command("syncs")) == 2


def test_runs_before_requests_were_counted(anywhere, where, monkeypatch, tmp_path):
    with monkeypatch.context() as before:
        before.setattr(store_format, "MIGRATIONS", store_format.MIGRATIONS[:6])
        rows(
            where,
            "INSERT INTO runs (id, started, ended, kind, businesses, exit_code) "
            "VALUES ('20200101-000000-a1b2c3', 1.5, 2.5, 'target', '[101]', 0) RETURNING id",
        )
    assert anywhere([*TWO, customer()]) == 0
    config = tmp_path / "settings.json"
    config.write_text(json.dumps(anywhere.config))
    answer = CliRunner().invoke(main, ["syncs", "--config", str(config), "--json"])
    new, old = json.loads(answer.stdout)
    assert old["requests"] is None
    assert new["requests"] == len(anywhere.sandbox.requests) > 0
    told = CliRunner().invoke(main, ["syncs", "--config", str(config)]).stdout.splitlines()
    assert told[0].split()[4] == "Requests"
    assert "\N{EN DASH}" in told[2].split()
    assert "\N{EN DASH}" not in told[1].split()


def test_the_second_writer_is_told_who_writes(anywhere, where):
    target = TargetClearbooks(config=anywhere.config)
    store, locks = open_locked(target.connection, where, [anywhere.business])
    try:
        with pytest.raises(BusyError, match=r"being written by process \d+ on "):
            anywhere([*TWO, customer()])
        plan = str(anywhere.directory / "plan")
        assert anywhere([*TWO, customer()], dry_run=True, plan_path=plan) == 0
    finally:
        store.close()
        locks.release()
    assert anywhere([*TWO, customer()]) == 0


def test_a_store_in_a_database_is_locked_for_every_token_store(run, database, tmp_path):  # noqa: F811
    """Two machines have each its own files."""
    target = TargetClearbooks(config={**run.config, "state_store": database})
    store, locks = open_locked(target.connection, database, [run.business])
    try:
        with pytest.raises(BusyError, match="process"):
            run([*TWO, customer()], state_store=database, token_store=str(tmp_path / "other.json"))
    finally:
        store.close()
        locks.release()


def test_tokens_in_a_database_lock_between_machines(run, database, monkeypatch, tmp_path):  # noqa: F811
    config = {**run.config, "token_store": database}
    target = TargetClearbooks(config=config)
    store, locks = open_locked(target.connection, str(tmp_path / "one"), [run.business])
    try:
        # Another machine has another state directory.
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "elsewhere"))
        with pytest.raises(BusyError, match=r"being written by process \d+ on "):
            run([*TWO, customer()], token_store=database, state_store=str(tmp_path / "two"))
    finally:
        store.close()
        locks.release()
    assert run([*TWO, customer()], token_store=database) == 0


@pytest.mark.parametrize("setting", ["state_store", "token_store"])
def test_nothing_is_sent_once_the_lock_is_lost(run, database, setting):  # noqa: F811
    def cut():
        while not run.sandbox.requests:
            time.sleep(0.01)
        with psycopg.connect(database, autocommit=True) as link:
            link.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name LIKE 'process %'"
            )

    run.sandbox.faults.plan("slow", seconds=0.2, method="POST", times=100)
    thread = threading.Thread(target=cut)
    thread.start()
    with pytest.raises((StoreError, BusyError), match=setting):
        run(book(20), max_in_flight=2, **{setting: database})
    thread.join()
    assert sum(run.writes().values()) < 60
    run.sandbox.faults.clear()
    assert run(book(20), **{setting: database}) == 0
    check_book(run, 20)


def test_a_database_that_is_not_there(run):
    url = "postgresql://books:hush@127.0.0.1:9/none"
    with pytest.raises(SettingError, match="state_store: postgresql://127") as caught:
        run([*TWO, customer()], state_store=url)
    assert "hush" not in str(caught.value)
    # It may be back at the next try; a kind of store that is not known never will.
    assert caught.value.exit_code == 1
    with pytest.raises(SettingError, match=r"state_store: mysql:// is not known") as caught:
        run([*TWO, customer()], state_store="mysql://x")
    assert caught.value.exit_code == 2
    with pytest.raises(SettingError, match="state_store: the PostgreSQL URL cannot be read"):
        run([*TWO, customer()], state_store="postgresql://a:p@ss@h/x")


def test_no_store_yet(where, tmp_path):
    with pytest.raises(NoStoreError, match="has the target run yet"):
        open_store(where, write=False)


def test_a_store_of_a_newer_program(run, where):
    store = open_store(where)
    newest = "UPDATE format SET version = 99" if "://" in where else "PRAGMA user_version = 99"
    store.execute(newest)
    store.close()
    with pytest.raises(SettingError, match="format 99"):
        run([*TWO, customer()], state_store=where)


def test_an_older_store_is_brought_up_to_date(anywhere, where, monkeypatch):
    assert anywhere([*TWO, customer()]) == 0
    script = "CREATE TABLE later (n BIGINT); INSERT INTO later VALUES (1);"
    monkeypatch.setattr(store_format, "MIGRATIONS", (*store_format.MIGRATIONS, script))
    assert anywhere([*TWO, customer(), invoice()]) == 0
    assert rows(where, "SELECT n FROM later") == [(1,)]
    assert len(anywhere.customers()) == 1


def test_two_programs_make_the_tables_at_once(where):
    failed = []

    def work():
        try:
            open_store(where).close()
        except Exception as error:  # noqa: BLE001 - told below
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_not_a_store(run):
    (run.directory / "state.sqlite3").write_bytes(b"something else, and long enough" * 99)
    with pytest.raises(SettingError, match="not a state store"):
        run([*TWO, customer()])


def test_a_file_that_cannot_grow(run):
    """Nothing is sent that could not be put down; what was sent is settled next time."""
    assert run([*schema("suppliers"), supplier()]) == 0
    db = sqlite3.connect(run.directory / "state.sqlite3")
    db.execute(
        "CREATE TRIGGER full BEFORE INSERT ON intents WHEN (SELECT count(*) FROM intents) > 20 "
        "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    )
    db.commit()
    with pytest.raises(StoreError, match="disk is full"):
        run(book(12))
    assert sum(run.writes().values()) <= 21
    db.execute("DROP TRIGGER full")
    db.close()
    assert run(book(12)) == 0
    assert len(run.invoices()) == 12


def test_a_store_knows_the_ledger_of_one_server(anywhere, where):
    assert anywhere([*TWO, customer()]) == 0
    there = {"api_url": "https://api.example.com/v1", "token_url": "https://api.example.com/token"}
    with pytest.raises(SettingError, match=r"this machine, not of the one on api\.example\.com"):
        anywhere([*TWO, customer()], **there)
    # The same sandbox by another name.
    other = anywhere.config["api_url"].replace("127.0.0.1", "localhost")
    assert anywhere([*TWO, customer()], api_url=other) == 0
    assert len(anywhere.customers()) == 1


def test_many_wait_for_a_few(anywhere):
    orphans = [invoice(f"I{n}", f"C{n % 3}") for n in range(11)]
    assert anywhere([*TWO, *orphans]) == 4
    assert anywhere([*TWO, customer("C0")]) == 4
    assert anywhere([*TWO, customer("C1"), customer("C2")]) == 0
    assert len(anywhere.invoices()) == 11


def test_keys_are_known_in_every_spelling(anywhere, where):
    """What was written, what waits, and what is of a source that was named later."""
    messages = [*TWO, customer(7), invoice(8, 7), invoice(9, 70), invoice("I", 7)]
    assert anywhere(messages) == 4
    store = open_store(where)
    for old, new in (("7", "7.0"), ("8", "8.00"), ("9", "9.0")):
        store.execute("UPDATE map SET source_key = ? WHERE source_key = ?", (new, old))
        store.execute("UPDATE lineage SET source_key = ? WHERE source_key = ?", (new, old))
        store.execute("UPDATE intents SET source_key = ? WHERE source_key = ?", (new, old))
    store.close()
    before = anywhere.writes()
    changed = [customer(7, name="Changed"), invoice(8, 7, description="Changed")]
    assert anywhere([*TWO, *changed, customer(70), invoice(9, 70)]) == 0
    assert anywhere.writes() - before == {
        ("PUT", "customers"): 1,
        ("PUT", "sales"): 1,
        ("POST", "customers"): 1,
        ("POST", "sales"): 1,
    }
    store = open_store(where)
    with store.transaction():
        LedgerMap(store, anywhere.business).own_keys_of("shop-a")
    store.close()
    before = anywhere.writes()
    assert anywhere([*TWO, *changed, invoice("I", 7)], source="shop-a") == 0
    assert anywhere.writes() == before
