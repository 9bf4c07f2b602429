"""What every kind of token store does, on each kind."""

import subprocess
import sys
import threading

import keyring
import psycopg
import pytest
from keyring.backends import fail

from clearbooks.auth import Chain, Name, fingerprint, move_chains, open_store
from clearbooks.distribution import install
from clearbooks.errors import SettingError, TokenStoreError
from tests.clearbooks.auth.conftest import KINDS

APP = Name("app", "default")


def chain(client="app", n=1, **more):
    return Chain(
        client_id=client,
        token_url="https://x/token",
        access_token=f"access-{n}",
        refresh_token=f"refresh-{n}",
        obtained_at=float(n),
        seeds=[fingerprint("seed")],
        **more,
    )


def test_empty_then_saved_then_found(location):
    store = open_store(location)
    assert store.chains() == []
    assert store.find(APP, None) is None
    with store.lock(APP):
        store.save(chain(n=1))
        assert store.chains() == [chain(n=1)]
        store.save(chain(n=2))
    again = open_store(location)
    assert again.chains() == [chain(n=2)]
    assert again.find(APP, "seed") == chain(n=2)
    assert again.find(APP, "another seed") is None
    assert again.find(Name("other", "default"), None) is None


def test_applications_side_by_side(location):
    store = open_store(location)
    store.connect(chain("one"))
    store.connect(chain("two", 2))
    assert {c.client_id for c in store.chains()} == {"one", "two"}
    assert store.forget(Name("one", "default")) == 1
    assert open_store(location).chains() == [chain("two", 2)]
    assert store.forget(Name("one", "default")) == 0


def test_connecting_again_takes_over_the_seeds(location):
    store = open_store(location)
    store.connect(chain(n=1))
    fresh = chain(n=2)
    fresh.seeds = []
    store.connect(fresh)
    assert store.find(APP, "seed").access_token == "access-2"
    assert len(store.chains()) == 1


def test_a_connection_that_goes_on_leaves_nothing_behind(location):
    store = open_store(location)
    begun = chain(n=1)
    begun.seeds = []
    store.connect(begun)
    after = chain(n=2)
    after.seeds = store.chains()[0].seeds
    with store.lock(APP):
        store.save(after)
    assert store.chains() == [after]


def test_long_tokens_come_back_whole(location):
    store = open_store(location)
    long = Chain(client_id="app", token_url="u", access_token="ä" * 9000, refresh_token="r" * 5000)
    store.connect(long)
    assert len(long.seeds) == 1
    assert open_store(location).chains() == [long]
    store.forget(APP)
    assert open_store(location).chains() == []


def test_the_lock_holds_threads_off(location):
    order = []
    first, entered = open_store(location), threading.Event()

    def other():
        with open_store(location).lock(APP):
            order.append("second")

    with first.lock(APP):
        thread = threading.Thread(target=lambda: (entered.set(), other()))
        thread.start()
        entered.wait(5)
        thread.join(0.3)
        assert thread.is_alive()
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("goal", KINDS)
def test_moving_keeps_the_chain(place, tmp_path, kind, goal):
    source = open_store(place(kind))
    target = open_store(place(goal) if goal != kind else str(tmp_path / "other.json"))
    source.connect(chain("one"))
    source.connect(chain("two", 2))
    assert move_chains(source, target, "one") == [chain("one")]
    assert source.chains() == [chain("two", 2)]
    assert target.find(Name("one", "default"), "seed") == chain("one")
    assert move_chains(source, target) == [chain("two", 2)]
    assert source.chains() == []
    assert len(target.chains()) == 2


def test_moving_does_not_replace_unless_told(tmp_path):
    source, target = (open_store(str(tmp_path / n)) for n in ("a.json", "b.json"))
    source.connect(chain(n=1))
    target.connect(chain(n=2))
    with pytest.raises(
        TokenStoreError, match="holds tokens of app/default already; nothing was moved"
    ):
        move_chains(source, target)
    assert source.chains() == [chain(n=1)]
    assert target.chains() == [chain(n=2)]
    move_chains(source, target, replace=True)
    assert target.chains() == [chain(n=1)]
    assert source.chains() == []


def test_moving_to_the_same_place_is_refused(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    source = open_store(str(tmp_path / "a.json"))
    with pytest.raises(TokenStoreError, match="both where from and where to"):
        move_chains(source, open_store(str(tmp_path / "link" / "a.json")))


def test_unknown_kinds(tmp_path):
    with pytest.raises(SettingError, match="s3:// is not known; give a file path, a postgresql"):
        open_store("s3://bucket/tokens.json")
    with pytest.raises(SettingError, match="needs a name"):
        open_store("keyring://")


@pytest.mark.parametrize(
    ("module", "extra"),
    [("psycopg", "postgres"), ("keyring", "keyring")],
)
def test_a_missing_extra_is_named(module, extra):
    kind = "postgresql" if extra == "postgres" else "keyring"
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from clearbooks.auth import open_store\n"
        "from clearbooks.errors import SettingError\n"
        f"try: open_store('{kind}://x')\n"
        "except SettingError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.endswith(f"{install(extra)}\n")
    assert f"[{extra}] @ git+https://" in done.stdout


# PostgreSQL


def test_the_password_is_in_no_message():
    url = "postgresql://me:s%40cret@127.0.0.1:1/books?connect_timeout=1"
    store = open_store(url)
    assert store.location == "postgresql://127.0.0.1:1/books"
    with pytest.raises(TokenStoreError, match=r"127\.0\.0\.1:1/books cannot be read") as caught:
        store.chains()
    assert "s@cret" not in str(caught.value)
    with pytest.raises(TokenStoreError, match="cannot be reached"), store.lock(APP):
        pass


@pytest.mark.parametrize(
    "url", ["postgresql://me:p@ss@host/db", "postgresql://me:se/cret@host/db?port=x"]
)
def test_a_url_that_cannot_be_read_is_not_repeated(url):
    with pytest.raises(SettingError, match="percent-encoded") as caught:
        open_store(url)
    assert "ss@" not in str(caught.value)
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize("damage", ["rubbish", "{}", '{"version":1}', ""])
def test_a_damaged_row_is_left_as_it_is(database, damage):
    store = open_store(database)
    store.connect(chain())
    with psycopg.connect(database, autocommit=True) as link:
        link.execute("UPDATE clearbooks_tokens SET document = %s", [damage])
        with pytest.raises(TokenStoreError, match="damaged; it was left as it is"):
            store.connect(chain(n=2))
        rows = link.execute("SELECT document FROM clearbooks_tokens").fetchall()
    assert rows == [(damage,)]


def test_a_database_that_cannot_be_written_is_known_before_anything_is_sent(database):
    store = open_store(database)
    store.connect(chain())
    with psycopg.connect(database, autocommit=True) as link:
        link.execute(
            "DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || "
            "' SET default_transaction_read_only = on'; END $$"
        )
    with (
        store.lock(APP),
        pytest.raises(TokenStoreError, match=r"cannot be written: .*read-only.*nothing was sent"),
        store.reserve(APP),
    ):
        pass


def test_other_applications_writing_without_the_lock_cost_no_new_tokens(database):
    store, other = open_store(database), open_store(database)
    store.connect(chain("one", 1))
    name = Name("one", "default")
    with store.lock(name):
        end_sessions(database)
        other.connect(chain("two", 5))
        store.save(chain("one", 2), "refresh-1")
    assert {c.access_token for c in other.chains()} == {"access-2", "access-5"}


def test_newer_tokens_of_another_program_are_kept(location):
    store = open_store(location)
    store.connect(chain(n=3))
    with store.lock(APP), pytest.raises(TokenStoreError, match="newer tokens"):
        store.save(chain(n=2), "refresh-1")
    assert store.chains() == [chain(n=3)]


def test_reserving_changes_nothing(location):
    store = open_store(location)
    with store.lock(APP), store.reserve(APP):
        assert store.chains() == []
    store.connect(chain())
    with store.lock(APP), store.reserve(APP):
        assert open_store(location).chains() == [chain()]
    assert open_store(location).chains() == [chain()]


def test_many_make_the_table_at_once(database):
    faults = []

    def connect(n):
        try:
            open_store(database).connect(chain(f"app-{n}"))
        except TokenStoreError as error:
            faults.append(error)

    threads = [threading.Thread(target=connect, args=[n]) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert len(open_store(database).chains()) == 8


def end_sessions(database):
    with psycopg.connect(database, autocommit=True) as link:
        link.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_lost_connection_loses_no_token(database):
    store = open_store(database)
    store.connect(chain(n=1))
    with store.lock(APP):
        assert store.find(APP, None) == chain(n=1)
        end_sessions(database)
        store.save(chain(n=2))
    assert store.chains() == [chain(n=2)]


def test_what_another_wrote_after_the_lock_was_lost_stays(database):
    store, other = open_store(database), open_store(database)
    store.connect(chain(n=1))
    with store.lock(APP):
        store.read(APP)
        end_sessions(database)
        other.connect(chain(n=3))
        with pytest.raises(TokenStoreError, match="what that program wrote was kept"):
            store.write(APP, [chain(n=2)])
        with pytest.raises(TokenStoreError, match="what that program wrote was kept"):
            store.write(APP, [])
    assert other.chains() == [chain(n=3)]


def test_a_lock_that_never_comes(database, monkeypatch):
    monkeypatch.setattr("clearbooks.auth.token_store_postgres.LOCK_TIMEOUT", 1)
    with (
        open_store(database).lock(APP),
        pytest.raises(TokenStoreError, match="locked by another program for 1 s"),
        open_store(database).lock(APP),
    ):
        pass


# Keyring


def test_parts_of_old_tokens_do_not_pile_up(keyring_backend):
    store = open_store("keyring://x")
    for n in range(5):
        store.connect(chain(n=n, scope="s " * 2000))
    used = len(keyring_backend.entries)
    store.connect(chain(n=9, scope="s " * 2000))
    assert len(keyring_backend.entries) == used
    store.connect(chain(n=10))
    assert len(keyring_backend.entries) < used


def test_a_keyring_that_cannot_be_written_is_known_before_anything_is_sent(keyring_backend):
    store = open_store("keyring://x")
    store.connect(chain())
    keyring_backend.limit = 10
    with (
        store.lock(APP),
        pytest.raises(TokenStoreError, match=r"cannot be written.*nothing was sent"),
        store.reserve(APP),
    ):
        pass
    keyring_backend.limit = 1280
    assert store.chains() == [chain()]


def test_parts_of_programs_that_died_do_not_pile_up(keyring_backend, monkeypatch):
    store = open_store("keyring://x")
    store.connect(chain())
    used = len(keyring_backend.entries)
    set_password = keyring_backend.set_password

    def dying(service, name, value):
        if name == "tokens":
            raise SystemExit
        set_password(service, name, value)

    for n in range(2, 5):
        with monkeypatch.context() as patch:
            patch.setattr(keyring_backend, "set_password", dying)
            with pytest.raises(SystemExit):
                store.connect(chain(n=n))
        assert store.chains() == [chain()]
    assert len(keyring_backend.entries) <= 2 * used
    store.connect(chain(n=9))
    assert len(keyring_backend.entries) <= 2 * used


@pytest.mark.parametrize("damage", ["", "{}"])
def test_damage_in_a_keyring_is_no_empty_store(keyring_backend, damage):
    keyring_backend.entries["x", "tokens"] = "tokens-a-0" if damage else ""
    keyring_backend.entries["x", "tokens-a-0"] = damage
    with pytest.raises(TokenStoreError, match="damaged"):
        open_store("keyring://x").chains()


def test_a_missing_part_is_told(keyring_backend):
    store = open_store("keyring://x")
    store.connect(chain())
    part = next(key for key in keyring_backend.entries if key[1] != "tokens")
    del keyring_backend.entries[part]
    with pytest.raises(TokenStoreError, match="a part of keyring://x is missing"):
        store.chains()


def test_a_system_without_keyring(monkeypatch, tmp_path):
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    try:
        with pytest.raises(TokenStoreError, match="has no keyring that can be used"):
            open_store("keyring://x").chains()
    finally:
        keyring.set_keyring(before)
