"""Tokens in the keyring of the system: Keychain, Credential Manager, Secret Service."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from typing_extensions import override

from clearbooks.auth.chain import decode_chains, encode_chains
from clearbooks.auth.token_document import DocumentTokenStore
from clearbooks.distribution import install
from clearbooks.errors import SettingError, TokenStoreError
from clearbooks.settings import state_dir

try:
    import keyring
    import keyring.errors
except ImportError:  # pragma: no cover - the extra is there in tests
    raise SettingError(f"token_store: keyring:// needs its library: {install('keyring')}") from None

if TYPE_CHECKING:
    from pathlib import Path

    from clearbooks.auth.chain import Chain, Name

_INDEX = "tokens"
# Windows keeps 2,560 bytes in an entry, in UTF-16.
_PART = 1000


class KeyringTokenStore(DocumentTokenStore):
    """See `TokenStore`; `keyring://NAME` keeps its entries under the service NAME.

    An entry may be too small for all tokens. So they lie in parts, and an index entry, written
    last, says which parts belong together.
    """

    # A backend may be chosen, or unlocked, for one process alone.
    open_to_others = False

    def __init__(self, location: str) -> None:
        self._service = location.partition("://")[2].strip("/")
        if not self._service:
            raise SettingError("token_store: keyring:// needs a name: keyring://clearbooks")
        self.location = f"keyring://{self._service}"

    @override
    def _lock_path(self, what: str) -> Path:
        # Keyrings have no lock, so it is a file of this user.
        mark = hashlib.sha256(f"{self._service}{what and chr(0)}{what}".encode()).hexdigest()[:16]
        path = state_dir() / f"keyring-{mark}.lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise TokenStoreError(
                f"token_store: {path} cannot be locked: {error.strerror}"
            ) from None
        return path

    @override
    def chains(self) -> list[Chain]:
        index = self._get(_INDEX)
        if index is None:
            return []
        parts = [self._get(name) for name in index.split()]
        if None in parts:
            raise TokenStoreError(
                f"token_store: a part of {self.location} is missing; it was left as it is. "
                "Authorise again with another keyring name"
            )
        return decode_chains("".join(map(str, parts)), self.location)

    @override
    def _replace(self, chains: list[Chain], name: Name) -> None:
        # A keyring saves durably by itself.
        old = self._names()
        document = encode_chains(chains).decode()
        # Names that are not in use: a program that dies here leaves the old parts whole, and
        # what it wrote is written over by the next one.
        mark = "b" if f"{_INDEX}-a-0" in old else "a"
        parts = []
        for start in range(0, len(document), _PART):
            parts.append(f"{_INDEX}-{mark}-{start // _PART}")
            self._set(parts[-1], document[start : start + _PART])
        self._set(_INDEX, " ".join(parts))
        for part in old:
            self._delete(part)

    def _names(self) -> list[str]:
        return (self._get(_INDEX) or "").split()

    def _get(self, name: str) -> str | None:
        try:
            return keyring.get_password(self._service, name)
        except keyring.errors.KeyringError as error:
            raise self._trouble("read", error) from None

    def _set(self, name: str, value: str) -> None:
        try:
            keyring.set_password(self._service, name, value)
        except keyring.errors.KeyringError as error:
            raise self._trouble("written", error) from None

    def _delete(self, name: str) -> None:
        try:
            keyring.delete_password(self._service, name)
        except keyring.errors.PasswordDeleteError:
            return
        except keyring.errors.KeyringError as error:
            raise self._trouble("written", error) from None

    def _trouble(self, what: str, error: keyring.errors.KeyringError) -> TokenStoreError:
        if isinstance(error, keyring.errors.NoKeyringError):
            return TokenStoreError(
                "token_store: this system has no keyring that can be used; give a file path or a "
                "postgresql:// URL"
            )
        return TokenStoreError(
            f"token_store: {self.location} cannot be {what} ({type(error).__name__}); unlock the "
            "keyring, or give a file path"
        )
