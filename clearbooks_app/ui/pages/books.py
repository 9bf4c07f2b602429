"""The books of a loaded warehouse: trial balance, debtors and VAT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clearbooks_app.operations.warehouse import reports
from clearbooks_app.ui.pages.view import business_of, page
from clearbooks_app.ui.site import MissingError
from clearbooks_sandbox.pages.render import money

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from clearbooks_app.ui.site import Site

_CHARTED = 12
_QUARTERS = 12


def every(site: Site, request: Request) -> Response:
    """The reports of a business at a day."""
    if not site.warehouse:
        raise MissingError("no warehouse is named: start the page with --warehouse")
    asked = request.query_params.get("business", "")
    found = reports(
        site.warehouse,
        site.schema,
        business_of(site, request),
        request.query_params.get("date", ""),
    )
    if asked and asked != str(found.business):
        raise MissingError(f"the warehouse holds no business {asked}")
    largest = sorted(found.trial_balance, key=lambda row: abs(row["balance"]), reverse=True)
    return page(
        site,
        request,
        "books.html",
        "/books",
        found=found,
        balances=[
            (row["account"], row["balance"], money(row["balance"])) for row in largest[:_CHARTED]
        ],
        debit=sum(row["debit"] for row in found.trial_balance),
        credit=sum(row["credit"] for row in found.trial_balance),
        owed=[
            (str(row["contact"]), row["total"], money(row["total"]))
            for row in found.debtors[:_CHARTED]
        ],
        due=[
            (f"{row['period_end']:%b %Y}", row["box_5"], money(row["box_5"]))
            for row in found.vat[:_QUARTERS]
        ],
    )
