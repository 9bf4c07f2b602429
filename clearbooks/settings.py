"""The settings that every program shares."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

import platformdirs
from msgspec import Meta

from clearbooks import DISTRIBUTION, __version__
from clearbooks.configuration import SECRET, JsonSchema, Settings
from clearbooks.contract import Contract, load_contract
from clearbooks.errors import SettingError

DEFAULT_CONNECTION = "default"


def state_dir() -> Path:
    """The user's directory for tokens and what the pacer found, such as `~/.local/state`."""
    return Path(platformdirs.user_state_dir("clearbooks", appauthor=False))


@dataclass(frozen=True, repr=False, kw_only=True)
class Connection(Settings):
    """How to reach one application's Clear Books account, in the order people fill it in.

    Attributes:
        contract: The API's contract, with what `api_paths` replaces.

    Raises:
        SettingError: on construction, for a value that cannot work.
    """

    client_id: Annotated[
        str | None,
        Meta(
            title="Client ID",
            description="ID of your application, as Clear Books support gave it to you.",
        ),
    ] = None
    client_secret: Annotated[
        str | None,
        Meta(
            title="Client secret",
            description="Secret of your application.",
            extra_json_schema=SECRET,
        ),
    ] = None
    connection: Annotated[
        str,
        Meta(
            title="Connection",
            description="Name of one user's consent to the application, as `clearbooks connect "
            "--name` gave it. Each has tokens of its own in the token store.",
            pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]*$",
            max_length=100,
        ),
    ] = DEFAULT_CONNECTION
    refresh_token: Annotated[
        str | None,
        Meta(
            title="Refresh token",
            description="The token that starts the chain of single-use refresh tokens. Used once; "
            "from then on `token_store` holds the chain.",
            extra_json_schema=SECRET,
        ),
    ] = None
    access_token: Annotated[
        str | None,
        Meta(
            title="Access token",
            description="Instead of the three above: a token used as it is and never refreshed.",
            extra_json_schema=SECRET,
        ),
    ] = None
    token_store: Annotated[
        str,
        Meta(
            title="Token store",
            description="Where the tokens of the running chain live: a file path, a "
            "`postgresql://` URL (for several machines), or `keyring://NAME` for the system's "
            "keyring. Default: `tokens.json` in the user's state directory.",
        ),
    ] = ""
    business_ids: Annotated[
        tuple[Annotated[int, Meta(ge=1)], ...],
        Meta(
            title="Businesses",
            description="IDs of the businesses to work on; empty for all that the authorisation "
            "covers.",
        ),
    ] = ()
    api_url: Annotated[str, Meta(title="API URL", description="Base address of the API.")] = field(
        default_factory=lambda: load_contract().api_url
    )
    token_url: Annotated[
        str, Meta(title="Token URL", description="Address of the token endpoint.")
    ] = field(default_factory=lambda: load_contract().token_url)
    authorize_url: Annotated[
        str,
        Meta(title="Consent page", description="Address of the page where a person allows access."),
    ] = field(default_factory=lambda: load_contract().authorize_url)
    max_in_flight: Annotated[
        int,
        Meta(
            title="Requests in flight",
            description="Requests under way at once, at most.",
            ge=1,
            le=64,
        ),
    ] = 8
    max_requests_per_second: (
        Annotated[
            int,
            Meta(
                title="Requests a second",
                description="A ceiling for all programs that share the token store. Without it "
                "the pacer finds the server's limit by itself.",
                ge=1,
                le=10000,
            ),
        ]
        | None
    ) = None
    budget_percent: Annotated[
        int,
        Meta(
            title="Share of the budget",
            description="Percent of the requests a second that this run takes while other runs of "
            "the application need them, such as 20 for a first run beside daily ones.",
            ge=1,
            le=100,
        ),
    ] = 100
    request_timeout: Annotated[
        int, Meta(title="Timeout", description="Seconds to wait for an answer.", ge=1, le=86400)
    ] = 300
    max_tries: Annotated[
        int,
        Meta(
            title="Tries",
            description="How often a request that may safely be sent again is tried.",
            ge=1,
            le=1000,
        ),
    ] = 8
    max_wait: Annotated[
        int,
        Meta(
            title="Longest wait",
            description="Seconds to wait without one good answer, while the API limits the rate "
            "or fails, before the run ends. A wait that would take longer, such as for the quota "
            "of the next day, is not begun.",
            ge=1,
            le=604800,
        ),
    ] = 900
    api_paths: Annotated[
        Mapping[str, str],
        Meta(
            title="API paths",
            description="Replaces a path or the update method of the contract, by operation ID: "
            '`{"updateCustomer": "PATCH", "listAccountBalances": "/accounting/balances"}`; '
            "`update` stands for every update.",
        ),
    ] = field(default_factory=dict)
    user_agent: Annotated[
        str,
        Meta(
            title="User agent",
            description="What requests call themselves. Default: the program's name and version.",
        ),
    ] = ""
    contract: Contract = field(init=False)

    def __post_init__(self) -> None:
        self._put(
            contract=load_contract().with_paths(self.api_paths),
            token_store=self.token_store or str(state_dir() / "tokens.json"),
            business_ids=tuple(dict.fromkeys(self.business_ids)),
            api_url=_checked_url("api_url", self.api_url).rstrip("/"),
            token_url=_checked_url("token_url", self.token_url).rstrip("/"),
            authorize_url=_checked_url("authorize_url", self.authorize_url),
            user_agent=self.user_agent or f"{DISTRIBUTION}/{__version__}",
        )

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, program: str = DISTRIBUTION) -> Self:
        """The connection that a program's settings describe; empty values count as unset."""
        agent = config.get("user_agent") or f"{program}/{__version__}"
        return super().from_config({**config, "user_agent": agent})

    @property
    def database(self) -> str | None:
        """The PostgreSQL URL of the token store, where it is in a database."""
        return self.token_store if is_postgres(self.token_store) else None

    @property
    def directory(self) -> Path:
        """Where files beside the tokens lie: in the state directory, where those are in no file."""
        if "://" in self.token_store:
            return state_dir()
        return Path(self.token_store).expanduser().parent


def connection_properties() -> dict[str, JsonSchema]:
    """JSON Schema of each of the settings that every program shares."""
    return Connection.properties()


def is_postgres(location: str) -> bool:
    """Whether a location is the URL of a PostgreSQL database."""
    return location.startswith(("postgresql://", "postgres://"))


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _checked_url(name: str, value: str) -> str:
    """The address, which is an encrypted one; plain HTTP goes to this machine only."""
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
    return value
