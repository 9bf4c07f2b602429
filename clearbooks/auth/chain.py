"""A chain of tokens, and how chains are written down, whatever keeps them."""

from __future__ import annotations

import hashlib
import itertools
import math
import time

import msgspec

from clearbooks.errors import TokenStoreError

STORE_VERSION = 1
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


class Chain(msgspec.Struct, kw_only=True):
    """The living end of a chain of tokens.

    Attributes:
        seeds: Fingerprints of the refresh tokens from settings that this chain took over from.
        expires_at: Seconds since the epoch; 0 where the server did not say.
    """

    client_id: str
    token_url: str
    access_token: str
    refresh_token: str | None = None
    expires_at: float = 0.0
    obtained_at: float = 0.0
    connected_at: float = 0.0
    scope: str | None = None
    seeds: list[str] = []

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
        return f"Chain(client_id={self.client_id!r}, expires_at={self.expires_at})"


class _Version(msgspec.Struct):
    version: int


class _Document(_Version):
    # Without a default: an object that lacks it is damage, and no empty store.
    chains: list[Chain]


def encode_chains(chains: list[Chain]) -> bytes:
    """What every kind of store keeps: a JSON object with its version."""
    return msgspec.json.encode(_Document(STORE_VERSION, chains))


def decode_chains(data: bytes | str, location: str) -> list[Chain]:
    """The chains of what `encode_chains` made.

    Raises:
        TokenStoreError: it is damaged, or of another version.
    """
    try:
        version = msgspec.json.decode(data, type=_Version).version
        if version == STORE_VERSION:
            return msgspec.json.decode(data, type=_Document).chains
    except msgspec.MsgspecError:
        raise TokenStoreError(
            f"token_store: {location} is not a token store, or is damaged; it was left as it "
            "is. Restore it, or move it away and authorise again"
        ) from None
    raise TokenStoreError(
        f"token_store: {location} has version {version}; this program reads "
        f"version {STORE_VERSION}. Upgrade clearbooks-connectors"
    )
