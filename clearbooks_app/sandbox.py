"""`clearbooks sandbox`: serve a stand-in Clear Books until Ctrl-C."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clearbooks.distribution import install
from clearbooks_app import output

if TYPE_CHECKING:
    from clearbooks_sandbox import AccountingEngine, Options

DATABASE = "sandbox.sqlite3"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
SERVER_MODULES = ("starlette", "uvicorn", "h11", "jinja2", "multipart", "python_multipart", "anyio")


@click.command(short_help="Run a stand-in Clear Books to try things on.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8350,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the books in this directory; without it they end with the program.",
)
@click.option("--demo", is_flag=True, help="Begin with a business made from real UK records.")
@click.option(
    "--rate", type=click.FloatRange(min=0, min_open=True), help="Requests a second, then 429."
)
@click.option(
    "--burst",
    default=10,
    show_default=True,
    type=click.IntRange(1),
    help="Requests that may come at once before --rate holds.",
)
@click.option("--retry-after", is_flag=True, help="Say in a 429 when to come back.")
@click.option("--latency-ms", default=0, type=click.IntRange(0), help="Time added to every answer.")
@click.option("--page-cap", type=click.IntRange(1, 200), help="Most results on a page.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="SPEC",
    help="A fault to make, such as error:0.1 or slow:0.1:2.0; see --faults.",
)
@click.option(
    "--dialect",
    "dialects",
    multiple=True,
    metavar="NAME",
    help="A way to differ from the reference; see --dialects.",
)
@click.option(
    "--feature",
    "features",
    multiple=True,
    metavar="NAME",
    help="What is switched on for the businesses; see --features.",
)
@click.option(
    "--vat-finalised",
    metavar="DATE",
    help="The VAT returns up to this day are finalised: their documents stay as they are.",
)
@click.option("--client-id", default="sandbox", show_default=True)
@click.option("--client-secret", default="sandbox-secret", show_default=True)
@click.option(
    "--refresh-token",
    default="sandbox-refresh-token",
    show_default=True,
    help="A refresh token that is there from the start; empty for none.",
)
@click.option(
    "--access-token",
    default="sandbox-access-token",
    show_default=True,
    help="An access token that never expires; empty for none.",
)
@click.option(
    "--expires-in",
    default=3600,
    show_default=True,
    type=click.IntRange(1),
    help="Life of other access tokens in seconds.",
)
@click.option("--faults", "show_faults", is_flag=True, help="List the faults and leave.")
@click.option("--dialects", "show_dialects", is_flag=True, help="List the dialects and leave.")
@click.option("--features", "show_features", is_flag=True, help="List the features and leave.")
def sandbox(
    *,
    host: str,
    port: int,
    data: Path | None,
    demo: bool,
    show_faults: bool,
    show_dialects: bool,
    show_features: bool,
    faults: tuple[str, ...],
    dialects: tuple[str, ...],
    features: tuple[str, ...],
    **rest: Any,
) -> None:
    """Serve a stand-in Clear Books: API, consent page, and its books on a web page."""
    try:
        from clearbooks_sandbox import (
            DIALECTS,
            FAULTS,
            FEATURES,
            Options,
            create_app,
            listen,
            serve,
        )
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in SERVER_MODULES:
            raise
        raise click.ClickException(
            f"the sandbox needs its web server: {install('sandbox')}"
        ) from error
    lists = ((show_faults, FAULTS), (show_dialects, DIALECTS), (show_features, FEATURES))
    if any(shown for shown, _ in lists):
        _print_descriptions({k: v for shown, known in lists if shown for k, v in known.items()})
        return
    options = Options(faults=list(faults), dialects=list(dialects), features=list(features), **rest)
    engine = _open_engine(data)
    try:
        _add_books(engine, demo=demo)
        app = create_app(engine, options)
        listener = listen(host, port)
    except ValueError as error:
        engine.close()
        raise click.ClickException(str(error)) from None
    except OSError as error:
        engine.close()
        raise click.ClickException(
            f"cannot listen on {host}:{port}: {error.strerror}; --port names another one"
        ) from None
    with listener:
        _print_greeting(engine, options, host, listener.getsockname()[1], data)
        try:
            serve(app, listener)
        except KeyboardInterrupt:
            click.echo("Stopped.")
        finally:
            engine.close()


def _print_descriptions(known: dict[str, str]) -> None:
    width = max(map(len, known))
    for name, text in known.items():
        output.say(f"{name:{width}}  {text}", indent=width + 2)


def _open_engine(data: Path | None) -> AccountingEngine:
    from clearbooks_sandbox import AccountingEngine, DatabaseInUseError

    try:
        if data:
            data.mkdir(parents=True, exist_ok=True)
        return AccountingEngine(data / DATABASE if data else None)
    except DatabaseInUseError as error:
        raise click.ClickException(f"--data: {error}; stop the other sandbox first") from None
    except OSError as error:
        raise click.ClickException(f"--data {data}: {error.strerror}") from None


def _add_books(engine: AccountingEngine, *, demo: bool) -> None:
    """Add a business to an empty database; one that holds books is left as it is."""
    if engine.business_ids():
        return
    if demo:
        from clearbooks_sandbox.demo import build

        build(engine)
    else:
        engine.add_business("Sandbox Limited")


def _print_greeting(
    engine: AccountingEngine, options: Options, host: str, port: int, data: Path | None
) -> None:
    shown = f"[{host}]" if ":" in host else host
    site = f"http://{shown}:{port}"
    names = {number: engine.books(number).business()["name"] for number in engine.business_ids()}
    rows = [
        ("Clear Books sandbox", f"{site}/books/"),
        ("API", f"{site}/v1"),
        ("token URL", f"{site}/oauth/token"),
        ("consent page", f"{site}/account/action/oauth/"),
        ("businesses", ", ".join(f"{name} ({number})" for number, name in names.items())),
        ("books", f"{data / DATABASE}" if data else "in memory: they end with this program"),
        ("client_id", options.client_id),
        ("client_secret", options.client_secret),
        ("refresh_token", options.refresh_token or "none"),
        ("access_token", options.access_token or "none"),
    ]
    for name, value in rows:
        output.say(f"{name + ':':21}{value}", indent=21)
    if options.access_token:
        click.echo("\nTry it:")
        click.echo(
            f"  TAP_CLEARBOOKS_API_URL={site}/v1 "
            f"TAP_CLEARBOOKS_ACCESS_TOKEN={options.access_token} tap-clearbooks --config ENV"
        )
    if host not in LOOPBACK:
        output.say(f"\nAnybody who reaches {host} can use it: its credentials are no secret.")
    click.echo("\nCtrl-C ends it.")
