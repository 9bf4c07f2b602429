"""`clearbooks connect`: consent in a browser, tokens into the store."""

from __future__ import annotations

import sys
import webbrowser
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
import requests

from clearbooks.auth import Name, begin_consent, open_store
from clearbooks.errors import ClearBooksError, SettingError
from clearbooks.program import account_command, command, use_config, without_passwords
from clearbooks_app import output
from clearbooks_app.config import Settings, examples, for_interactive_use, settings_options
from clearbooks_app.consent_server import (
    Page,
    authorisation_code,
    can_listen,
    listening,
    pasted_query,
)
from clearbooks_app.operations.consent import finish, prepare_store, scopes_to_ask
from clearbooks_app.save_settings import (
    TAP,
    TARGET,
    check_save_path,
    env_lines,
    is_env,
    save_settings,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from clearbooks.auth import Consent, TokenStore
    from clearbooks.settings import Connection
    from clearbooks_app.consent_server import Listener
    from clearbooks_app.operations.consent import NewConnection

SANDBOX = "http://127.0.0.1:8350"
# Seconds for a sandbox on this machine to answer.
_ANSWERS = 10
REVOKES = (
    "authorising again revokes the tokens that this application holds of the same user anywhere "
    "else: programs on other machines stop until they use the token store that is written now"
)


@click.command(
    short_help="Connect an account.",
    epilog=examples(
        "clearbooks connect --save clearbooks.json",
        "clearbooks connect --sandbox --save clearbooks.json",
        "clearbooks connect --name acme --save acme.json",
        "clearbooks connect --streams customers,sales_invoices",
        "clearbooks connect --write --token-store postgresql://books@db.example/pipelines",
        "clearbooks connect --no-browser --redirect-uri https://example.com/callback",
        "",
        "Exit codes: 0 connected, 5 refused (wrong secret, used code), 6 denied,",
        "7 an answer with the wrong state, 8 the port is taken, 9 nobody decided",
        "in time, 1 anything else.",
    ),
)
@settings_options
@click.option("--write", is_flag=True, help="Ask for reading and writing; else for reading alone.")
@click.option("--streams", metavar="NAMES", help="Ask for what these streams need, and no more.")
@click.option("--scopes", metavar="NAMES", help="Ask for exactly these scopes.")
@click.option(
    "--no-browser", is_flag=True, help="Print the address, and take the redirected one pasted back."
)
@click.option(
    "--redirect-uri",
    metavar="URL",
    help="The one registered for your application; else a loopback address.",
)
@click.option(
    "--port",
    default=0,
    type=click.IntRange(0, 65535),
    help="Port to wait on; without it a free one.",
)
@click.option(
    "--timeout",
    default=300,
    show_default=True,
    type=click.IntRange(1),
    help="Seconds to wait for the decision.",
)
@click.option(
    "--sandbox",
    "sandbox",
    is_flag=False,
    flag_value=SANDBOX,
    metavar="[URL]",
    help=f"Connect to a sandbox; {SANDBOX} unless you say where.",
)
@click.option(
    "--browser", is_flag=True, help="Decide on the sandbox's consent page, as for Clear Books."
)
@click.option(
    "--save",
    "save_path",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep the settings in this file: JSON for --config, or .env.",
)
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
    browser: bool,
    save_path: Path | None,
    yes: bool,
) -> None:
    """Connect an account: a person allows access in a browser, and the tokens are stored.

    Client ID and secret come from the settings, or are asked for. They belong to your
    application and are given out by Clear Books support. A sandbox allows access by itself,
    unless --browser is given.
    """
    if sandbox:
        _ask_sandbox("HEAD", sandbox, sandbox)
        settings = _sandbox_settings(settings, sandbox)
    settings = _credentials(settings)
    connection = for_interactive_use(settings.connection())
    asked = scopes_to_ask(connection, write=write, streams=streams, scopes=scopes)
    if save_path is not None:
        check_save_path(save_path)
        use_config("ENV" if is_env(save_path) else str(save_path))
    store = open_store(connection.token_store)
    if not _prepare_store(store, connection, sandbox=bool(sandbox), yes=yes):
        output.note("Nothing was changed.")
        raise click.exceptions.Exit(1)
    decides = bool(sandbox) and not browser and not no_browser
    listens = not (no_browser or decides) and (redirect_uri is None or can_listen(redirect_uri))
    if not listens and redirect_uri is None:
        redirect_uri = f"http://127.0.0.1:{port or 8400}/callback"
    visit = listening(port, redirect_uri) if listens else nullcontext()
    with visit as listener:
        uri = listener.redirect_uri if listener is not None else str(redirect_uri)
        consent = begin_consent(connection, uri, asked)

        def done(code: str) -> NewConnection:
            return finish(connection, consent, code, store, asked)

        if decides:
            made = done(authorisation_code(_allowed_by(str(sandbox), consent), consent.state))
        elif listener is None:
            made = _consent_by_pasting(consent, done)
        else:
            made = _consent_in_browser(consent, done, listener, timeout)
    if save_path is not None:
        save_settings(save_path, settings, (TAP, TARGET) if write else (TAP,))
    steps = _next_steps(settings, save_path, sandbox, write=write)
    _print_result(store, made, steps, settings=settings, save_path=save_path, as_json=as_json)


def _interactive() -> bool:
    """Whether a person is at the terminal and can be asked."""
    return sys.stdin.isatty()


def _sandbox_settings(settings: Settings, url: str) -> Settings:
    from clearbooks_sandbox import (
        API_PATH,
        CONSENT_PATH,
        TOKEN_PATH,
        Options,
    )

    site, shipped = url.rstrip("/"), Options()
    return settings.with_values(
        "--sandbox",
        api_url=site + API_PATH,
        token_url=site + TOKEN_PATH,
        authorize_url=site + CONSENT_PATH,
        client_id=settings.values.get("client_id") or shipped.client_id,
        client_secret=settings.values.get("client_secret") or shipped.client_secret,
    )


def _credentials(settings: Settings) -> Settings:
    """The settings with client ID and secret; a person at the terminal is asked for them.

    Raises:
        SettingError: one is missing, and nobody can be asked.
    """
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


def _prepare_store(store: TokenStore, connection: Connection, *, sandbox: bool, yes: bool) -> bool:
    """Check that the store can be written, before a person is sent to the consent page.

    Returns:
        False where the store holds a connection of this application, and the person at the
        terminal does not want it replaced.

    Raises:
        TokenStoreError: the store cannot be read or written.
    """
    name = Name.of(connection)
    mine = prepare_store(store, name)
    if mine or not sandbox:
        output.warn(REVOKES)
    if mine:
        since = output.local_time(max(chain.connected_at for chain in mine))
        output.note(f"{store.location} holds the connection {name.connection!r}, made {since}.")
        if not yes and _interactive():
            return output.confirm("Replace it?")
    if connection.access_token:
        output.warn("access_token is set: programs use it, and not what is stored now")
    return True


def _ask_sandbox(
    method: str, sandbox: str, url: str, form: dict[str, str] | None = None
) -> requests.Response:
    try:
        return requests.request(method, url, data=form, allow_redirects=False, timeout=_ANSWERS)
    except requests.RequestException:
        raise ClearBooksError(
            f"no sandbox answers at {sandbox}: start one with `clearbooks sandbox`, or say where "
            "one is: --sandbox URL"
        ) from None


def _allowed_by(sandbox: str, consent: Consent) -> str:
    """The query of the redirect with which a sandbox allows access to all its businesses.

    Raises:
        ClearBooksError: no sandbox answers there, or it does not allow it.
    """
    reply = _ask_sandbox("POST", sandbox, consent.url, {"decision": "allow"})
    if "Location" not in reply.headers:
        raise ClearBooksError(
            f"what answers at {sandbox} did not allow access (HTTP {reply.status_code}); with "
            "--browser you see its page"
        )
    return urlsplit(reply.headers["Location"]).query


def _consent_by_pasting(consent: Consent, done: Callable[[str], NewConnection]) -> NewConnection:
    output.note("Open this address in any browser, and decide there:")
    output.note(f"\n  {consent.url}\n")
    output.note(f"You are then sent to {consent.redirect_uri}, which need not show a page.")
    pasted = click.prompt("Paste the whole address you were sent to", err=True)
    return done(authorisation_code(pasted_query(pasted), consent.state))


def _consent_in_browser(
    consent: Consent, done: Callable[[str], NewConnection], listener: Listener, timeout: int
) -> NewConnection:
    listener.state = consent.state
    output.note("Opening the consent page in your browser. If none opens, go to:")
    output.note(f"\n  {consent.url}\n")
    if not webbrowser.open(consent.url):
        output.note("No browser was found here. On a server use --no-browser.")
    answer = listener.wait(timeout)
    try:
        made = done(authorisation_code(answer.query, consent.state))
    except ClearBooksError as error:
        text = str(error)
        answer.show(Page("Not connected", text[:1].upper() + text[1:] + "."))
        raise
    except BaseException:
        answer.show(Page("Not connected", "The program was stopped."))
        raise
    text = "The tokens are stored, and the program goes on by itself."
    if made.trouble:
        text += f" The businesses were not listed: {made.trouble}."
    names = [f"{business['name']} ({business['id']})" for business in made.businesses]
    answer.show(Page("Connected", text, names))
    return made


def _print_result(
    store: TokenStore,
    made: NewConnection,
    steps: list[str],
    *,
    settings: Settings,
    save_path: Path | None,
    as_json: bool,
) -> None:
    chain = made.chain
    if as_json:
        output.print_json(
            {
                "connected": True,
                "token_store": store.location,
                "client_id": chain.client_id,
                "connection": chain.connection,
                "connected_at": output.iso_time(chain.connected_at),
                "expires_at": output.iso_time(chain.expires_at),
                "scopes": made.scopes,
                "scopes_refused": made.refused,
                "businesses": made.businesses,
                "businesses_error": made.trouble,
                "saved": str(save_path) if save_path else None,
            }
        )
        return
    output.print_fields(
        [
            ("Connected", f"application {chain.client_id}"),
            ("Name", chain.connection),
            ("Tokens in", store.location),
            ("Scopes", f"{len(made.scopes)} granted"),
            *([("Settings in", str(save_path))] if save_path else []),
        ]
    )
    if made.refused:
        output.warn(f"not granted: {', '.join(made.refused)}")
    if made.trouble:
        output.warn(f"the businesses were not listed: {made.trouble}")
    else:
        number = len(made.businesses)
        click.echo(f"{number} business{'' if number == 1 else 'es'}:")
        for business in made.businesses:
            click.echo(f"  {business['id']}  {business['name']}")
    click.echo("\nNext:")
    for step in steps:
        click.echo(f"  {step}")
    if save_path is None and "typed in" in settings.origins.values():
        output.note(
            "The client secret was not kept: set CLEARBOOKS_CLIENT_SECRET for these commands and "
            "TAP_CLEARBOOKS_CLIENT_SECRET for the tap, or connect with --save FILE."
        )


def _next_steps(
    settings: Settings, save_path: Path | None, sandbox: str | None, *, write: bool
) -> list[str]:
    """What comes next, with the settings that this command was given."""
    if save_path is not None and is_env(save_path):
        return [f"{account_command('clearbooks status')}    (Meltano reads .env by itself)"]
    if save_path is None and sandbox:
        words = f"clearbooks connect --sandbox {sandbox}{' --write' if write else ''}"
        return [f"{words} --save clearbooks.json    (keeps its addresses)"]
    # What --name and the like said, as the tap has no such options.
    told = {n: settings.values[n] for n, o in settings.origins.items() if o.startswith("--")}
    given = [] if save_path else env_lines(without_passwords(told), TAP)
    tap = command("tap-clearbooks")
    if given or "--config" not in tap:
        tap += " --config ENV"
    return [" ".join([*given, tap]), account_command("clearbooks status")]
