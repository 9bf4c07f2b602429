"""One renewal of a chain: its refresh token is sent, and what comes for it is saved.

The token is good for one use. A program that is killed between the answer and its saving would
take the user's authorisation with it, so a renewal is carried out in a process of its own: it
takes the connection's lock itself, belongs to no terminal and no group of the caller, and ends by
itself once the tokens are saved. The caller waits for it; where the caller is gone, the next run
waits for the lock and finds the new tokens.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import pickle
import shlex
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

from clearbooks import program
from clearbooks.auth.chain import Chain, Name, fingerprint, join_seeds
from clearbooks.auth.token_endpoint import authorise_again, request_tokens
from clearbooks.auth.token_store import SupersededError, open_store
from clearbooks.errors import (
    ClearBooksError,
    NotAuthorisedError,
    TokenStoreError,
    UnavailableError,
)
from clearbooks.settings import Connection

if TYPE_CHECKING:
    from clearbooks.auth.token_store import TokenStore

logger = logging.getLogger(__name__)

_MOST_NAMED = 5
# What the process says before it locks anything.
_BEGUN = b"."
# It ends within the time limits of its requests, so whoever stops its caller can wait for it.
_STOPS = [
    getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name)
]
_PROGRAM = "from clearbooks.auth.renewal import serve; serve()"


@dataclasses.dataclass(frozen=True, repr=False)
class Renewal:
    """What is wanted.

    Attributes:
        ended: Access tokens that are of no more use: refused, or at their end by the caller's
            clock. Any other one that the store holds and that still lives is taken instead.
        kept_elsewhere: Whether the caller keeps the tokens in one more place, which may hand in
            the new refresh token as the setting: the chain answers to it too.
    """

    connection: Connection
    ended: tuple[str, ...] = ()
    kept_elsewhere: bool = False

    @property
    def name(self) -> Name:
        """What the tokens are kept under."""
        return Name.of(self.connection)


class Renewed(NamedTuple):
    """Tokens that may be used.

    Attributes:
        spent: The refresh token that was used up for them; None where they were in the store.
        unsaved: Why they are not in the store.
    """

    chain: Chain
    spent: str | None = None
    unsaved: TokenStoreError | None = None


class Failed(NamedTuple):
    """No tokens.

    Attributes:
        spent: The refresh token that was sent and is of no more use, or may be; None where none
            was carried out.
    """

    fault: ClearBooksError
    spent: str | None = None


def renew(wanted: Renewal, store: TokenStore) -> Renewed | Failed:
    """Renew a connection's tokens in this process, unless another one has done so meanwhile."""
    try:
        with store.lock(wanted.name):
            old = store.find(wanted.name, wanted.connection.refresh_token)
            if old is not None and old.access_token not in wanted.ended and old.good_for() > 0:
                return Renewed(old)
            token = refresh_token(wanted.connection, old, store)
            with store.reserve(wanted.name):
                done = send(wanted, old, token, store)
                return _save(done, store) if isinstance(done, Renewed) else done
    except ClearBooksError as fault:
        return Failed(fault)


def refresh_token(connection: Connection, old: Chain | None, store: TokenStore) -> str:
    """The token that a renewal sends: that of the chain, or of the settings.

    Raises:
        NotAuthorisedError: there is none.
    """
    token = old.refresh_token if old is not None else connection.refresh_token
    if token is None:
        raise NotAuthorisedError(not_connected(store, Name.of(connection)))
    return token


def send(wanted: Renewal, old: Chain | None, token: str, store: TokenStore) -> Renewed | Failed:
    """Use a refresh token up. What comes is to be saved before anybody uses it."""
    try:
        new = request_tokens(
            wanted.connection,
            "refreshToken",
            {"grant_type": "refresh_token", "refresh_token": token},
        )
    except UnavailableError as fault:
        # It was not carried out.
        return Failed(fault)
    except NotAuthorisedError as fault:
        return Failed(NotAuthorisedError(f"{fault}{_later(wanted.name, store)}"), token)
    except ClearBooksError as fault:
        return Failed(fault, token)
    if new.refresh_token is None:
        # Some servers let the old one live on and say nothing of it.
        new.refresh_token = token
    seed = wanted.connection.refresh_token
    seeds = join_seeds(old.seeds if old else [], [fingerprint(seed)] if seed else [])
    seeds = seeds or [fingerprint(token)]
    if wanted.kept_elsewhere:
        seeds = join_seeds(seeds, [fingerprint(new.refresh_token)])
    new.seeds = seeds
    if old is not None:
        new.connected_at = old.connected_at
        new.scope = old.scope if new.scope is None else new.scope
        new.businesses, new.asked = old.businesses, old.asked
    return Renewed(new, token)


def _save(done: Renewed, store: TokenStore) -> Renewed:
    try:
        store.save(done.chain, done.spent)
    except SupersededError:
        raise
    except TokenStoreError as error:
        # The old refresh token is used up: without this chain the authorisation is gone.
        return done._replace(unsaved=error)
    return done


def _later(name: Name, store: TokenStore) -> str:
    """What a consent to the same application may have to do with a refusal."""
    try:
        chains = [chain for chain in store.chains() if chain.client_id == name.client_id]
    except TokenStoreError:
        return ""  # the refusal is what has to be told
    since = max((c.connected_at for c in chains if c.name == name), default=0.0)
    later = [c.connection for c in chains if c.connected_at > since > 0.0]
    if not later:
        return ""
    return (
        f". Since then the connection {', '.join(sorted(later)[:_MOST_NAMED])} was made: "
        f"where it is the same user's, its consent ended {name.connection!r}, and one "
        "of the two is enough"
    )


def not_connected(store: TokenStore, name: Name) -> str:
    """What to do where a store has no tokens under a name, and no refresh token is set."""
    if others := store.others(name):
        connect = program.connect_command("--name", shlex.quote(name.connection))
        return (
            f"not connected: {store.location} holds no connection {name.connection!r} of this "
            f"client_id; it holds {others}. Set connection to the one you mean, or run "
            f"`{connect}`"
        )
    connect = program.connect_command()
    return (
        f"not connected: no refresh_token is set and the token store {store.location} holds none "
        f"for this client_id; authorise the application (`{connect}`)"
    )


# In a process of its own


def renew_detached(wanted: Renewal, store: TokenStore) -> Renewed | Failed:
    """Renew a connection's tokens in a process that outlives this one.

    Where none can be started, as in an interpreter that is embedded, or where it would not find
    the tokens, it is done in this process.
    """
    if not store.open_to_others:
        return renew(wanted, store)
    # Without what a program's own settings add, which would have to be imported there.
    settings = [field.name for field in dataclasses.fields(Connection) if field.init]
    plain = Connection(**{name: getattr(wanted.connection, name) for name in settings})
    wanted = dataclasses.replace(wanted, connection=plain)
    try:
        process = subprocess.Popen(  # noqa: S603 - this interpreter, and a constant
            [sys.executable, "-P", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,
        )
    except OSError:
        return renew(wanted, store)
    # By standard input: arguments and environment can be read by others.
    answer, told = process.communicate(pickle.dumps((program.started_with(), wanted)))
    if not answer:
        logger.debug("no process renews tokens here: %s", told.decode(errors="replace"))
        return renew(wanted, store)
    for line in told.decode(errors="replace").splitlines():
        logger.warning("%s", line)
    try:
        done: Renewed | Failed = pickle.loads(answer.removeprefix(_BEGUN))  # noqa: S301 - our own process
    except (EOFError, pickle.UnpicklingError):
        return Failed(
            TokenStoreError(
                "the process that renewed the tokens was ended (exit code "
                f"{process.returncode}) before it could tell what came of it. Run again; if the "
                f"token is then refused, {authorise_again()}"
            )
        )
    return done


def serve() -> None:
    """What the process does: it reads a `Renewal` and writes what `renew` returns."""
    for number in _STOPS:
        signal.signal(number, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    started, wanted = pickle.load(sys.stdin.buffer)  # noqa: S301 - our own caller
    program.start_like(started)
    store = open_store(wanted.connection.token_store)
    _tell(_BEGUN)
    _tell(pickle.dumps(renew(wanted, store)))


def _tell(answer: bytes) -> None:
    """Write to a caller that may be gone."""
    try:
        sys.stdout.buffer.write(answer)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        program.output_lost()
