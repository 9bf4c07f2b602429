"""`clearbooks map` and `clearbooks rebuild`: which source record is which record of the ledger."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from clearbooks.client import Client
from clearbooks.errors import SettingError
from clearbooks_app import output
from clearbooks_app.config import examples
from clearbooks_app.target_session import (
    chosen_business,
    state_store,
    target_connection,
    target_options,
)
from target_clearbooks.commands.standing import standing_id
from target_clearbooks.deliver.sending import Sender
from target_clearbooks.settings import TargetSettings, check_source
from target_clearbooks.store import open_locked
from target_clearbooks.store.ledger_map import LedgerMap
from target_clearbooks.store.outbox import close_open
from target_clearbooks.writable import WRITABLE, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clearbooks_app.config import Settings
    from target_clearbooks.store import Store

_business = click.option("--business", type=int, help="The business, where there are several.")
_stream = click.argument("stream", type=click.Choice(list(WRITABLE)))


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
    *, stream: str, external_id: str | None, business: int | None, settings: Settings,
    as_json: bool,
) -> None:  # fmt: skip
    """List what is known of STREAM, or of one EXTERNAL_ID."""
    with state_store(settings) as db:
        ledger_map = _ledger_map(settings, db, chosen_business(settings, business))
        rows = [
            {"stream": stream, "external_id": key, "id": remote_id, "lineage": lineage,
             "voided": voided, "run": run, "updated": output.iso_time(updated)}
            for key, remote_id, lineage, voided, run, updated in ledger_map.rows(
                stream, None if external_id is None else _known_key(ledger_map, stream, external_id)
            )
        ]  # fmt: skip
    if as_json:
        output.print_json(rows)
        return
    output.print_table(
        ["External ID", "ID", "Revisions", "Voided", "Run"],
        [
            [str(r["external_id"]), str(r["id"]), ", ".join(map(str, r["lineage"])),
             "yes" if r["voided"] else "", str(r["run"] or "")]
            for r in rows
        ],
    )  # fmt: skip


@map_.command(name="set", epilog=examples("clearbooks map set customers ACME 1042"))
@_stream
@click.argument("external_id")
@click.argument("id_", metavar="ID")
@_business
@target_options
def set_map(
    *, stream: str, external_id: str, id_: str, business: int | None, settings: Settings,
    as_json: bool,
) -> None:  # fmt: skip
    """Say that EXTERNAL_ID is the ledger's record ID; what was in doubt about it is settled."""
    number = chosen_business(settings, business)
    with _locked_store(settings, number) as db, Client(target_connection(settings)) as client:
        remote_id = standing_id(Sender(client, number), stream, id_)
        with db.transaction():
            ledger_map = _ledger_map(settings, db, number)
            external_id = _known_key(ledger_map, stream, external_id)
            others = [key for key in ledger_map.owners(stream, remote_id) if key != external_id]
            if others and WRITABLE[stream].kind is not Kind.CONTACT:
                raise SettingError(f"{stream} {id_} belongs to {others[0]!r}; unset that first")
            ledger_map.set(stream, external_id, remote_id, run=None)
            close_open(db, number, stream, external_id)
    if as_json:
        output.print_json({"stream": stream, "external_id": external_id, "id": remote_id})
    else:
        click.echo(f"{stream} {external_id} is {remote_id}")


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
    number = chosen_business(settings, business)
    with _locked_store(settings, number) as db, db.transaction():
        ledger_map = _ledger_map(settings, db, number)
        external_id = _known_key(ledger_map, stream, external_id)
        gone = ledger_map.unset(stream, external_id)
        if close_open(db, number, stream, external_id):
            ledger_map.say_new(stream, external_id)
            gone = True
    if not gone:
        raise SettingError(f"nothing is known of {stream} {external_id!r}")
    if as_json:
        output.print_json({"stream": stream, "external_id": external_id, "id": None})
    else:
        click.echo(f"{stream} {external_id} is forgotten")


@map_.command(name="source", epilog=examples("clearbooks map source shop-a"))
@click.argument("name")
@_business
@target_options
def source_of_map(*, name: str, business: int | None, settings: Settings, as_json: bool) -> None:
    """Say that what was written without the setting `source` is of the source NAME.

    Its records are known again once `source` is set to NAME.
    """
    check_source(name)
    number = chosen_business(settings, business)
    with _locked_store(settings, number) as db, db.transaction():
        LedgerMap(db, number).own_keys_of(name)
    if as_json:
        output.print_json({"business": number, "source": name})
    else:
        click.echo(f"keys without a namespace are those of {name}")


def _ledger_map(settings: Settings, db: Store, business: int) -> LedgerMap:
    return LedgerMap(db, business, TargetSettings.from_config(settings.values).source)


def _known_key(ledger_map: LedgerMap, stream: str, external_id: str) -> str:
    """The source key that a person means: as it is stored, or as the record gives it."""
    return ledger_map.known_as(stream, *ledger_map.keys_of(external_id), external_id)


@contextmanager
def _locked_store(settings: Settings, business: int) -> Iterator[Store]:
    """The state store, with the lock that keeps runs from writing into the business.

    Raises:
        ClearBooksError: a run holds the lock, or the store cannot be opened.
    """
    location = TargetSettings.from_config(settings.values).state_store
    store, locks = open_locked(settings.connection(), location, [business])
    try:
        yield store
    finally:
        store.close()
        locks.release()


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
    from target_clearbooks.commands.rebuild import rebuild as restore

    number = chosen_business(settings, business)
    connection = target_connection(settings)
    with _locked_store(settings, number) as db, Client(connection) as client:
        found = restore(db, Sender(client, number), connection.max_in_flight)
    if as_json:
        output.print_json(dict(found))
        return
    output.print_table(
        ["Stream", "Found"], [[stream, str(n)] for stream, n in sorted(found.items())]
    )
