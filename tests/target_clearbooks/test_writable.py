"""The table of writable streams holds every fact of them: a new one is a schema and a row."""

from __future__ import annotations

import ast
import http.server
import io
import json
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

import target_clearbooks
from clearbooks import contract
from clearbooks.contract import load_contract, schemas_dir
from target_clearbooks.allocation_ends import allocation_ends
from target_clearbooks.prepare import stream_shapes
from target_clearbooks.target import TargetClearbooks
from target_clearbooks.writable import WRITABLE, Kind, Writable, streams_of
from tests.target_clearbooks.conftest import lines

PACKAGE = Path(target_clearbooks.__file__).parent

# Lists that a reference leads to, by what it refers to; no record of these streams is at hand
# whose row could be asked.
REFERENCE_LISTS = {
    # The choices of a setting are part of its type.
    "settings.py": {"customers", "suppliers"},
    "ledger/lookups.py": {"account_codes"},
    "deliver/reconcile.py": {"transactions"},
    "prepare/references.py": {"account_codes", "bank_accounts", "stock_items", "bank_feeds"},
    "prepare/vat.py": {"vat_treatments", "vat_rates"},
}


def stream_names(path):
    """Names of streams that stand as strings in a module."""
    nodes = ast.walk(ast.parse(path.read_text()))
    strings = {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return strings & {*load_contract().resources, *WRITABLE}


def test_code_asks_a_row_and_not_a_name():
    found = {
        path.relative_to(PACKAGE).as_posix(): stream_names(path)
        for path in PACKAGE.rglob("*.py")
        if path.name != "writable.py"
    }
    unexpected = {
        path: names - REFERENCE_LISTS.get(path, set())
        for path, names in found.items()
        if names - REFERENCE_LISTS.get(path, set())
    }
    assert unexpected == {}
    assert stream_names(PACKAGE / "writable.py") == set(WRITABLE)


def test_allocations_know_their_ends():
    assert allocation_ends("sales_credit_notes") == (("sales_allocations", "creditNoteId"),)
    assert allocation_ends("expenses") == (("purchase_allocations", "invoiceId"),)
    assert allocation_ends("payments") == (
        ("sales_allocations", "paymentId"),
        ("purchase_allocations", "paymentId"),
    )
    assert allocation_ends("quotes") == ()


# A made-up resource: projects. This is all that its author would write.

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Project",
    "description": "Something that work is done for.",
    "x-key": ["id"],
    "type": "object",
    "properties": {
        "id": {"type": "integer", "format": "int32", "readOnly": True},
        "name": {"type": "string"},
        "budget": {"type": "number", "format": "double"},
        "starts": {"type": "string", "format": "date"},
        "description": {"type": "string"},
    },
    "$defs": {
        "create": {"$ref": "#", "required": ["name"]},
        "update": {"$ref": "#"},
    },
}
ROW = Writable(
    stream="projects",
    kind=Kind.PLAIN,
    write_order=2,
    keys=("name",),
    id_name="projectId",
    adopts=True,
)


def renamed(value):
    """A part of the contract about stock items, told of projects."""
    text = json.dumps(value)
    for old, new in (
        ("stock_items", "projects"),
        ("stock_item", "project"),
        ("stockItem", "project"),
        ("StockItem", "Project"),
    ):
        text = text.replace(old, new)
    return json.loads(text)


@pytest.fixture
def projects(tmp_path, monkeypatch):
    """The contract and the table with one resource more; answers what else is to be patched by."""
    folder = tmp_path / "schemas"
    shutil.copytree(schemas_dir(), folder)
    (folder / "project.json").write_text(json.dumps(SCHEMA))
    whole = yaml.safe_load((folder / "openapi.yaml").read_text())
    whole["tags"] += [renamed(tag) for tag in whole["tags"] if tag["name"] == "stockItems"]
    whole["paths"] |= {
        renamed(path): renamed(item) for path, item in whole["paths"].items() if "stockItem" in path
    }
    parameters = whole["components"]["parameters"]
    parameters["projectId"] = renamed(parameters["stockItemId"])
    (folder / "openapi.yaml").write_text(yaml.safe_dump(whole))
    cached = (
        load_contract,
        streams_of,
        allocation_ends,
        stream_shapes.shape_of,
        stream_shapes.update_fields,
    )
    with monkeypatch.context() as patch:
        patch.setattr(contract, "schemas_dir", lambda: folder)
        patch.setitem(WRITABLE, ROW.stream, ROW)
        for function in cached:
            function.cache_clear()
        yield patch
    for function in cached:
        function.cache_clear()


class Projects(http.server.BaseHTTPRequestHandler):
    """A server that knows projects alone; it may lose the reply to a create."""

    def answer(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if isinstance(value, list):
            self.send_header("X-Pagination-Total-Count", str(len(value)))
            self.send_header("X-Pagination-Total-Pages", "1")
        self.end_headers()
        self.wfile.write(data)

    def body(self):
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def number(self):
        return int(self.path.partition("?")[0].rpartition("/")[2])

    def do_GET(self):
        held = self.server.held
        path = self.path.partition("?")[0]
        if path.endswith("/accounting/projects"):
            self.answer(200, sorted(held.values(), key=lambda p: -p["id"]))
        else:
            self.answer(200, held[self.number()])

    def do_POST(self):
        body = self.body()
        self.server.posted.append(body)
        number = max(self.server.held, default=0) + 1
        self.server.held[number] = {"id": number, **body}
        if body["name"] == "Lost":
            self.connection.close()
        else:
            self.answer(201, self.server.held[number])

    def do_PUT(self):
        self.server.held[self.number()] |= self.body()
        self.answer(200, self.server.held[self.number()])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Projects)
    made.held = {1: {"id": 1, "name": "Garden", "budget": 10}}
    made.posted = []
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def write(server, folder, *records):
    url = f"http://127.0.0.1:{server.server_port}"
    target = TargetClearbooks(
        config={
            "api_url": url,
            "token_url": url,
            "access_token": "token",
            "token_store": str(folder / "tokens.json"),
            "state_store": str(folder / "state.sqlite3"),
            "rejects_path": str(folder / "rejects.jsonl"),
            "business_ids": [1],
            "settle_seconds": 0,
            "max_tries": 1,
            # One at a time, so that their numbers are known.
            "max_in_flight": 1,
        }
    )
    schema = {"type": "SCHEMA", "stream": "projects", "schema": {}, "key_properties": []}
    messages = [schema] + [{"type": "RECORD", "stream": "projects", "record": r} for r in records]
    return target.run(io.StringIO(lines(*messages)))


def test_a_new_resource_is_a_schema_and_a_row(projects, server, tmp_path):
    new = {"externalId": "P1", "Name": "Roof", "budget": "1200.50", "starts": "2024-05-01T00:00"}
    found = {"externalId": "P2", "name": "Garden", "budget": 25}
    lost = {"externalId": "P3", "name": "Lost"}
    assert write(server, tmp_path, new, found, lost) == 0
    assert sorted(server.held.values(), key=lambda project: project["name"]) == [
        {"id": 1, "name": "Garden", "budget": 25},
        {"id": _id(server, "Lost"), "name": "Lost"},
        {"id": _id(server, "Roof"), "name": "Roof", "budget": 1200.5, "starts": "2024-05-01"},
    ]
    assert len(server.posted) == 2
    # What was written is known by its source key, and changed where it is.
    assert write(server, tmp_path, {**lost, "budget": 5}, new) == 0
    assert server.held[_id(server, "Lost")]["budget"] == 5
    assert len(server.posted) == 2


def test_a_new_resource_that_has_a_place_for_a_marker(projects, server, tmp_path):
    """Its names need not be unique: the marker tells which one a lost reply made."""
    row = replace(ROW, keys=(), adopts=False, marker="description")
    projects.setitem(WRITABLE, ROW.stream, row)
    records = [{"externalId": f"P{n}", "name": "Lost"} for n in range(3)]
    assert write(server, tmp_path, *records) == 0
    assert len(server.posted) == 3
    assert len({project["description"] for project in server.posted}) == 3
    assert write(server, tmp_path, *records, {**records[0], "budget": 5}) == 0
    assert len(server.posted) == 3
    assert [project.get("budget") for project in server.held.values()] == [10, 5, None, None]


def test_a_new_resource_is_checked_by_its_schema(projects, server, tmp_path):
    assert write(server, tmp_path, {"externalId": "P1", "budgt": "much"}) == 3
    (rejected,) = (tmp_path / "rejects.jsonl").read_text().splitlines()
    assert "budgt: unknown field; did you mean budget?" in rejected
    assert "name: is required" in rejected
    assert server.posted == []


def _id(server, name):
    (number,) = (n for n, project in server.held.items() if project["name"] == name)
    return number
