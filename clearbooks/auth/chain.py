"""A chain of tokens, and how chains are written down, whatever keeps them."""

from __future__ import annotations

import hashlib
import itertools
import math
import time
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from clearbooks.errors import TokenStoreError
from clearbooks.settings import DEFAULT_CONNECTION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clearbooks.settings import Connection

STORE_VERSION = 2
# Version 1 knew one connection of each application.
_READABLE = (1, STORE_VERSION)
# An access token this close to its end may expire on the way to the server: seconds, and for
# tokens that live shorter a share of their life.
EXPIRY_MARGIN = 30.0
MARGIN_SHARE = 0.1
MOST_SEEDS = 200


def fingerprint(token: str) -> str:
    """A short hash that recognises a token without holding it."""
    return hashlib.sha256(token.encode()).hexdigest()[:32]


def join_seeds(*known: list[str]) -> list[str]:
    """Fingerprints in the order in which they came: the first and the newest of them.

    A platform that keeps each new refresh token hands over another one a run.
    """
    seeds = list(dict.fromkeys(itertools.chain.from_iterable(known)))
    return seeds if len(seeds) <= MOST_SEEDS else [seeds[0], *seeds[1 - MOST_SEEDS :]]


class Name(NamedTuple):
    """What tokens are kept under: an application, and one user's consent to it."""

    client_id: str
    connection: str

    @classmethod
    def of(cls, connection: Connection) -> Name:
        """The name that the settings give."""
        return cls(connection.client_id or "", connection.connection)

    def __str__(self) -> str:
        return f"{self.client_id}/{self.connection}"


class Chain(msgspec.Struct, kw_only=True):
    """The living end of a chain of tokens.

    Attributes:
        connection: One user's consent to the application, by the name that the setting gives it.
        seeds: Fingerprints of the refresh tokens from settings that this chain took over from.
        expires_at: Seconds since the epoch; 0 where the server did not say.
        businesses: IDs of the businesses that were covered when the user gave consent; None where
            nobody has listed them.
        asked: The scopes that were asked for, separated by spaces; None where nobody noted them.
    """

    client_id: str
    connection: str = DEFAULT_CONNECTION
    token_url: str
    access_token: str
    refresh_token: str | None = None
    expires_at: float = 0.0
    obtained_at: float = 0.0
    connected_at: float = 0.0
    scope: str | None = None
    businesses: list[int] | None = None
    asked: str | None = None
    seeds: list[str] = []

    @property
    def name(self) -> Name:
        """What it is kept under."""
        return Name(self.client_id, self.connection)

    def good_for(self) -> float:
        """Seconds for which the access token may still be used, by the clock of this machine.

        Never more than its life; without an expiry without end.
        """
        if not self.expires_at:
            return math.inf
        life = self.expires_at - self.obtained_at
        age = time.time() - self.obtained_at
        if age < -life:
            # From the future: the clock was wrong then or is wrong now. A new token tells.
            return 0.0
        return life - min(EXPIRY_MARGIN, life * MARGIN_SHARE) - max(age, 0.0)

    def __repr__(self) -> str:
        return f"Chain({str(self.name)!r}, expires_at={self.expires_at})"


class _Version(msgspec.Struct):
    version: int


class _Document(_Version):
    # Without a default: an object that lacks it is damage, and no empty store.
    chains: list[Chain]


def encode_chains(chains: Iterable[Chain]) -> bytes:
    """What every kind of store keeps: a JSON object with its version."""
    return msgspec.json.encode(_Document(STORE_VERSION, list(chains)))


def decode_chains(data: bytes | str, location: str) -> list[Chain]:
    """The chains of what `encode_chains` made.

    Raises:
        TokenStoreError: it is damaged, or of another version.
    """
    try:
        version = msgspec.json.decode(data, type=_Version).version
        if version in _READABLE:
            return msgspec.json.decode(data, type=_Document).chains
    except msgspec.MsgspecError:
        raise TokenStoreError(
            f"token_store: {location} is not a token store, or is damaged; it was left as it "
            "is. Restore it, or move it away and authorise again"
        ) from None
    raise TokenStoreError(
        f"token_store: {location} has version {version}; this program reads versions up to "
        f"{STORE_VERSION}. Upgrade clearbooks-connectors"
    )
