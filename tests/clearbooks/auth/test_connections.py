"""Several connections in one store: each has an entry and a lock of its own."""

from __future__ import annotations

import json
import threading
import time

import psycopg
import pytest

from clearbooks.auth import Chain, FileTokenStore, Name, fingerprint, open_store
from clearbooks.auth.chain import encode_chains
from clearbooks.errors import SettingError


def chain(name, number=1):
    return Chain(
        client_id="app",
        connection=name,
        token_url="https://x/token",
        access_token=f"access-{name}-{number}",
        refresh_token=f"refresh-{name}-{number}",
        obtained_at=float(number),
        seeds=[fingerprint(name)],
    )


def test_a_renewal_of_one_does_not_hold_off_the_other(location):
    store = open_store(location)
    store.connect(chain("a"))
    store.connect(chain("b"))
    done = threading.Event()

    def renew():
        other = open_store(location)
        with other.lock(Name("app", "b")), other.reserve(Name("app", "b")):
            other.save(chain("b", 2), "refresh-b-1")
        done.set()

    with store.lock(Name("app", "a")), store.reserve(Name("app", "a")):
        thread = threading.Thread(target=renew)
        thread.start()
        assert done.wait(20)
        store.save(chain("a", 2), "refresh-a-1")
    thread.join()
    assert store.chains() == [chain("a", 2), chain("b", 2)] or store.chains() == [
        chain("b", 2),
        chain("a", 2),
    ]


def test_many_connections_are_renewed_at_once(location):
    names = [f"user-{n}" for n in range(12)]
    store = open_store(location)
    for name in names:
        store.connect(chain(name))

    def renew(name):
        mine = open_store(location)
        for number in range(2, 6):
            with mine.lock(Name("app", name)), mine.reserve(Name("app", name)):
                mine.save(chain(name, number), f"refresh-{name}-{number - 1}")

    threads = [threading.Thread(target=renew, args=[name]) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {c.connection: c.access_token for c in store.chains()} == {
        name: f"access-{name}-5" for name in names
    }


def test_several_under_one_name_are_told_apart_by_their_refresh_tokens(location):
    """As stores of version 0.1 may hold them."""
    store, name = open_store(location), Name("app", "default")
    for seed in ("one", "two"):
        with store.lock(name):
            store.save(
                chain("default", len(seed)).__class__(
                    client_id="app",
                    token_url="u",
                    access_token=seed,
                    refresh_token=f"r-{seed}",
                    seeds=[fingerprint(seed)],
                )
            )
    assert store.find(name, "one").access_token == "one"
    assert store.find(name, "two").access_token == "two"
    with pytest.raises(SettingError, match="holds 2 authorisations under 'default'"):
        store.find(name, None)


OLD = b'{"version":1,"chains":[%s]}' % b",".join(
    b'{"client_id":"%s","token_url":"u","access_token":"a-%s","refresh_token":"r","seeds":["s"]}'
    % (client, client)
    for client in (b"one", b"two")
)


def test_a_file_of_version_1_is_read_and_kept_whole(tmp_path):
    path = tmp_path / "tokens.json"
    path.write_bytes(OLD)
    store = FileTokenStore(path)
    [found] = store.read(Name("one", "default"))
    assert found.access_token == "a-one"
    with store.lock(found.name):
        store.save(found)
    assert {c.access_token for c in FileTokenStore(path).chains()} == {"a-one", "a-two"}
    assert json.loads(path.read_text())["version"] == 2


def test_a_row_of_version_1_is_divided_once(database):
    with psycopg.connect(database, autocommit=True) as link:
        link.execute(
            "CREATE TABLE clearbooks_tokens (name text PRIMARY KEY, document text NOT NULL, "
            "saved_at timestamptz NOT NULL DEFAULT now())"
        )
        link.execute("INSERT INTO clearbooks_tokens VALUES ('default', %s)", [OLD.decode()])
        found = []
        threads = [
            threading.Thread(
                target=lambda: found.append(open_store(database).read(Name("two", "default")))
            )
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [c.access_token for [c] in found] == ["a-two"] * 8
        rows = link.execute("SELECT name FROM clearbooks_tokens ORDER BY name").fetchall()
    assert rows == [("one/default",), ("two/default",)]
    assert len(open_store(database).chains()) == 2


def test_a_renewal_among_ten_thousand_reads_and_writes_one(database, monkeypatch):
    store = open_store(database)
    store.connect(chain("first"))
    with psycopg.connect(database, autocommit=True) as link:
        rows = [
            (f"app/user-{n}", encode_chains([chain(f"user-{n}")]).decode()) for n in range(10_000)
        ]
        link.cursor().executemany(
            "INSERT INTO clearbooks_tokens (name, document) VALUES (%s, %s)", rows
        )
    decoded = []
    monkeypatch.setattr(
        store, "_decode", lambda document: decoded.append(document) or [chain("user-7")]
    )
    name = Name("app", "user-7")
    started = time.process_time()
    with store.lock(name), store.reserve(name):
        assert store.find(name, None) == chain("user-7")
        store.save(chain("user-7", 2), "refresh-user-7-1")
    assert time.process_time() - started < 0.05
    assert decoded
    assert max(map(len, decoded)) < 1000
    monkeypatch.undo()
    assert open_store(database).read(name) == [chain("user-7", 2)]
