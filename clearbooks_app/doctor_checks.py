"""The checks of `clearbooks doctor`: settings, token store, network, clock, scopes, streams."""

from __future__ import annotations

import difflib
import email.utils
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import requests

from clearbooks.auth import Name
from clearbooks.client import Client
from clearbooks.contract import load_contract
from clearbooks.errors import (
    ClearBooksError,
    ForbiddenError,
    NotAuthorisedError,
    NotFoundError,
    SettingError,
    SubscriptionError,
)
from clearbooks.program import connect_command
from clearbooks.scopes import asked_streams, cheapest_params, granted_scopes, needed_scopes
from clearbooks.settings import connection_properties
from clearbooks_app import output
from clearbooks_app.config import find_account, require_connected
from clearbooks_app.operations.connections import businesses_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clearbooks.contract import Operation, Resource
    from clearbooks_app.config import Account, Settings

_SIMILAR = 0.8
_CLOCK_WARNING, _CLOCK_FAILURE = 30.0, 300.0
_REACH_TIMEOUT = 10
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report.

    Attributes:
        name: What was checked, such as `token` or `customers of 101`.
        found: The result in words.
        remedy: What to do about it; empty where nothing is wrong.
        exit_code: What the program ends with, where the verdict is `failed`.
    """

    name: str
    verdict: Literal["ok", "warning", "failed", "skipped"]
    found: str
    remedy: str = ""
    exit_code: int = 1


def run_checks(
    settings: Settings, streams: list[str] | None, businesses: tuple[int, ...]
) -> Iterator[Check]:
    """Run the checks in order; those that depend on one that failed are skipped.

    Args:
        settings: From `load_settings`.
        streams: The streams to read one record of; None for all that the connection was made for.
        businesses: IDs of the businesses to read from; empty for the first.
    """
    try:
        connection = settings.connection()
    except ClearBooksError as error:
        yield Check("settings", "failed", str(error), "correct this setting")
        return
    yield from _check_settings(settings)
    account: Account | None = None
    try:
        account = find_account(settings)
    except ClearBooksError as error:
        yield Check("token store", "failed", str(error), "see docs/connect.md, Token stores")
    if account is not None:
        yield from _check_token_store(account)
    reached = True
    for check in _check_hosts(connection.api_url, connection.token_url, connection.authorize_url):
        reached = reached and check.verdict != "failed"
        yield check
    if account is None or not reached:
        yield Check("streams", "skipped", "not looked at, because of the above")
        return
    yield from _check_account(account, streams, businesses)


def _check_settings(settings: Settings) -> Iterator[Check]:
    values, known = settings.values, connection_properties()
    for name in settings.unknown:
        near = difflib.get_close_matches(name, known, n=1, cutoff=_SIMILAR)
        if near:
            yield Check(
                "settings",
                "warning",
                f"{name} is no setting of the connection",
                f"did you mean {near[0]}?",
            )
    missing = [name for name in ("client_id", "client_secret") if not values.get(name)]
    if values.get("access_token"):
        yield Check("settings", "ok", "an access token that is used as it is")
    elif missing:
        yield Check(
            "settings",
            "warning",
            f"{' and '.join(missing)} not set: tokens cannot be renewed",
            f"set CLEARBOOKS_{missing[0].upper()}, or give --config FILE",
        )
    else:
        yield Check("settings", "ok", f"application {values['client_id']}")


def _check_token_store(account: Account) -> Iterator[Check]:
    store = account.store
    try:
        with store.lock(Name.of(account.connection)):
            store.chains()
    except ClearBooksError as error:
        yield Check("token store", "failed", str(error), "see docs/connect.md, Token stores")
        return
    yield Check("token store", "ok", f"{store.location} can be read and locked")


def _check_hosts(*urls: str) -> Iterator[Check]:
    """Ask each host once, and compare the clock with the `Date` header of the first answer."""
    clock: Check | None = None
    hosts: dict[str, str] = {}
    for url in urls:
        hosts.setdefault(f"{urlsplit(url).scheme}://{urlsplit(url).netloc}", url)
    for host, url in hosts.items():
        began = time.time()
        try:
            reply = requests.get(url, timeout=_REACH_TIMEOUT, allow_redirects=False, stream=True)
            reply.close()
        except requests.RequestException as error:
            yield Check(
                "reachable", "failed", f"{host}: {_network_fault(error)}", _network_remedy(error)
            )
            continue
        took = time.time() - began
        clock = clock or _check_clock(reply.headers.get("Date"), began + took / 2.0)
        if reply.status_code >= _SERVER_ERROR:
            yield Check(
                "reachable",
                "warning",
                f"{host} answers HTTP {reply.status_code}",
                "the server has trouble: try again later",
            )
        else:
            yield Check("reachable", "ok", f"{host} answers in {took * 1000:.0f} ms")
    if clock is not None:
        yield clock


def _network_fault(error: requests.RequestException) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not trusted, or something stands between"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy does not let it through"
    if isinstance(error, requests.Timeout):
        return f"no answer within {_REACH_TIMEOUT} s"
    return "cannot be reached"


def _network_remedy(error: requests.RequestException) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "set REQUESTS_CA_BUNDLE to the certificates of your network"
    if isinstance(error, requests.exceptions.ProxyError):
        return "look at HTTPS_PROXY and NO_PROXY"
    return "check the address in the settings, the network, and HTTPS_PROXY"


def _check_clock(date: str | None, now: float) -> Check | None:
    try:
        server = email.utils.parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return Check("clock", "skipped", "the server does not tell the time")
    off = now - server
    if abs(off) <= _CLOCK_WARNING:
        return Check("clock", "ok", f"within {_CLOCK_WARNING:.0f} seconds of the server's")
    words = f"{output.duration(abs(off))} {'ahead of' if off > 0 else 'behind'} the server's"
    verdict: Literal["warning", "failed"] = "failed" if abs(off) > _CLOCK_FAILURE else "warning"
    return Check("clock", verdict, words, "set the clock, for example: timedatectl set-ntp true")


def _check_account(
    account: Account, streams: list[str] | None, chosen: tuple[int, ...]
) -> Iterator[Check]:
    connection = account.connection
    streams = streams or asked_streams(connection.contract, account.chain)
    try:
        require_connected(account)
        with Client(connection) as client:
            client.tokens.access_token()
            granted = granted_scopes(client)
    except ClearBooksError as error:
        yield Check("token", "failed", str(error), _connect(), NotAuthorisedError.exit_code)
        yield Check("streams", "skipped", "not looked at, because there is no token")
        return
    yield Check("token", "ok", "there is a valid one, as far as is known")
    yield _check_scopes(account, streams, granted)
    try:
        found = businesses_of(connection)
    except SubscriptionError as error:
        yield Check("businesses", "failed", str(error), _remedy(error), error.exit_code)
        return
    except ForbiddenError:
        found = [{"id": number} for number in connection.business_ids]
        yield Check(
            "businesses",
            "warning" if found else "failed",
            "they cannot be listed",
            f"{_connect()} for the scope businesses:read, or set business_ids",
        )
    except ClearBooksError as error:
        code = error.exit_code
        yield Check("businesses", "failed", str(error), _remedy(error), code)
        return
    else:
        yield _check_businesses(account, found)
    ids = [business["id"] for business in found]
    wanted = list(chosen) or [i for i in ids if i in connection.business_ids][:1] or ids[:1]
    with Client(connection) as client:
        for business in wanted:
            reader = _StreamReader(client, business, granted)
            for name in streams:
                yield reader.read(connection.contract.resources[name])


def _check_scopes(account: Account, streams: list[str], granted: frozenset[str] | None) -> Check:
    needed = needed_scopes(account.connection.contract, streams)
    if granted is None:
        return Check("scopes", "skipped", "the server did not say which were granted")
    missing = sorted(needed.keys() - granted)
    if missing:
        return Check(
            "scopes",
            "failed",
            f"not granted: {', '.join(missing)}",
            f"{_connect()} and allow them, or leave the streams out",
        )
    return Check("scopes", "ok", f"all {len(needed)} that the streams need are granted")


def _check_businesses(account: Account, found: list[dict[str, Any]]) -> Check:
    ids = {business["id"] for business in found}
    outside = [str(i) for i in account.connection.business_ids if i not in ids]
    if outside:
        return Check(
            "businesses",
            "failed",
            f"business_ids names {', '.join(outside)}, not covered",
            f"take it out, or {_connect()} and choose it on the consent page",
        )
    if not found:
        return Check("businesses", "failed", "the authorisation covers none", _connect())
    return Check("businesses", "ok", f"{len(found)} covered")


class _StreamReader:
    """Reads one record of each stream of a business."""

    def __init__(self, client: Client, business: int, granted: frozenset[str] | None) -> None:
        self._client = client
        self._business = business
        self._granted = granted
        # A parameter with its value, and the ID of a record read with it: what `cheapest_params`
        # calls parents.
        self._seen: dict[tuple[str, Any], Any] = {}

    def read(self, resource: Resource) -> Check:
        """Read one record of the stream."""
        operation = resource.operations["list"]
        name = f"{resource.name} of {self._business}"
        if self._granted is not None and operation.scope not in self._granted:
            return Check(name, "skipped", f"the scope {operation.scope} is not granted")
        params = cheapest_params(resource, self._seen)
        if params is None:
            return Check(name, "skipped", "there is no document to look below")
        try:
            found = self._client.get(operation.id, params, business_id=self._business).json()
        except ClearBooksError as error:
            return self._failed(name, operation, error)
        if found and isinstance(found, list) and "id" in found[0]:
            self._seen |= dict.fromkeys(resource.fixed.items(), found[0]["id"])
        if found:
            return Check(name, "ok", "read")
        # The cheapest request for what is asked for by its dates is that of one day.
        dated = any(p.schema.get("format") == "date" and p.required for p in operation.parameters)
        return Check(name, "ok", "read; nothing today" if dated else "read; it holds nothing")

    def _failed(self, name: str, operation: Operation, error: ClearBooksError) -> Check:
        remedy = _remedy(error)
        verdict: Literal["warning", "failed"] = "failed"
        if isinstance(error, ForbiddenError) and not isinstance(error, SubscriptionError):
            remedy = f"{_connect()} and choose business {self._business}, or leave it out"
        elif isinstance(error, NotFoundError) and operation.assumed:
            verdict = "warning"
            remedy = (
                "no published text names this path; if the API has another, set api_paths: "
                f'{{"{operation.id}": "/…"}}, else leave the stream out'
            )
        return Check(name, verdict, str(error), remedy, error.exit_code)


def _connect() -> str:
    return f"run `{connect_command()}`"


def _remedy(error: ClearBooksError) -> str:
    if isinstance(error, NotAuthorisedError):
        return _connect()
    if isinstance(error, SubscriptionError):
        return "renew or change the plan in Clear Books, or leave the stream or business out"
    if isinstance(error, SettingError):
        return "correct this setting"
    if isinstance(error, NotFoundError):
        return "check api_url"
    return "try again later; if it stays, tell Clear Books support the words above"


def named_streams(named: str | None) -> list[str] | None:
    """The streams that are named; None where none are.

    Raises:
        SettingError: one is not known.
    """
    if not named:
        return None
    names = named.replace(",", " ").split()
    needed_scopes(load_contract(), names)
    return names
