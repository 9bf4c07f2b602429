"""Templates and their filters, on the kit of the sandbox's pages."""

from __future__ import annotations

import datetime as dt
import json
import time
from importlib.resources import files
from typing import Any

from jinja2 import ChainableUndefined, ChoiceLoader, Environment, PackageLoader
from markupsafe import Markup
from starlette.responses import HTMLResponse

from clearbooks_app import output
from clearbooks_app.operations.candidates import as_text
from clearbooks_app.operations.records import readable
from clearbooks_app.ui.pages import charts
from clearbooks_sandbox.pages import render as kit

_TONES = {
    "done": "good",
    "running": "warn",
    "failed": "bad",
    "lost": "bad",
    "rejected": "bad",
    "uncertain": "warn",
    "quarantined": "warn",
    "waiting": "plain",
    "written": "good",
    "updated": "good",
    "create": "good",
    "change": "warn",
    "void": "bad",
    "delete": "bad",
    "reverse": "warn",
    "refuse": "bad",
}


def when(seconds: float | None) -> str | Markup:
    """Seconds since 1970 as local time in a `time` element, and how long ago that is."""
    if not seconds:
        return "\N{EN DASH}"
    moment = dt.datetime.fromtimestamp(seconds).astimezone()
    shown = f"{moment.day} {moment:%b %Y, %H:%M}"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.isoformat(timespec="seconds"), ago(seconds), shown
    )


def ago(seconds: float | None) -> str:
    """How long ago something was, or how long it is until then."""
    if not seconds:
        return "never"
    away = time.time() - seconds
    return f"{output.duration(away)} ago" if away >= 0 else f"in {output.duration(-away)}"


def tone(status: object) -> str:
    """The CSS class that colours a status."""
    return _TONES.get(str(status), "plain")


def pretty(value: object) -> str:
    """JSON for people."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def stream_name(stream: object) -> str:
    """The name of a stream as people write it."""
    return str(stream).replace("_", " ").capitalize()


def _environment() -> Environment:
    environment = Environment(
        loader=ChoiceLoader(
            [PackageLoader("clearbooks_app.ui.pages"), PackageLoader("clearbooks_sandbox.pages")]
        ),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=ChainableUndefined,
    )
    filters = (
        kit.money,
        kit.quantity,
        kit.day,
        kit.words,
        when,
        ago,
        tone,
        pretty,
        output.count,
        stream_name,
        output.duration,
    )
    environment.filters |= {function.__name__: function for function in filters}
    environment.filters["one_line"] = as_text
    environment.globals |= {
        "readable": readable(),
        "link": kit.link,
        "bars": charts.bars,
        "columns": charts.columns,
    }
    return environment


_ENVIRONMENT = _environment()


def html(template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """A page from a template."""
    return HTMLResponse(_ENVIRONMENT.get_template(template).render(context), status)


def static(name: str, package: str = "clearbooks_app.ui.pages") -> str:
    """A file that is sent as it is."""
    return (files(package) / "static" / name).read_text(encoding="utf-8")


def style() -> str:
    """The style sheet: that of the kit, and what is added here."""
    return "\n".join((static("style.css", "clearbooks_sandbox.pages"), static("style.css")))
