"""Mappings and decisions over the API."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from clearbooks.errors import SettingError
from clearbooks_app.operations import doubts
from clearbooks_app.operations.identities import set_identity
from clearbooks_app.operations.names import read_references, save_names
from clearbooks_app.operations.unified_models import MODELS
from clearbooks_app.ui.api import shapes
from clearbooks_app.ui.api.connections import require_known
from clearbooks_app.ui.api.endpoint import Endpoint
from clearbooks_app.ui.site import MissingError

if TYPE_CHECKING:
    from clearbooks_app.operations.writing import Written
    from clearbooks_app.ui.site import Site


def _fields(site: Site, params: shapes.OfConnection, _: None) -> shapes.FieldMappings:
    require_known(site, params.connection)
    found = [
        shapes.FieldMapping(
            name,
            prefix + f.name,
            part.stream,
            inside + f.source,
            inside + f.write if f.write and part.written else None,
        )
        for name, model in MODELS.items()
        for part in model.parts
        for prefix, inside, fields in _levels(part)
        for f in fields
    ]
    return shapes.FieldMappings(found, site.settings().values.get("references") or {})


def _levels(part: Any) -> list[tuple[str, str, Any]]:
    levels = [("", "", part.fields)]
    if part.lines is not None:
        name, source, fields = part.lines
        levels.append((f"{name}[].", f"{source}[].", fields))
    return levels


def _contact(
    site: Site, params: shapes.OfBusiness, body: shapes.MapContact
) -> shapes.MappedContact:
    require_known(site, params.connection)
    found = set_identity(
        site.settings(params.connection),
        params.business,
        body.stream,
        body.external_id,
        str(body.contact_id),
    )
    return shapes.MappedContact(body.stream, body.external_id, found)


def _bank_account(
    site: Site, params: shapes.OfBusiness, body: shapes.MapBankAccount
) -> shapes.MappedBankAccount:
    require_known(site, params.connection)
    check_bank_account(site, params.connection, params.business, body.bank_account_id)
    before = site.settings().values.get("references") or {}
    save_names(site.references, before, "bankAccount", {body.name: body.bank_account_id})
    return shapes.MappedBankAccount(
        body.name, body.bank_account_id, read_references(site.references)
    )


def check_bank_account(site: Site, connection: str, business: int, number: int) -> None:
    """Make sure that a business has a bank account.

    Raises:
        MissingError: it has not.
    """
    from clearbooks_app.operations.names import ledger_names

    known = ledger_names(site.settings(connection), business, ["bankAccount"])["bankAccount"]
    if number not in [choice.value for choice in known]:
        listed = ", ".join(f"{choice.value} {choice.name}" for choice in known)
        raise MissingError(f"bank account {number} is not in business {business}: {listed}")


def _doubts(site: Site, params: shapes.Paged, _: None) -> shapes.Doubts:
    rows = doubts.list_doubts(site.settings(), after=params.cursor, limit=params.limit + 1)
    page = rows[: params.limit]
    more = str(page[-1].id) if len(rows) > params.limit else None
    return shapes.Doubts([asdict(row) for row in page], more)


def _decide(site: Site, params: shapes.OfDoubt, body: shapes.Decision) -> shapes.Decided:
    settings = site.settings()
    try:
        doubt = doubts.find_doubt(settings, params.doubt)
    except SettingError as error:
        raise MissingError(str(error)) from None
    done: Written | None = None
    if body.decision == "choose":
        if body.id is None:
            raise SettingError("id: which record of the ledger is it?")
        done = doubts.choose(settings, doubt, body.id, body.field)
    elif body.decision == "create":
        done = doubts.create(settings, doubt)
    elif body.decision == "send":
        record = doubt.record if body.record is None else body.record
        done = doubts.send(settings, doubt, record)
    else:
        doubts.drop(settings, doubt)
    if done is None:
        return shapes.Decided(True, [])
    return shapes.Decided(done.exit_code == 0, done.results)


_TAG = "mappings"
ENDPOINTS = (
    Endpoint(
        id="getFieldMappings",
        method="GET",
        path="/api/connections/{connection}/field-mappings",
        summary="Get the field mappings",
        description="Each field of a model beside that of Clear Books, and the setting "
        "`references`: what names of the source stand for.",
        tag=_TAG,
        params=shapes.OfConnection,
        result=shapes.FieldMappings,
        call=_fields,
    ),
    Endpoint(
        id="mapContact",
        method="POST",
        path="/api/connections/{connection}/businesses/{business}/contacts/mappings",
        summary="Map a contact",
        description="Says that a contact of the source is one of Clear Books; what was in doubt "
        "about it is settled.",
        tag=_TAG,
        params=shapes.OfBusiness,
        body=shapes.MapContact,
        result=shapes.MappedContact,
        call=_contact,
    ),
    Endpoint(
        id="mapBankAccount",
        method="POST",
        path="/api/connections/{connection}/businesses/{business}/bank-accounts/mappings",
        summary="Map a bank account",
        description="Says what a name of the source stands for, in the file of `references` that "
        "the target reads.",
        tag=_TAG,
        params=shapes.OfBusiness,
        body=shapes.MapBankAccount,
        result=shapes.MappedBankAccount,
        call=_bank_account,
    ),
    Endpoint(
        id="listDoubts",
        method="GET",
        path="/api/doubts",
        summary="List the records that wait for a person",
        tag=_TAG,
        params=shapes.Paged,
        result=shapes.Doubts,
        call=_doubts,
    ),
    Endpoint(
        id="decide",
        method="POST",
        path="/api/doubts/{doubt}",
        summary="Decide what becomes of a record",
        description="`choose` one of its candidates, `create` it as another one, `drop` it, or "
        "`send` it again, corrected.",
        tag=_TAG,
        params=shapes.OfDoubt,
        body=shapes.Decision,
        result=shapes.Decided,
        call=_decide,
    ),
)
