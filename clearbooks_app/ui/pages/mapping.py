"""Mapping: what the source calls accounts, VAT, contacts and bank accounts, and what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearbooks.errors import SettingError
from clearbooks_app.operations import identities, names
from clearbooks_app.operations.numbers import whole
from clearbooks_app.ui.pages.view import business_of, field, page, to
from clearbooks_sandbox.pages.render import link

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request
    from starlette.responses import Response

    from clearbooks_app.ui.site import Site

_HERE = "/mapping"
# Of more than these a field with suggestions is quicker to use than a list.
_MOST_LISTED = 200
_MOST_KNOWN = 500
TITLES = {
    "accountCode": "Accounts",
    "vatRate": "VAT rates",
    "vatTreatment": "VAT treatments",
    "customer": "Customers",
    "supplier": "Suppliers",
    "bankAccount": "Bank accounts",
    "stockItem": "Stock items",
}
_CONTACTS = {"customer": "customers", "supplier": "suppliers"}


def every(site: Site, request: Request) -> Response:
    """The names of one kind, beside the ledger's."""
    kind = request.query_params.get("kind", "accountCode")
    kind = kind if kind in TITLES else "accountCode"
    business = business_of(site, request)
    context: dict[str, Any] = {}
    if business is not None:
        (found,) = names.naming(site.settings(), business, [kind])
        context = {
            "naming": found,
            "listed": len(found.choices) <= _MOST_LISTED,
            "by_value": {str(choice.value): choice.name for choice in found.choices},
            "known": _known(site, business, kind),
        }
    return page(
        site,
        request,
        "mapping.html",
        _HERE,
        kind=kind,
        titles=TITLES,
        business=business,
        references=site.references,
        stream=_CONTACTS.get(kind),
        **context,
    )


def _known(site: Site, business: int, kind: str) -> list[identities.Identity]:
    """Contacts of the source that are known by their own IDs."""
    if kind not in _CONTACTS or not _has_store(site):
        return []
    found = identities.known(site.settings(), business, _CONTACTS[kind])
    return found[:_MOST_KNOWN]


def _has_store(site: Site) -> bool:
    from clearbooks_app.target_session import state_store
    from target_clearbooks.store import NoStoreError

    try:
        with state_store(site.settings()):
            return True
    except NoStoreError:
        return False


def save(site: Site, _request: Request, form: FormData) -> Response:
    """Keep what names stand for, in the file of `references`."""
    kind, business = field(form, "kind"), field(form, "business")
    if kind not in TITLES:
        raise SettingError(f"kind: should be one of {', '.join(TITLES)}")
    given_names, values = form.getlist("name"), form.getlist("value")
    if len(given_names) != len(values):
        raise SettingError("each name needs one value; an empty one takes the name out")
    given = [(str(n).strip(), str(v).strip()) for n, v in zip(given_names, values, strict=True)]
    # Of a long list a value comes with its name; other text with a space in it is a name.
    listed = {}
    number = whole(business)
    if number is not None and any(" " in value for _, value in given):
        found = names.ledger_names(site.settings(), number, [kind])
        listed = {f"{choice.value} {choice.name}": str(choice.value) for choice in found[kind]}
    wanted = {n: names.as_reference(kind, listed.get(v, v)) for n, v in given if n}
    # A name without anything beside it stands for itself, as before.
    names.save_names(site.references, site.settings().values.get("references") or {}, kind, wanted)
    number = sum(value is not None for value in wanted.values())
    words = f"{number} names of {TITLES[kind].lower()} are in {site.references}."
    return to(link(_HERE, kind=kind, business=business, notice=words))


def identify(site: Site, _request: Request, form: FormData) -> Response:
    """Say which contact of the ledger one of the source is, or forget it."""
    kind, business = field(form, "kind"), whole(field(form, "business"))
    key, given = field(form, "key"), field(form, "id")
    if kind not in _CONTACTS or business is None or not key:
        raise SettingError("give the ID of the source, and that of the contact in Clear Books")
    stream, settings = _CONTACTS[kind], site.settings()
    if given:
        number = given.partition(" ")[0]
        identities.set_identity(settings, business, stream, key, number)
        words = f"{stream} {key} is {number}."
    else:
        identities.unset_identity(settings, business, stream, key)
        words = f"{stream} {key} is forgotten."
    return to(link(_HERE, kind=kind, business=business, notice=words))
