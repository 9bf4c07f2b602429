"""Templates and their filters: HTML from what a page shows."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from jinja2 import ChainableUndefined, Environment, PackageLoader, Undefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from clearbooks_sandbox.accounting.money import HOME

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACES = 2
# No `form-action`: Chromium applies it to the redirect that ends the consent, too.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_TONES = {"paid": "good", "voided": "bad"}


def money(value: object, currency: object = HOME) -> str:
    """An amount with two places, groups of three, and a real minus sign; empty for nothing."""
    if value is None or isinstance(value, Undefined):
        return ""
    amount = Decimal(str(value))
    text = f"{abs(amount):,.2f}"
    if amount < 0:
        text = f"\N{MINUS SIGN}{text}"
    if not currency or isinstance(currency, Undefined) or currency == HOME:
        return text
    return f"{currency} {text}"


def price(value: object) -> str:
    """A unit price: two places, or all of them where it has more."""
    digits = quantity(value)
    return digits if len(digits.partition(".")[2]) > _PLACES else money(value)


def pounds(value: object) -> str:
    """An amount of the home currency with its sign, for figures that stand alone."""
    text = money(value)
    minus = "\N{MINUS SIGN}"
    return f"{minus}£{text[1:]}" if text.startswith(minus) else f"£{text}"


def quantity(value: object) -> str:
    """A number of units without trailing zeros."""
    if value is None or isinstance(value, Undefined):
        return ""
    number = Decimal(str(value))
    # `normalize` would write 100 as 1E+2.
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", "\N{MINUS SIGN}")


def day(value: object) -> str | Markup:
    """An ISO date, or date and time, as people write it, in a `time` element."""
    if not value or isinstance(value, Undefined):
        return ""
    text = value.isoformat() if isinstance(value, date) else str(value)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    shown = f"{moment.day} {moment:%b %Y}"
    if len(text) > len("2010-12-01"):
        shown += f", {moment:%H:%M}"
    return Markup('<time datetime="{}">{}</time>').format(text, shown)


def second(value: object) -> Markup:
    """A moment, to the second, in a `time` element."""
    moment = datetime.fromisoformat(str(value))
    shown = f"{moment.day} {moment:%b %Y, %H:%M:%S}"
    return Markup('<time datetime="{}">{}</time>').format(moment.isoformat(), shown)


def tag(status: object, tone: object = None) -> Markup:
    """A status in the colour of its tone; without one, in the colour of the status."""
    css = tone or _TONES.get(str(status), "plain")
    return Markup('<span class="tag {}">{}</span>').format(css, words(status))


def code(text: object) -> Markup:
    """Text that machines read."""
    return Markup("<code>{}</code>").format(text) if text else Markup("")


def words(text: object) -> str:
    """`creditNote` as `credit note`."""
    return "".join(f" {c.lower()}" if c.isupper() else c for c in str(text)).strip()


def link(path: str, **query: object) -> str:
    """A path with those query parameters that have a value."""
    kept = {k: v for k, v in query.items() if v not in (None, "")}
    return f"{path}?{urlencode(kept)}" if kept else path


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("clearbooks_sandbox.pages"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        # A record leaves out the fields that have no value.
        undefined=ChainableUndefined,
    )
    filters = (money, price, pounds, quantity, day, second, tag, words)
    environment.filters |= {function.__name__: function for function in filters}
    environment.globals |= {"link": link, "home": HOME}
    return environment


_ENVIRONMENT = _environment()


def page(
    template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **context: Any
) -> HTMLResponse:
    """A page from a template, with the headers that every page sends."""
    html = _ENVIRONMENT.get_template(template).render(context)
    return HTMLResponse(html, status, headers={**_HEADERS, **(headers or {})})
