"""Plans: made of a file or brought along, looked at, approved whole or in part, and carried out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.datastructures import UploadFile

from clearbooks.errors import SettingError
from clearbooks_app.operations import plans
from clearbooks_app.operations.numbers import whole
from clearbooks_app.operations.plan_view import gross_planned, kind_of, view_plan, whom
from clearbooks_app.ui.pages.view import field, page, to
from clearbooks_app.ui.site import MissingError, free_path
from clearbooks_files.mapping import load_mapping, presets
from clearbooks_sandbox.pages.render import money
from target_clearbooks.plan import PlanError, is_plan, is_planned
from target_clearbooks.worth import worth

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request
    from starlette.responses import Response

    from clearbooks_app.ui.site import Site

_HERE = "/plans"
_PAGE = 50
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,99}\.jsonl")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_UPLOADED = "files"
_LONGEST_SUFFIX = 10


def every(site: Site, request: Request) -> Response:
    """The plans that lie here, and forms to make or bring another one."""
    found = sorted(site.plans.glob("*.jsonl"), key=lambda p: p.stat().st_mtime, reverse=True)
    return page(
        site,
        request,
        "plans.html",
        _HERE,
        plans=[(path.name, path.stat().st_mtime) for path in found],
        presets={name: load_mapping(name).title for name in presets()},
        jobs=[job for job in site.jobs.newest(50) if job.order.kind in ("plan", "apply")],
    )


def make(site: Site, _request: Request, form: FormData) -> Response:
    """Take in a plan, or start to plan a file: as `clearbooks plan FILE` does."""
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise SettingError("choose a file: a plan, or one that a preset reads")
    name = _UNSAFE.sub("-", Path(file.filename).name).strip("-.") or "file"
    folder = site.folder / _UPLOADED
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = free_path(folder, Path(name).stem, Path(name).suffix[:_LONGEST_SUFFIX])
    path.write_bytes(file.file.read())
    if is_plan(path):
        try:
            view_plan(path, site.settings().connection().api_url)
        except PlanError:
            path.unlink()
            raise
        goal = path.replace(site.new_plan(path.stem))
        return to(f"{_HERE}/{goal.name}")
    goal = site.new_plan(f"{path.stem}.plan")
    words = ["plan", str(path), "--plan", str(goal), "--json"]
    for option in ("as", "stream", "business"):
        if value := field(form, option):
            words += [f"--{option}", value]
    if field(form, "assume_new") == "yes":
        words.append("--assume-new")
    job = site.run_command("plan", f"Plan {name}", words, plan=goal.name)
    return to(f"/jobs/{job.order.id}")


def path_of(site: Site, request: Request) -> Path:
    """The plan that an address names.

    Raises:
        MissingError: there is none.
    """
    name = str(request.path_params["plan"])
    path = site.plans / name
    if not _NAME.fullmatch(name) or not path.is_file():
        raise MissingError(f"there is no plan {name!r}")
    return path


def one(site: Site, request: Request) -> Response:
    """A plan: what it comes to, its operations field by field, and what it refuses."""
    path = path_of(site, request)
    url = site.settings().connection().api_url
    number = whole(request.query_params.get("page", "")) or 1
    start = (number - 1) * _PAGE
    view = view_plan(path, url)
    rows = plans.operations(path, url, start=start, limit=_PAGE)
    return page(
        site,
        request,
        "plan.html",
        _HERE,
        name=path.name,
        view=view,
        streams=[(name, s, _sums(s.net, s.gross)) for name, s in view.streams.items()],
        kinds=[
            kind
            for kind in ("create", "change", "reverse", "void", "delete", "refuse")
            if any(s.counts[kind] for s in view.streams.values())
        ],
        rows=[_row(start + place, operation) for place, operation in enumerate(rows)],
        number=number,
        pages=max(-(-view.operations // _PAGE), 1),
    )


def _sums(net: Any, gross: Any) -> tuple[str, str, str]:
    if not net and gross is None:
        return "", "", ""
    if gross is None:
        return money(net), "", ""
    return money(net), money(gross - net), money(gross)


def _row(place: int, operation: dict[str, Any]) -> dict[str, Any]:
    """What the page shows of an operation; IDs that the plan itself makes are called new."""
    body = operation["body"] or {}
    amount = gross_planned(operation) or worth(body)
    return {
        "place": place,
        "kind": kind_of(operation),
        "stream": operation["stream"],
        "business": operation["business"],
        "key": operation["key"],
        "id": operation["id"],
        "date": body.get("date") or body.get("accountingDate") or "",
        "whom": whom(operation["record"]),
        "amount": money(amount) if amount else "",
        "diff": operation["diff"],
        "warnings": operation["warnings"],
        "body": _named(body),
    }


def _named(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _named(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_named(item) for item in value]
    return "new, made by this plan" if is_planned(value) else value


def carry_out(site: Site, request: Request, form: FormData) -> Response:
    """Start to carry out a plan, or the operations of it that were chosen."""
    path = path_of(site, request)
    if field(form, "what") == "some":
        given = (whole(p) for p in form.getlist("place") if isinstance(p, str))
        places = {place for place in given if place is not None}
        if not places:
            raise SettingError("choose an operation or more")
        some = site.new_plan(f"{path.stem}.chosen")
        plans.approve(path, site.settings().connection().api_url, places, some)
        path = some
    number = view_plan(path, site.settings().connection().api_url).operations
    words = ["apply", str(path), "--yes", "--json", "--reconcile"]
    title = f"Carry out {path.name}"
    job = site.run_command("apply", title, words, plan=path.name, operations=number)
    return to(f"/jobs/{job.order.id}")


def remove(site: Site, request: Request, _: FormData) -> Response:
    """Delete a plan."""
    path_of(site, request).unlink()
    return to(f"{_HERE}?notice=The+plan+is+deleted.")
