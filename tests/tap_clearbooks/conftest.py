"""A sandbox with two small businesses, and a way to run the tap against it in this process."""

from __future__ import annotations

import json

import pytest

from clearbooks_sandbox import AccountingEngine, Options, running
from tap_clearbooks.tap import TapClearbooks
from tap_clearbooks.writer import PageWriter
from tests.ledger import ONE, TWO, Served


class Output:
    """The messages of a run."""

    def __init__(self, messages, tap=None):
        self.messages = messages
        self.failures = [str(failure) for failure in tap.plan.failures] if tap else []

    def records(self, stream):
        return [m["record"] for m in self.messages if is_record(m, stream)]

    def ids(self, stream):
        return [(r["businessId"], r["id"]) for r in self.records(stream)]

    @property
    def state(self):
        states = [m["value"] for m in self.messages if m["type"] == "STATE"]
        return states[-1] if states else {}

    def of_type(self, kind):
        return [m for m in self.messages if m["type"] == kind]


def is_record(message, stream):
    return message["type"] == "RECORD" and message["stream"] == stream


class Collector(PageWriter):
    """Keeps what would go to standard output."""

    def __init__(self):
        super().__init__()
        self.data = b""

    def _out(self, data):
        self.data += data


class Books(Served):
    """A served sandbox and its engine, with short ways to write into it."""

    def config(self, tmp_path, **more):
        return {
            "access_token": "sandbox-access-token",
            "api_url": self.server.url,
            "token_url": self.server.token_url,
            "token_store": str(tmp_path / "tokens.json"),
            **more,
        }

    def asked(self, path=""):
        return [r for r in self.server.requests if path in r.path]


@pytest.fixture
def books():
    engine = AccountingEngine(None)
    assert [engine.add_business("One"), engine.add_business("Two")] == [ONE, TWO]
    with running(engine, Options()) as server:
        yield Books(server)


@pytest.fixture
def run_tap(books, tmp_path):
    """`run_tap(streams, state=…, **settings)`; streams is a list of names, or a catalog."""

    def run(streams=None, *, state=None, **settings):
        config = books.config(tmp_path, **settings)
        catalog = streams
        if isinstance(streams, (list, tuple)):
            catalog = select(streams)
        writer = Collector()
        tap = TapClearbooks(
            config=config, state=state or {}, catalog=catalog, message_writer=writer
        )
        try:
            tap.sync_all()
        finally:
            tap.close()
            messages = [json.loads(line) for line in writer.data.splitlines()]
            run.last = Output(messages, tap)
        return run.last

    return run


def select(streams, **methods):
    """The discovered catalog with just these streams selected."""
    catalog = TapClearbooks(config={}, setup_mapper=False).catalog_dict
    for entry in catalog["streams"]:
        name = entry["tap_stream_id"]
        for item in entry["metadata"]:
            if item["breadcrumb"] in ([], ()):
                item["metadata"]["selected"] = name in streams
        if name in methods:
            entry["replication_method"] = methods[name]
    return catalog
