"""Settings of the `clearbooks` commands, and the account that they lead to.

Names, files and environment variables are those of tap and target.
"""

from __future__ import annotations

import functools
import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import dotenv
import jsonschema

from clearbooks.auth import Name, not_connected, open_store
from clearbooks.errors import NotAuthorisedError, SettingError
from clearbooks.program import check_config_files, keep_options
from clearbooks.settings import Connection, connection_properties

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from clearbooks.auth import Chain, TokenStore

# The first that is set wins.
PREFIXES = ("CLEARBOOKS_", "TAP_CLEARBOOKS_", "TARGET_CLEARBOOKS_")
PROGRAM = "clearbooks"
# Seconds and tries of a request. A person waits for the answer, so that a command gives up
# sooner than a pipeline does.
_INTERACTIVE_TIMEOUT = 30
_INTERACTIVE_TRIES = 2
_INTERACTIVE_WAIT = 60
# A setting of the target that `clearbooks status` reads, too.
_STATE_STORE = {"state_store": {"type": ["string", "null"]}}
_WRONG_TYPE = "{name}: {value!r} should be {kind} (from {where})"


@dataclass(frozen=True, slots=True)
class Settings:
    """Values by name, and where each of them came from.

    Attributes:
        unknown: Names in a file that are no setting of the connection; a plugin may know them.
    """

    values: dict[str, Any]
    origins: dict[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()

    def connection(self) -> Connection:
        """The checked connection, as the settings describe it."""
        return Connection.from_config(self.values, program=PROGRAM)

    def with_values(self, origin: str, **values: Any) -> Settings:
        """The settings with some of them replaced; None leaves one as it is."""
        given = {name: value for name, value in values.items() if value not in (None, "")}
        return replace(
            self,
            values={**self.values, **given},
            origins={**self.origins, **dict.fromkeys(given, origin)},
        )


def load_settings(
    configs: tuple[str, ...] = (), properties: Mapping[str, Any] | None = None
) -> Settings:
    """Settings as the plugins find them: `ENV` is the environment, anything else a JSON file.

    Without any, the environment alone. Variables win over files, later files over earlier ones,
    and the environment takes in the file `.env` of the current directory.

    Raises:
        SettingError: a file or a value that cannot work; it names the setting and its origin.
    """
    known = connection_properties() if properties is None else properties
    check_config_files(configs)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    unknown: list[str] = []
    for path in configs:
        if path != "ENV":
            found = json.loads(Path(path).read_text(encoding="utf-8"))
            unknown += [name for name in found if name not in known]
            values |= found
            origins |= dict.fromkeys(found, path)
    if not configs or "ENV" in configs:
        in_file = dotenv.dotenv_values(Path.cwd() / ".env")
        for name, schema in known.items():
            variable, text = _variable(name, in_file)
            if text is not None:
                values[name] = _parsed(name, schema, text, variable)
                origins[name] = variable
    for name, schema in known.items():
        if values.get(name) is not None:
            _check(name, schema, values[name], origins[name])
    return Settings(values, origins, tuple(unknown))


def _variable(name: str, in_file: Mapping[str, str | None]) -> tuple[str, str | None]:
    names = [prefix + name.upper() for prefix in PREFIXES]
    for variable in names:
        if os.environ.get(variable):
            return variable, os.environ[variable]
    for variable in names:
        if in_file.get(variable):
            return f"{variable} in .env", in_file[variable]
    return names[0], None


def _json_type(schema: Mapping[str, Any]) -> str:
    kinds = schema.get("type", "string")
    return next(k for k in ([kinds] if isinstance(kinds, str) else kinds) if k != "null")


def _parsed(name: str, schema: Mapping[str, Any], text: str, variable: str) -> Any:
    kind = _json_type(schema)
    try:
        if kind == "integer":
            return int(text)
        if kind == "boolean":
            return text.lower() in {"true", "1", "yes", "on"}
        if kind == "array" and not text.lstrip().startswith("["):
            items = [item.strip() for item in text.split(",") if item.strip()]
            return (
                [int(item) for item in items] if _json_type(schema["items"]) == "integer" else items
            )
        if kind in {"array", "object"}:
            return json.loads(text)
    except ValueError:
        words = {"integer": "a whole number", "array": "a JSON array", "object": "a JSON object"}
        raise SettingError(
            _WRONG_TYPE.format(name=name, value=text, kind=words[kind], where=variable)
        ) from None
    return text


def _check(name: str, schema: Mapping[str, Any], value: Any, origin: str) -> None:
    """Refuse a value of the wrong type; a secret is not repeated."""
    error = jsonschema.exceptions.best_match(
        jsonschema.Draft202012Validator(schema).iter_errors(value)
    )
    if error is not None:
        words = "not of the right type" if schema.get("writeOnly") else error.message
        raise SettingError(f"{name}: {words} (from {origin})")


def settings_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that every command shares; the command gets `settings` and `as_json`."""

    @click.option(
        "--config",
        "configs",
        multiple=True,
        metavar="FILE",
        help="JSON file of settings, as for the plugins; ENV for the environment (the default).",
    )
    @click.option("--client-id", help="ID of the application, instead of the setting.")
    @click.option("--name", metavar="NAME", help="Name of the connection: one user's consent.")
    @click.option("--token-store", metavar="PLACE", help="Where the tokens live.")
    @click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
    @functools.wraps(function)
    def wrapper(
        *,
        configs: tuple[str, ...],
        client_id: str | None,
        name: str | None,
        token_store: str | None,
        **rest: Any,
    ) -> Any:
        keep_options(client_id=client_id, name=name, token_store=token_store)
        settings = load_settings(configs, {**connection_properties(), **_STATE_STORE})
        settings = settings.with_values("--client-id", client_id=client_id)
        settings = settings.with_values("--name", connection=name)
        settings = settings.with_values("--token-store", token_store=token_store)
        return function(settings=settings, **rest)

    return wrapper


def examples(*lines: str) -> str:
    """Examples for the end of a help text, one a line."""
    # click leaves a paragraph alone that begins with this character.
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


@dataclass(frozen=True, slots=True)
class Account:
    """What a command works with: the connection, its store, and the tokens found there.

    Attributes:
        chain: None where there is none, or an access token is set.
    """

    connection: Connection
    store: TokenStore
    chain: Chain | None

    @property
    def connected(self) -> bool:
        """Whether a token is stored or set; whether it is still valid only the API can tell."""
        return bool(self.connection.access_token or self.chain or self.connection.refresh_token)


def for_interactive_use(connection: Connection) -> Connection:
    """The connection with a shorter timeout and fewer tries, for a command that a person runs."""
    return replace(
        connection,
        max_tries=min(connection.max_tries, _INTERACTIVE_TRIES),
        request_timeout=min(connection.request_timeout, _INTERACTIVE_TIMEOUT),
        max_wait=min(connection.max_wait, _INTERACTIVE_WAIT),
    )


def find_account(settings: Settings, *, to_use: bool = True) -> Account:
    """The application of the settings, or the only one in the store.

    Args:
        settings: From `load_settings`.
        to_use: Whether the tokens will be sent anywhere, and so must come from there.

    Raises:
        SettingError: the store holds several applications and none is named; or its tokens come
            from another address than the one that is set.
        TokenStoreError: the store cannot be read.
    """
    connection = for_interactive_use(settings.connection())
    store = open_store(connection.token_store)
    if connection.access_token:
        return Account(connection, store, None)
    if not connection.client_id:
        ids = sorted({chain.client_id for chain in store.chains()})
        if len(ids) > 1:
            raise SettingError(
                f"client_id is not set and {store.location} holds {len(ids)} applications; "
                f"choose one with --client-id: {', '.join(ids)}"
            )
        if ids:
            connection = replace(connection, client_id=ids[0])
    chain = store.find(Name.of(connection), connection.refresh_token)
    if to_use and chain is not None and chain.token_url != connection.token_url:
        raise SettingError(
            f"the tokens in {store.location} come from {chain.token_url}, but token_url is "
            f"{connection.token_url}; give the settings you connected with (--config FILE)"
        )
    return Account(connection, store, chain)


def require_connected(account: Account) -> None:
    """Check that there is a token, or a way to get one.

    Raises:
        NotAuthorisedError: there is none; the text says how to connect.
    """
    if not account.connected:
        raise NotAuthorisedError(not_connected(account.store, Name.of(account.connection)))
