"""`clearbooks map` and `clearbooks rebuild`: which source record is which record of the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from clearbooks_app import output
from clearbooks_app.config import examples
from clearbooks_app.operations import identities
from clearbooks_app.target_session import chosen_business, target_options
from target_clearbooks.writable import WRITABLE

if TYPE_CHECKING:
    from clearbooks_app.config import Settings

_business = click.option("--business", type=int, help="The business, where there are several.")
_stream = click.argument("stream", metavar="STREAM", type=click.Choice(list(WRITABLE)))


@click.group(name="map", short_help="Show and set which source record is which in the ledger.")
def map_() -> None:
    """Show and set which source record is which record of the ledger."""


@map_.command(
    name="show",
    epilog=examples(
        "clearbooks map show customers", "clearbooks map show sales_invoices INV-7 --json"
    ),
)
@_stream
@click.argument("external_id", required=False)
@_business
@target_options
def show_map(
    *, stream: str, external_id: str | None, business: int | None, settings: Settings, as_json: bool
) -> None:
    """List what is known of STREAM, or of one EXTERNAL_ID."""
    rows = identities.known(settings, chosen_business(settings, business), stream, external_id)
    if as_json:
        output.print_json(
            [
                {
                    "stream": stream,
                    "external_id": r.external_id,
                    "id": r.id,
                    "lineage": r.lineage,
                    "voided": r.voided,
                    "run": r.run,
                    "updated": output.iso_time(r.updated),
                }
                for r in rows
            ]
        )
        return
    output.print_table(
        ["External ID", "ID", "Revisions", "Voided", "Run"],
        [
            [
                r.external_id,
                str(r.id),
                ", ".join(map(str, r.lineage)),
                "yes" if r.voided else "",
                r.run or "",
            ]
            for r in rows
        ],
    )


@map_.command(name="set", epilog=examples("clearbooks map set customers ACME 1042"))
@_stream
@click.argument("external_id")
@click.argument("id_", metavar="ID")
@_business
@target_options
def set_map(
    *,
    stream: str,
    external_id: str,
    id_: str,
    business: int | None,
    settings: Settings,
    as_json: bool,
) -> None:
    """Say that EXTERNAL_ID is the ledger's record ID; what was in doubt about it is settled."""
    number = chosen_business(settings, business)
    remote_id = identities.set_identity(settings, number, stream, external_id, id_)
    if as_json:
        output.print_json({"stream": stream, "external_id": external_id, "id": remote_id})
    else:
        output.say(f"{stream} {external_id} is {remote_id}")


@map_.command(name="unset", epilog=examples("clearbooks map unset customers ACME"))
@_stream
@click.argument("external_id")
@_business
@target_options
def unset_map(
    *, stream: str, external_id: str, business: int | None, settings: Settings, as_json: bool
) -> None:
    """Forget EXTERNAL_ID, and what was in doubt about it: the next run may send it (again).

    What was set aside since the ledger held something like it is another record then.
    """
    identities.unset_identity(settings, chosen_business(settings, business), stream, external_id)
    if as_json:
        output.print_json({"stream": stream, "external_id": external_id, "id": None})
    else:
        output.say(f"{stream} {external_id} is forgotten")


@map_.command(name="source", epilog=examples("clearbooks map source shop-a"))
@click.argument("name")
@_business
@target_options
def source_of_map(*, name: str, business: int | None, settings: Settings, as_json: bool) -> None:
    """Say that what was written without the setting `source` is of the source NAME.

    Its records are known again once `source` is set to NAME.
    """
    number = chosen_business(settings, business)
    identities.name_source(settings, number, name)
    if as_json:
        output.print_json({"business": number, "source": name})
    else:
        output.say(f"keys without a namespace are those of {name}")


@click.command(
    short_help="Restore the map from the ledger.",
    epilog=examples("clearbooks rebuild --config target.json"),
)
@_business
@target_options
def rebuild(*, business: int | None, settings: Settings, as_json: bool) -> None:
    """Read the ledger's markers into the state store, after the old store was lost.

    Contacts are known again at once by their external IDs. Documents and payments are known again
    by their markers, as soon as the source sends their records.
    """
    found = identities.rebuild(settings, chosen_business(settings, business))
    if as_json:
        output.print_json(dict(found))
        return
    output.print_table(
        ["Stream", "Found"], [[stream, str(n)] for stream, n in sorted(found.items())]
    )
