"""The settings that every program shares: their JSON Schema, and their values once checked."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import platformdirs

from clearbooks import __version__
from clearbooks.contract import load_contract
from clearbooks.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clearbooks.contract import Contract

DEFAULT_MAX_IN_FLIGHT = 8
DEFAULT_TIMEOUT = 300
DEFAULT_TRIES = 8


def state_dir() -> Path:
    """The user's directory for tokens and what the pacer found, such as `~/.local/state`."""
    return Path(platformdirs.user_state_dir("clearbooks", appauthor=False))


def _setting(kind: str, title: str, description: str, **more: Any) -> dict[str, Any]:
    return {"type": [kind, "null"], "title": title, "description": description, **more}


def _secret(title: str, description: str) -> dict[str, Any]:
    # `secret` is what the SDK's --about reads, `writeOnly` is JSON Schema's own word for it.
    return _setting("string", title, description, secret=True, writeOnly=True)


def connection_properties() -> dict[str, Any]:
    """JSON Schema properties of the shared settings, in the order people fill them in."""
    contract = load_contract()
    return {
        "client_id": _setting(
            "string", "Client ID", "ID of your application, as Clear Books support gave it to you."
        ),
        "client_secret": _secret("Client secret", "Secret of your application."),
        "refresh_token": _secret(
            "Refresh token",
            "The token that starts the chain of single-use refresh tokens. Used once; from then on "
            "`token_store` holds the chain.",
        ),
        "access_token": _secret(
            "Access token",
            "Instead of the three above: a token used as it is and never refreshed.",
        ),
        "token_store": _setting(
            "string",
            "Token store",
            "Where the tokens of the running chain live: a file path, a `postgresql://` URL (for "
            "several machines), or `keyring://NAME` for the system's keyring. "
            "Default: `tokens.json` in the user's state directory.",
        ),
        "business_ids": {
            "type": ["array", "null"],
            "items": {"type": "integer"},
            "title": "Businesses",
            "description": "IDs of the businesses to work on; empty for all that the "
            "authorisation covers.",
            "default": [],
        },
        "api_url": _setting(
            "string", "API URL", "Base address of the API.", default=contract.api_url
        ),
        "token_url": _setting(
            "string", "Token URL", "Address of the token endpoint.", default=contract.token_url
        ),
        "authorize_url": _setting(
            "string",
            "Consent page",
            "Address of the page where a person allows access.",
            default=contract.authorize_url,
        ),
        "max_in_flight": _setting(
            "integer",
            "Requests in flight",
            "Requests under way at once, at most.",
            default=DEFAULT_MAX_IN_FLIGHT,
            minimum=1,
            maximum=64,
        ),
        "max_requests_per_second": _setting(
            "integer",
            "Requests a second",
            "A ceiling for all programs that share the token store. Without it the pacer finds "
            "the server's limit by itself.",
            minimum=1,
        ),
        "request_timeout": _setting(
            "integer",
            "Timeout",
            "Seconds to wait for an answer.",
            default=DEFAULT_TIMEOUT,
            minimum=1,
        ),
        "max_tries": _setting(
            "integer",
            "Tries",
            "How often a request that may safely be sent again is tried.",
            default=DEFAULT_TRIES,
            minimum=1,
        ),
        "api_paths": {
            "type": ["object", "null"],
            "additionalProperties": {"type": "string"},
            "title": "API paths",
            "description": "Replaces a path or the update method of the contract, by operation "
            'ID: `{"updateCustomer": "PATCH", "listAccountBalances": "/accounting/balances"}`; '
            "`update` stands for every update.",
            "default": {},
        },
        "user_agent": _setting(
            "string",
            "User agent",
            "What requests call themselves. Default: the program's name and version.",
        ),
    }


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach one application's Clear Books account. Secrets never appear in its repr.

    Raises:
        SettingError: on construction by `from_config`, for a value that cannot work.
    """

    contract: Contract
    api_url: str
    token_url: str
    authorize_url: str
    token_store: str
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    access_token: str | None = field(default=None, repr=False)
    business_ids: tuple[int, ...] = ()
    max_in_flight: int = DEFAULT_MAX_IN_FLIGHT
    max_requests_per_second: int | None = None
    request_timeout: int = DEFAULT_TIMEOUT
    max_tries: int = DEFAULT_TRIES
    user_agent: str = f"clearbooks-connectors/{__version__}"

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, program: str | None = None) -> Connection:
        """The connection that a program's settings describe; empty values count as unset."""
        given = {k: v for k, v in config.items() if v not in (None, "")}
        shipped = load_contract()
        values: dict[str, Any] = {
            name: given[name]
            for name in (
                "client_id", "client_secret", "refresh_token", "access_token",
                "max_in_flight", "max_requests_per_second", "request_timeout", "max_tries",
            )
            if name in given
        }  # fmt: skip
        for name in ("max_in_flight", "max_requests_per_second", "request_timeout", "max_tries"):
            if name in values and (not isinstance(values[name], int) or values[name] < 1):
                raise SettingError(f"{name}: {values[name]!r} should be a whole number from 1")
        agent = f"{program or 'clearbooks-connectors'}/{__version__}"
        return cls(
            contract=shipped.with_paths(given.get("api_paths", {})),
            api_url=_checked_url("api_url", given.get("api_url", shipped.api_url)),
            token_url=_checked_url("token_url", given.get("token_url", shipped.token_url)),
            authorize_url=_checked_url(
                "authorize_url", given.get("authorize_url", shipped.authorize_url)
            ),
            token_store=given.get("token_store", str(state_dir() / "tokens.json")),
            business_ids=_business_ids(given.get("business_ids", [])),
            user_agent=given.get("user_agent", agent),
            **values,
        )


def _business_ids(value: Any) -> tuple[int, ...]:
    try:
        ids = tuple(dict.fromkeys(int(item) for item in value))
    except (TypeError, ValueError):
        ids = (0,)
    if any(item < 1 for item in ids):
        raise SettingError(f"business_ids: {value!r} should be a list of business IDs: [1, 2]")
    return ids


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _checked_url(name: str, value: str) -> str:
    """The address without a trailing slash; plain HTTP only to this machine."""
    parts = urlsplit(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise SettingError(f"{name}: {value!r} should be an https:// address")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise SettingError(
            f"{name}: {value!r} would send tokens unencrypted; use https:// "
            "(plain http:// is allowed for 127.0.0.1 and localhost only)"
        )
    if parts.username or parts.password:
        raise SettingError(f"{name}: leave user name and password out of the address")
    return value if name == "authorize_url" else value.rstrip("/")
