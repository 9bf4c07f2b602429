"""What the pages of a business's books share: finding the books, and the frame around a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clearbooks_sandbox.pages.listing import SIZE, paged
from clearbooks_sandbox.pages.render import page
from clearbooks_sandbox.pages.sections import GROUPS, label
from clearbooks_sandbox.pages.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from clearbooks_sandbox.accounting.books import Books
    from clearbooks_sandbox.accounting.engine import AccountingEngine
    from clearbooks_sandbox.accounting.reader import Row
    from clearbooks_sandbox.pages.filters import Filter
    from clearbooks_sandbox.pages.table import Column

    View = Callable[[Request, Books], Response]


class MissingError(Exception):
    """What a path names is not there."""


def missing(what: str, back: str) -> Response:
    """The page that says so, with a way back."""
    return page(
        "message.html",
        status=404,
        title="Not found",
        text=f"There is no {what} here.",
        back=(back, "Go back"),
    )


def find(read: Callable[[int], Any], what: str, number: int) -> Any:
    """What is read for a number.

    Raises:
        MissingError: it is not there.
    """
    try:
        return read(number)
    except (KeyError, OverflowError):
        # SQLite takes no number as great as a path may hold.
        raise MissingError(f"{what} {number}") from None


def of_business(engine: AccountingEngine, view: View) -> Callable[[Request], Response]:
    """Hand the view the books of the business in the path, or say that there are none."""

    def found(request: Request) -> Response:
        business_id = request.path_params["business"]
        try:
            books = engine.books(business_id)
        except KeyError:
            return missing(f"business {business_id}", "/books/")
        try:
            return view(request, books)
        except MissingError as error:
            return missing(str(error), f"/books/{business_id}/")

    return found


def books_page(template: str, books: Books, here: str, **context: Any) -> Response:
    """A page of a business's books, in the section `here`."""
    group = next(name for name, sections in GROUPS.items() if here in sections)
    return page(
        template,
        business=books.business(),
        base=base_of(books),
        here=here,
        group=group,
        groups={name: sections[0] for name, sections in GROUPS.items()},
        sections=[(section, label(section)) for section in GROUPS[group] if section],
        **context,
    )


def base_of(books: Books) -> str:
    """What the addresses of a business's pages begin with."""
    return f"/books/{books.business_id}/"


def listing(
    request: Request,
    base: str,
    columns: Sequence[Column],
    rows: Sequence[Row],
    entered: Filter,
    foot: Sequence[tuple[str, Row]] = (),
    *,
    size: int = SIZE,
    complete: Callable[[Row], Row] | None = None,
) -> dict[str, Any]:
    """What a template needs for one page of the rows in a table, with filter and pager.

    `complete` adds to a row what is wanted only where the row is shown.
    """
    shown = paged(rows, request.query_params.get("page", ""), size)
    found = list(map(complete, shown.rows)) if complete else shown.rows
    return {
        "listing": shown,
        "table": Table(columns, found, base, foot),
        "filter": entered,
        "path": request.url.path,
        "status": entered.status,
    }
