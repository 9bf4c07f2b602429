"""Airbyte's configuration as the plugins' settings, and rotated tokens on their way back."""

from __future__ import annotations

import copy
import datetime as dt
import logging
import time
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from airbyte_clearbooks.faults import keep_secret
from airbyte_clearbooks.protocol import now
from airbyte_clearbooks.spec import ACCESS, CREDENTIALS, REFRESH, REQUIRED
from clearbooks.auth import Chain, Name, TokenSource, fingerprint
from clearbooks.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airbyte_clearbooks.protocol import Output
    from clearbooks.settings import Connection

logger = logging.getLogger(__name__)


class _Tokens(TokenSource):
    """Tokens whose renewal no signal interrupts: the refresh token would be used up for nothing."""

    def __init__(
        self, connection: Connection, output: Output, on_saved: Callable[[Chain], None]
    ) -> None:
        super().__init__(connection, on_saved=on_saved)
        self._output = output

    @override
    def access_token(self) -> str:
        with self._output.whole():
            return super().access_token()

    @override
    def refused(self, token: str) -> str | None:
        with self._output.whole():
            return super().refused(token)


class Config:
    """One configuration, as given.

    Attributes:
        given: The whole of it, with the newest tokens.
        settings: What the plugin is to be given.
        streams: The streams that it chooses; empty for all.

    Raises:
        SettingError: on construction, where it cannot be understood.
    """

    def __init__(self, given: Any, spec: Mapping[str, Any]) -> None:
        if not isinstance(given, dict):
            raise SettingError("the configuration should be a JSON object")
        self.given: dict[str, Any] = given
        self._credentials = _credentials(given)
        for name in ("client_secret", "refresh_token", "access_token"):
            keep_secret(self._credentials.get(name))
        known = spec["connectionSpecification"]["properties"]
        # The platform adds keys of its own, which begin with an underscore.
        strange = sorted(k for k in given if k not in known and not k.startswith("_"))
        if strange:
            logger.warning("unknown settings are ignored: %s", ", ".join(strange))
        self.settings: dict[str, Any] = {
            name: value
            for name, value in given.items()
            if name in known and name not in {"credentials", "streams"} and value is not None
        }
        self.streams = _streams(given, known)
        names = REQUIRED[ACCESS] if self._way == ACCESS else CREDENTIALS[:3]
        self.settings |= {n: self._credentials[n] for n in names if self._credentials.get(n)}

    @property
    def _way(self) -> str:
        return str(self._credentials["auth_type"])

    def tokens(self, connection: Connection, output: Output) -> TokenSource:
        """Tokens for a connection; each new chain goes out as a CONTROL message before its use."""

        def saved(chain: Chain) -> None:
            keep_secret(chain.access_token, chain.refresh_token)
            self._keep(chain)
            output.message(
                "CONTROL",
                control={
                    "type": "CONNECTOR_CONFIG",
                    "emitted_at": now(),
                    "connectorConfig": {"config": self.given},
                },
            )

        tokens = _Tokens(connection, output, saved)
        if self._way == REFRESH:
            self._seed(connection, tokens)
        return tokens

    def _keep(self, chain: Chain) -> None:
        """Put new tokens into the configuration."""
        self.given = copy.deepcopy(self.given)
        credentials = self.given["credentials"]
        credentials["access_token"] = chain.access_token
        credentials["refresh_token"] = chain.refresh_token
        credentials.pop("token_expiry_date", None)
        if chain.expires_at:
            end = dt.datetime.fromtimestamp(chain.expires_at, dt.UTC)
            credentials["token_expiry_date"] = end.isoformat(timespec="seconds")

    def _seed(self, connection: Connection, tokens: TokenSource) -> None:
        """Give a store that knows nothing of this chain the access token of the configuration."""
        refresh, access = connection.refresh_token, self._credentials.get("access_token")
        if not (refresh and access and connection.client_id):
            return
        store, name = tokens.store, Name.of(connection)
        with store.lock(name):
            if store.find(name, refresh) is None:
                store.save(
                    Chain(
                        client_id=name.client_id,
                        connection=name.connection,
                        token_url=connection.token_url,
                        access_token=access,
                        refresh_token=refresh,
                        expires_at=_seconds(self._credentials.get("token_expiry_date")),
                        obtained_at=time.time(),
                        connected_at=time.time(),
                        seeds=[fingerprint(refresh)],
                    ),
                    # The configuration holds them as well.
                    patience=0.0,
                )


def _credentials(given: Mapping[str, Any]) -> dict[str, Any]:
    found = given.get("credentials")
    ways = f"{{'auth_type': '{REFRESH}', …}} or {{'auth_type': '{ACCESS}', …}}"
    if not isinstance(found, dict) or not found:
        raise SettingError(f"credentials: missing; should be {ways}")
    way = found.get("auth_type")
    if not isinstance(way, str) or way not in REQUIRED:
        raise SettingError(f"credentials.auth_type: {way!r} should be '{REFRESH}' or '{ACCESS}'")
    missing = [name for name in REQUIRED[way] if not found.get(name)]
    if missing:
        raise SettingError(f"credentials: {' and '.join(missing)} missing for {way!r}")
    return found


def _streams(given: Mapping[str, Any], known: Mapping[str, Any]) -> tuple[str, ...]:
    chosen = given.get("streams") or []
    if "streams" not in known:
        return ()
    names = known["streams"]["items"]["enum"]
    strange = [name for name in chosen if name not in names] if isinstance(chosen, list) else chosen
    if strange:
        raise SettingError(f"streams: {strange!r} not known; there are: {', '.join(names)}")
    return tuple(chosen)


def _seconds(date: Any) -> float:
    """Seconds since the epoch; 0 where the date is none, and a refused token tells."""
    if not isinstance(date, str) or not date:
        return 0.0
    try:
        moment = dt.datetime.fromisoformat(date)
    except ValueError:
        raise SettingError(
            f"credentials.token_expiry_date: {date!r} should be like 2026-04-06T12:00:00+00:00"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
