"""The token store and the chain of single-use refresh tokens."""

from __future__ import annotations

import multiprocessing
import stat
import threading
import time

import pytest

from clearbooks.auth import Chain, FileTokenStore, Name, TokenSource, fingerprint, open_store
from clearbooks.auth.chain import MOST_SEEDS, join_seeds
from clearbooks.errors import (
    ApiError,
    NotAuthorisedError,
    SettingError,
    TokenStoreError,
    UnavailableError,
)
from clearbooks.settings import Connection
from clearbooks_sandbox import AccountingEngine, Options, running
from tests.clearbooks.stub import DROP, connection, scripted

APP = Name("app", "default")


def oauth(server, tmp_path, **more):
    credentials = {
        "access_token": None,
        "client_id": "app",
        "client_secret": "s3cret",
        "refresh_token": "seed-1",
        **more,
    }
    return connection(server, tmp_path, **credentials)


def grant(number, **more):
    return (
        200,
        {
            "access_token": f"access-{number}",
            "refresh_token": f"refresh-{number}",
            "expires_in": 3600,
            "token_type": "Bearer",
            **more,
        },
    )


def sent_tokens(server):
    return [
        dict(pair.split("=") for pair in body.decode().split("&"))["refresh_token"]
        for _, _, _, body in server.asked
    ]


def test_the_seed_is_used_once_and_the_chain_goes_on_from_the_store(tmp_path):
    with scripted(grant(1), grant(2, expires_in=1)) as server:
        assert TokenSource(oauth(server, tmp_path)).access_token() == "access-1"
        assert TokenSource(oauth(server, tmp_path)).access_token() == "access-1"
        source = TokenSource(oauth(server, tmp_path))
        assert source.refused("access-1") == "access-2"
        assert sent_tokens(server) == ["seed-1", "refresh-1"]


@pytest.mark.parametrize("more", [{"expires_in": "3600"}, {"expires_in": None}, {"scope": "a b"}])
def test_token_answers_of_every_shape_are_read(more, tmp_path):
    with scripted(grant(1, **more)) as server:
        assert TokenSource(oauth(server, tmp_path)).access_token() == "access-1"
        assert TokenSource(oauth(server, tmp_path)).access_token() == "access-1"
        assert len(server.asked) == 1


def test_an_expired_token_is_renewed_before_it_is_used(tmp_path):
    with scripted(grant(1, expires_in=1), grant(2)) as server:
        source = TokenSource(oauth(server, tmp_path))
        source.access_token()
        time.sleep(0.9)
        assert source.access_token() == "access-2"


def test_a_token_that_another_thread_renewed_is_not_renewed_again(tmp_path):
    with scripted(grant(1), grant(2)) as server:
        source = TokenSource(oauth(server, tmp_path))
        old = source.access_token()
        assert source.refused(old) == "access-2"
        assert source.refused(old) == "access-2"
        assert len(server.asked) == 2


def test_authorising_again_takes_over(tmp_path):
    with scripted(grant(1), grant(2)) as server:
        TokenSource(oauth(server, tmp_path)).access_token()
        newer = TokenSource(oauth(server, tmp_path, refresh_token="seed-2"))
        assert newer.access_token() == "access-2"
        assert sent_tokens(server) == ["seed-1", "seed-2"]


def test_a_connection_made_at_the_consent_page_outlives_an_old_seed_in_the_settings(tmp_path):
    with scripted(grant(1)) as server:
        settings = oauth(server, tmp_path)
        TokenSource(settings).access_token()
        open_store(settings.token_store).connect(
            Chain(
                client_id="app",
                token_url=settings.token_url,
                access_token="by-consent",
                refresh_token="next",
                expires_at=time.time() + 3600,
                obtained_at=time.time(),
            )
        )
        assert TokenSource(settings).access_token() == "by-consent"
        assert len(server.asked) == 1


def test_the_store_is_private_atomic_and_holds_no_seed(tmp_path):
    with scripted(grant(1)) as server:
        settings = oauth(server, tmp_path, token_store=str(tmp_path / "state" / "tokens.json"))
        TokenSource(settings).access_token()
    path = tmp_path / "state" / "tokens.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    text = path.read_text()
    assert fingerprint("seed-1") in text
    assert "seed-1" not in text
    assert "s3cret" not in text
    locks = {p.name for p in path.parent.iterdir()} - {"tokens.json"}
    assert all(name.startswith("tokens.json.") and name.endswith(".lock") for name in locks)


@pytest.mark.usefixtures("in_this_process")
def test_the_new_pair_is_saved_before_it_is_used(tmp_path, monkeypatch):
    saved = []
    write = FileTokenStore.write

    def watched(self, name, chains):
        write(self, name, chains)
        saved.append(self.path.read_text())

    monkeypatch.setattr(FileTokenStore, "write", watched)
    with scripted(grant(1)) as server:
        token = TokenSource(oauth(server, tmp_path)).access_token()
    assert token in saved[0]
    assert "refresh-1" in saved[0]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"{",
        b"{}",
        b"[]",
        b"null",
        b'{"version": 1}',
        b'{"chains": []}',
        b'{"version": 1, "chains": null}',
        b'{"version": 1, "chains": [{"a": 1}]}',
        b"\xff\xfe",
    ],
)
def test_a_damaged_store_is_told_and_left_alone(content, tmp_path):
    path = tmp_path / "tokens.json"
    path.write_bytes(content)
    with scripted(grant(1)) as server:
        with pytest.raises(TokenStoreError, match=r"tokens\.json is not a token store, or is dam"):
            TokenSource(oauth(server, tmp_path)).access_token()
        assert server.asked == []
    assert path.read_bytes() == content


def test_a_store_of_a_later_version_is_told_and_left_alone(tmp_path):
    (tmp_path / "tokens.json").write_text('{"version": 9, "chains": []}')
    with pytest.raises(TokenStoreError, match="version 9"):
        FileTokenStore(tmp_path / "tokens.json").chains()


def test_an_unreadable_store_is_told(tmp_path):
    path = tmp_path / "tokens.json"
    path.mkdir()
    with pytest.raises(TokenStoreError, match="cannot be read"):
        FileTokenStore(path).chains()


def test_a_store_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    store = FileTokenStore(tmp_path / "file" / "tokens.json")
    with pytest.raises(TokenStoreError, match="cannot be made"), store.lock(APP):
        pass


@pytest.mark.parametrize("answer", [DROP, (200, b"<html>"), (200, b"{}")], ids=str)
def test_a_token_request_that_may_have_been_carried_out_is_not_sent_twice(answer, tmp_path):
    with scripted(answer) as server:
        with pytest.raises(NotAuthorisedError, match="authorise the application again"):
            TokenSource(oauth(server, tmp_path)).access_token()
        assert len(server.asked) == 1


def test_a_failing_token_endpoint_is_not_asked_twice(tmp_path):
    with scripted((500, b"")) as server:
        with pytest.raises(ApiError, match="authorise the application again"):
            TokenSource(oauth(server, tmp_path)).access_token()
        assert len(server.asked) == 1


@pytest.mark.usefixtures("in_this_process")
def test_a_token_request_that_was_not_sent_is_tried_again(tmp_path, monkeypatch):
    naps = []
    monkeypatch.setattr("clearbooks.auth.token_endpoint.time.sleep", naps.append)
    # As if it were another machine: on this one, a port where nobody listens is told at once.
    monkeypatch.setattr("clearbooks.loopback.is_loopback", lambda _: False)
    with scripted(grant(1)) as server:
        settings = oauth(server, tmp_path)
    with pytest.raises(UnavailableError, match="cannot be reached"):
        TokenSource(settings).access_token()
    assert len(naps) == 3


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("invalid_client", "check client_id and client_secret"),
        ("invalid_grant", "authorise the application again"),
    ],
)
def test_a_refused_refresh_says_what_to_do(fault, words, tmp_path):
    with scripted((400, {"error": fault, "error_description": "no"})) as server:
        with pytest.raises(NotAuthorisedError, match=words) as caught:
            TokenSource(oauth(server, tmp_path)).access_token()
        assert caught.value.exit_code == 5
        assert "seed-1" not in str(caught.value)


@pytest.mark.parametrize("missing", ["client_id", "client_secret"])
def test_missing_credentials_are_named(missing, tmp_path):
    with scripted(grant(1)) as server, pytest.raises(SettingError, match=missing):
        TokenSource(oauth(server, tmp_path, **{missing: ""})).access_token()


def test_nothing_to_start_from_is_told(tmp_path):
    with scripted(grant(1)) as server, pytest.raises(NotAuthorisedError, match="not connected"):
        TokenSource(oauth(server, tmp_path, refresh_token=None)).access_token()


def test_secrets_stay_out_of_what_is_printed(tmp_path):
    with scripted(grant(1)) as server:
        settings = oauth(server, tmp_path)
        TokenSource(settings).access_token()
        chain = open_store(settings.token_store).chains()[0]
    for text in (repr(settings), repr(chain)):
        assert "s3cret" not in text
        assert "seed-1" not in text
        assert "access-1" not in text
        assert "refresh-1" not in text


# Against the sandbox, whose refresh tokens are good for one use


@pytest.fixture
def sandbox():
    engine = AccountingEngine(None)
    engine.add_business("Only one")
    with running(engine, Options()) as server:
        yield server


def real(sandbox, tmp_path):
    return Connection.from_config(
        {
            "api_url": sandbox.url,
            "token_url": sandbox.token_url,
            "client_id": "sandbox",
            "client_secret": "sandbox-secret",
            "refresh_token": "sandbox-refresh-token",
            "token_store": str(tmp_path / "tokens.json"),
        }
    )


def test_eight_threads_make_one_refresh(sandbox, tmp_path):
    source, tokens = TokenSource(real(sandbox, tmp_path)), []
    threads = [
        threading.Thread(target=lambda: tokens.append(source.access_token())) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens) == 8
    assert len(set(tokens)) == 1


def _take(settings, barrier, queue):
    barrier.wait()
    queue.put(TokenSource(Connection.from_config(settings)).access_token())


def test_eight_processes_on_an_expired_token_make_one_refresh(sandbox, tmp_path):
    connection = real(sandbox, tmp_path)
    TokenSource(connection).access_token()
    store = open_store(connection.token_store)
    (chain,) = store.chains()
    chain.expires_at = time.time() - 1
    store.write(chain.name, [chain])
    settings = {
        "api_url": sandbox.url,
        "token_url": sandbox.token_url,
        "client_id": "sandbox",
        "client_secret": "sandbox-secret",
        "refresh_token": "sandbox-refresh-token",
        "token_store": connection.token_store,
    }
    context = multiprocessing.get_context("spawn")
    barrier, queue = context.Barrier(8), context.Queue()
    processes = [context.Process(target=_take, args=(settings, barrier, queue)) for _ in range(8)]
    for process in processes:
        process.start()
    tokens = {queue.get(timeout=60) for _ in processes}
    for process in processes:
        process.join()
    assert len(tokens) == 1
    assert chain.access_token not in tokens


def test_seeds_stay_in_order_and_do_not_grow_without_end():
    seeds = []
    for n in range(1000):
        seeds = join_seeds(seeds, [f"s{n}", f"s{n}"])
    assert len(seeds) == MOST_SEEDS
    assert seeds[0] == "s0"
    assert seeds[-2:] == ["s998", "s999"]
