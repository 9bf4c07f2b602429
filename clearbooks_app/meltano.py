"""`clearbooks meltano-config`: settings for `.env` or `meltano.yml`."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import click
import yaml

from clearbooks.settings import connection_properties, is_postgres
from clearbooks_app import output
from clearbooks_app.config import examples, settings_options
from clearbooks_app.save_settings import TAP, TARGET, env_lines, values_to_save

if TYPE_CHECKING:
    from clearbooks_app.config import Settings

PLUGINS = {
    "tap": ("extractors", "tap-clearbooks", TAP),
    "target": ("loaders", "target-clearbooks", TARGET),
}


@click.command(
    short_help="Print settings for Meltano.",
    epilog=examples(
        "clearbooks meltano-config --config clearbooks.json --show-secrets >> .env",
        "clearbooks meltano-config --config clearbooks.json --format yaml",
        "clearbooks meltano-config --plugin target",
    ),
)
@settings_options
@click.option(
    "--format",
    "kind",
    type=click.Choice(["env", "yaml"]),
    default="env",
    show_default=True,
    help="Lines for .env, or a part of meltano.yml.",
)
@click.option(
    "--plugin",
    "plugins",
    type=click.Choice(list(PLUGINS)),
    multiple=True,
    help="For which plugin; more than one may be given. Default: tap.",
)
@click.option("--show-secrets", is_flag=True, help="Print secrets in the lines for .env.")
def meltano_config(
    *, settings: Settings, as_json: bool, kind: str, plugins: tuple[str, ...], show_secrets: bool
) -> None:
    """Print the settings for Meltano: lines for `.env`, or a part of `meltano.yml`.

    Secrets belong in `.env`, never in `meltano.yml`, and are printed only when asked for.
    """
    settings.connection()
    values = values_to_save(settings)
    secret = {n for n, s in connection_properties().items() if s.get("writeOnly")} & set(values)
    # The URL of a database may hold a password.
    if is_postgres(str(values.get("token_store", ""))):
        secret.add("token_store")
    chosen = dict.fromkeys(plugins or ("tap",))
    if as_json:
        output.print_json(
            {
                PLUGINS[p][1]: {n: output.MASK if n in secret else v for n, v in values.items()}
                for p in chosen
            }
        )
    elif kind == "yaml":
        _print_yaml(values, secret, list(chosen))
    else:
        for plugin in chosen:
            _print_env(values, set() if show_secrets else secret, PLUGINS[plugin][2])


def _print_env(values: dict[str, Any], hidden: set[str], prefix: str) -> None:
    for line in env_lines({n: v for n, v in values.items() if n not in hidden}, prefix):
        click.echo(line)
    for name in sorted(hidden):
        click.echo(f"# {prefix}{name.upper()}=  (a secret: --show-secrets prints it)")


def _print_yaml(values: dict[str, Any], secret: set[str], chosen: list[str]) -> None:
    config = {name: value for name, value in values.items() if name not in secret}
    plugins: dict[str, list[dict[str, Any]]] = {}
    for plugin in chosen:
        group, name, _ = PLUGINS[plugin]
        plugins.setdefault(group, []).append(
            # A copy, since PyYAML writes an object that it meets again as an alias (`*id001`).
            {"name": name, "config": copy.deepcopy(config)}
        )
    click.echo(yaml.safe_dump({"plugins": plugins}, sort_keys=False, allow_unicode=True), nl=False)
    for plugin in chosen:
        for name in sorted(secret):
            click.echo(f"# into .env, never here: {PLUGINS[plugin][2]}{name.upper()}")
