"""`clearbooks connect`: consent in a browser, tokens into the store."""

from __future__ import annotations

import sys
import webbrowser
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearbooks import known
from clearbooks.businesses import list_businesses
from clearbooks.cli import show
from clearbooks.cli.callback import can_listen, code_of, listening, query_of
from clearbooks.cli.config import Settings, examples, patient, settings_options
from clearbooks.cli.keep import TAP, TARGET, check_target, is_env, keep_settings
from clearbooks.cli.scopes import needed_scopes, read_scopes, stream_scopes
from clearbooks.client import Client
from clearbooks.errors import ClearBooksError, SettingError
from clearbooks.oauth import begin_consent, finish_consent
from clearbooks.tokens import open_store

if TYPE_CHECKING:
    from clearbooks.cli.callback import Listener
    from clearbooks.oauth import Consent
    from clearbooks.settings import Connection
    from clearbooks.tokens import Chain, TokenStore

SANDBOX = "http://127.0.0.1:8350"
REVOKES = (
    "authorising again revokes the tokens that this application holds anywhere else: programs "
    "on other machines stop until they use the token store that is written now"
)


@click.command(
    short_help="Connect an account.",
    epilog=examples(
        "clearbooks connect --save clearbooks.json",
        "clearbooks connect --sandbox --save clearbooks.json",
        "clearbooks connect --streams customers,sales_invoices",
        "clearbooks connect --write --token-store postgresql://books@db.example/pipelines",
        "clearbooks connect --no-browser --redirect-uri https://example.com/callback",
        "",
        "Exit codes: 0 connected, 5 refused (wrong secret, used code), 6 denied on the page,",
        "7 an answer with the wrong state, 8 the port is taken, 9 nobody decided in time, 1 else.",
    ),
)
@settings_options
@click.option("--write", is_flag=True, help="Ask for reading and writing; else for reading alone.")
@click.option("--streams", metavar="NAMES", help="Ask for what these streams need, and no more.")
@click.option("--scopes", metavar="NAMES", help="Ask for exactly these scopes.")
@click.option("--no-browser", is_flag=True,
              help="Print the address, and take the redirected one pasted back.")  # fmt: skip
@click.option("--redirect-uri", metavar="URL",
              help="The one registered for your application; else a loopback address.")  # fmt: skip
@click.option("--port", default=0, type=click.IntRange(0, 65535),
              help="Port to wait on; without it a free one.")  # fmt: skip
@click.option("--timeout", default=300, show_default=True, type=click.IntRange(1),
              help="Seconds to wait for the decision.")  # fmt: skip
@click.option("--sandbox", "sandbox", is_flag=False, flag_value=SANDBOX, metavar="[URL]",
              help=f"Connect to a sandbox; {SANDBOX} unless you say where.")  # fmt: skip
@click.option("--save", "target", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Keep the settings in this file: JSON for --config, or .env.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask before an older connection is replaced.")
def connect(
    *,
    settings: Settings,
    as_json: bool,
    write: bool,
    streams: str | None,
    scopes: str | None,
    no_browser: bool,
    redirect_uri: str | None,
    port: int,
    timeout: int,
    sandbox: str | None,
    target: Path | None,
    yes: bool,
) -> None:
    """Connect an account: a person allows access in a browser, and the tokens are stored.

    Client ID and secret come from the settings, or are asked for. They belong to your
    application and are given out by Clear Books support.
    """
    if sandbox:
        settings = _sandbox_settings(settings, sandbox)
    settings = _credentials(settings)
    connection = patient(settings.connection())
    asked = _scopes(connection, write=write, streams=streams, scopes=scopes)
    if target is not None:
        check_target(target)
    store = open_store(connection.token_store)
    if not _check_store(store, connection, yes=yes):
        show.note("Nothing was changed.")
        raise click.exceptions.Exit(1)
    listens = not no_browser and (redirect_uri is None or can_listen(redirect_uri))
    if not listens and redirect_uri is None:
        redirect_uri = f"http://127.0.0.1:{port or 8400}/callback"
    visit = listening(port, redirect_uri) if listens else nullcontext()
    with visit as listener:
        uri = listener.redirect_uri if listener is not None else str(redirect_uri)
        consent = begin_consent(connection, uri, asked)
        if listener is None:
            chain = _pasted(connection, consent, store)
        else:
            chain = _visited(connection, consent, store, listener, timeout)
    known.remember(store.place(), chain.client_id)
    if target is not None:
        keep_settings(target, settings, (TAP, TARGET) if write else (TAP,))
    _report(connection, store, chain, asked, settings=settings, target=target, as_json=as_json)


def _interactive() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()


def _sandbox_settings(settings: Settings, url: str) -> Settings:
    try:
        from clearbooks_sandbox.api import BASE, TOKEN_PATH  # noqa: PLC0415
        from clearbooks_sandbox.app import CONSENT_PATH, Options  # noqa: PLC0415
    except ModuleNotFoundError:
        raise SettingError(
            "--sandbox needs the sandbox here: pip install 'clearbooks-connectors[sandbox]'"
        ) from None
    site, shipped = url.rstrip("/"), Options()
    return settings.with_values(
        "--sandbox",
        api_url=site + BASE,
        token_url=site + TOKEN_PATH,
        authorize_url=site + CONSENT_PATH,
        client_id=settings.values.get("client_id") or shipped.client_id,
        client_secret=settings.values.get("client_secret") or shipped.client_secret,
    )


def _credentials(settings: Settings) -> Settings:
    """Ask for what is missing, where somebody can answer."""
    for name, words in (("client_id", "Client ID"), ("client_secret", "Client secret")):
        if settings.values.get(name):
            continue
        if not _interactive():
            raise SettingError(
                f"{name} is missing: set CLEARBOOKS_{name.upper()}, or give --config FILE"
            )
        secret = name == "client_secret"
        given = click.prompt(words, hide_input=secret, err=True).strip()
        settings = settings.with_values("typed in", **{name: given})
    return settings


def _scopes(
    connection: Connection, *, write: bool, streams: str | None, scopes: str | None
) -> list[str]:
    if sum(map(bool, (write, streams, scopes))) > 1:
        raise SettingError("choose one of --write, --streams and --scopes")
    contract = connection.contract
    if scopes:
        wanted = scopes.replace(",", " ").split()
        unknown = [scope for scope in wanted if scope not in contract.scopes]
        if unknown:
            raise SettingError(
                f"--scopes: {', '.join(unknown)} is not known; there are: "
                f"{', '.join(contract.scopes)}"
            )
        return wanted
    if streams:
        return stream_scopes(contract, streams.replace(",", " ").split())
    return list(contract.scopes) if write else read_scopes(contract)


def _check_store(store: TokenStore, connection: Connection, *, yes: bool) -> bool:
    """See that tokens can be kept before anybody is sent away; ask before others are replaced."""
    with store.lock(), store.reserve():
        chains = store.chains()
    mine = [chain for chain in chains if chain.client_id == connection.client_id]
    show.warn(REVOKES)
    if mine:
        since = show.when(max(chain.connected_at for chain in mine))
        show.note(f"{store.location} holds a connection of this application, made {since}.")
        if not yes and _interactive():
            return click.confirm("Replace it?", err=True)
    if connection.access_token:
        show.warn("access_token is set: programs use it, and not what is stored now")
    return True


def _pasted(connection: Connection, consent: Consent, store: TokenStore) -> Chain:
    show.note("Open this address in any browser, and decide there:")
    show.note(f"\n  {consent.url}\n")
    show.note(f"You are then sent to {consent.redirect_uri}, which need not show a page.")
    pasted = click.prompt("Paste the whole address you were sent to", err=True)
    return finish_consent(connection, consent, code_of(query_of(pasted), consent.state), store)


def _visited(
    connection: Connection, consent: Consent, store: TokenStore, listener: Listener, timeout: int
) -> Chain:
    show.note("Opening the consent page in your browser. If none opens, go to:")
    show.note(f"\n  {consent.url}\n")
    if not webbrowser.open(consent.url):
        show.note("No browser was found here. On a server use --no-browser.")
    answer = listener.wait(timeout)
    try:
        code = code_of(answer.query, consent.state)
        chain = finish_consent(connection, consent, code, store)
    except ClearBooksError as error:
        text = str(error)
        answer.show("Not connected", text[:1].upper() + text[1:] + ".")
        raise
    except BaseException:
        answer.show("Not connected", "The program was stopped.")
        raise
    answer.show("Connected", "The tokens are stored, and the program goes on by itself.")
    return chain


def _report(
    connection: Connection,
    store: TokenStore,
    chain: Chain,
    asked: list[str],
    *,
    settings: Settings,
    target: Path | None,
    as_json: bool,
) -> None:
    granted = chain.scope.split() if chain.scope else asked
    missing = [scope for scope in asked if scope not in granted]
    businesses, trouble = _businesses(connection, chain)
    if as_json:
        show.print_json(
            {
                "connected": True,
                "token_store": store.location,
                "client_id": chain.client_id,
                "connected_at": show.instant(chain.connected_at),
                "expires_at": show.instant(chain.expires_at),
                "scopes": granted,
                "scopes_refused": missing,
                "businesses": businesses,
                "businesses_error": trouble,
                "saved": str(target) if target else None,
            }
        )
        return
    show.facts(
        [
            ("Connected", f"application {chain.client_id}"),
            ("Tokens in", store.location),
            ("Scopes", f"{len(granted)} granted"),
            *([("Settings in", str(target))] if target else []),
        ]
    )
    if missing:
        show.warn(f"not granted: {', '.join(missing)}")
    if trouble:
        show.warn(f"the businesses were not listed: {trouble}")
    else:
        click.echo(f"{len(businesses)} business{'' if len(businesses) == 1 else 'es'}:")
        for business in businesses:
            click.echo(f"  {business['id']}  {business['name']}")
    _next(target)
    if target is None and "typed in" in settings.origins.values():
        show.note(
            "The client secret was not kept: set CLEARBOOKS_CLIENT_SECRET for these commands and "
            "TAP_CLEARBOOKS_CLIENT_SECRET for the tap, or connect with --save FILE."
        )


def _next(target: Path | None) -> None:
    click.echo("\nNext:")
    if target is not None and not is_env(target):
        click.echo(f"  tap-clearbooks --config {target}\n  clearbooks status --config {target}")
    elif target is not None:
        click.echo("  clearbooks status    (Meltano reads .env by itself)")
    else:
        click.echo("  tap-clearbooks --config ENV\n  clearbooks status")


def _businesses(connection: Connection, chain: Chain) -> tuple[list[dict[str, Any]], str | None]:
    fresh = replace(connection, access_token=None, refresh_token=None)
    if needed_scopes(fresh.contract, ["businesses"]) - set((chain.scope or "").split()):
        return [], "the scope businesses:read was not granted; set business_ids"
    try:
        with Client(fresh) as client:
            found = list_businesses(client)
    except ClearBooksError as error:
        return [], f"{error}; `clearbooks doctor` looks closer"
    return [{"id": b["id"], "name": b.get("name", "")} for b in found], None
