"""`clearbooks ui`: a page for people, with an API for programs."""

from __future__ import annotations

import os
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearbooks.distribution import install
from clearbooks.errors import SettingError
from clearbooks_app import output
from clearbooks_app.config import examples
from clearbooks_app.sandbox import SERVER_MODULES

if TYPE_CHECKING:
    from clearbooks_app.ui.site import Site

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(
    short_help="Open a page for people, with an API for programs.",
    epilog=examples(
        "clearbooks ui --config clearbooks.json",
        "clearbooks ui --config clearbooks.json --loader 'target-duckdb --config duckdb.json'",
        "clearbooks ui --pipeline 'meltano run ledger-to-books' --warehouse output/sandbox.duckdb",
        "clearbooks ui --host 0.0.0.0 --tls-cert books.crt --tls-key books.key",
    ),
)
@click.option(
    "--config",
    "configs",
    multiple=True,
    metavar="FILE",
    help="JSON file of settings, as for the programs; ENV for the environment (the default).",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8360,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--loader",
    default="",
    metavar="COMMAND",
    help="A Singer target for what is read, with what it is given.",
)
@click.option(
    "--pipeline",
    default="",
    metavar="COMMAND",
    help="A command that reads into a warehouse, instead of a loader.",
)
@click.option("--state", type=_FILE, help="The tap's state, where a loader is used.")
@click.option(
    "--references",
    type=_FILE,
    default=Path("references.json"),
    show_default=True,
    help="File of settings that the mapping page writes.",
)
@click.option(
    "--warehouse",
    default="",
    metavar="WHERE",
    envvar="CLEARBOOKS_UI_WAREHOUSE",
    help="A DuckDB file or postgresql:// URL with the books, opened for reading.",
)
@click.option("--schema", default="books", show_default=True, help="The schema of the books.")
@click.option(
    "--public-url", default="", metavar="URL", help="The https address of a proxy in front."
)
@click.option("--tls-cert", type=_FILE, help="PEM file of a certificate.")
@click.option("--tls-key", type=_FILE, help="PEM file of its key.")
@click.option(
    "--password-file", type=_FILE, help="Holds what people sign in with; or CLEARBOOKS_UI_PASSWORD."
)
@click.option("--no-browser", is_flag=True, help="Print the address, and open nothing.")
def ui(*, configs: tuple[str, ...], no_browser: bool, **options: Any) -> None:
    """Serve a page about connections, runs, plans and mappings until Ctrl-C.

    It is for this machine alone, and for whoever has the address that it prints; each address
    works once. With CLEARBOOKS_UI_API_TOKEN in the environment programs may use its API.
    """
    try:
        from clearbooks_app.ui.access import Access, Doors
        from clearbooks_app.ui.server import serve
        from clearbooks_app.ui.site import Site
        from clearbooks_sandbox import listen
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in SERVER_MODULES:
            raise
        raise SettingError(f"the page needs its web server: {install('ui')}") from error
    host, port = options.pop("host"), options.pop("port")
    given: dict[str, Any] = {
        "host": host,
        "public_url": options.pop("public_url"),
        "certificate": options.pop("tls_cert"),
        "key": options.pop("tls_key"),
        "password": _password(options.pop("password_file")),
        "api_token": os.environ.get("CLEARBOOKS_UI_API_TOKEN", "").strip(),
    }
    # Before anything is listened on.
    Doors(**given)
    if options["loader"] and options["pipeline"]:
        raise SettingError("choose one of --loader and --pipeline")
    try:
        listener = listen(host, port)
    except OSError as error:
        raise SettingError(
            f"cannot listen on {host}:{port}: {error.strerror}; --port names another one"
        ) from None
    with listener:
        doors = Doors(**given, port=listener.getsockname()[1])
        site = Site(
            access=Access(doors, lambda address: output.note(f"For another browser: {address}")),
            configs=configs,
            **options,
        )
        site.settings()
        _greet(site, no_browser=no_browser)
        try:
            serve(site, listener)
        except KeyboardInterrupt:
            click.echo("Stopped.")


def _greet(site: Site, *, no_browser: bool) -> None:
    address = site.access.new_address()
    click.echo(f"Open this address; it works once:\n\n  {address}\n")
    click.echo(f"API:   {site.access.doors.url}/api/openapi.json")
    if not site.access.doors.api_token:
        click.echo("       (for programs: set CLEARBOOKS_UI_API_TOKEN)")
    click.echo("Ctrl-C ends it. Work that was started goes on.")
    if not no_browser and not site.access.doors.password:
        webbrowser.open(address)


def _password(file: Path | None) -> str:
    if file is None:
        return os.environ.get("CLEARBOOKS_UI_PASSWORD", "")
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"--password-file {file}: cannot be read: {error}") from None
