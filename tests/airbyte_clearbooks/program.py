"""Running a connector as its platform does: files in, lines out."""

from __future__ import annotations

import json
import os
import signal
from decimal import Decimal

from airbyte_protocol.models import AirbyteMessage

from tests import programs
from tests.programs import BIN, PIPE

SOURCE, DESTINATION = str(BIN / "source-clearbooks"), str(BIN / "destination-clearbooks")


class Run:
    """Messages and exit code of one run."""

    def __init__(self, code, out, err=""):
        self.code, self.out, self.err = code, out, err
        # Every line has to be a message, as Airbyte's own models read it.
        for line in out.splitlines():
            AirbyteMessage.model_validate_json(line, strict=True)
        self.messages = [json.loads(line, parse_float=Decimal) for line in out.splitlines()]

    def of(self, kind):
        return [m for m in self.messages if m["type"] == kind]

    def one(self, kind):
        (found,) = self.of(kind)
        return found

    def records(self, stream):
        return [m["record"]["data"] for m in self.of("RECORD") if m["record"]["stream"] == stream]

    def ids(self, stream):
        return [(r["businessId"], r["id"]) for r in self.records(stream)]

    @property
    def logs(self):
        return [m["log"]["message"] for m in self.of("LOG")]

    @property
    def traces(self):
        return [m["trace"] for m in self.of("TRACE")]

    @property
    def errors(self):
        return [t["error"] for t in self.traces if t["type"] == "ERROR"]

    def statuses(self, stream):
        """Statuses of a stream, without those that give a reason."""
        found = [t["stream_status"] for t in self.traces if t["type"] == "STREAM_STATUS"]
        return [
            s["status"]
            for s in found
            if s["stream_descriptor"]["name"] == stream and not s.get("reasons")
        ]

    @property
    def states(self):
        """Stream -> its last state message."""
        return {m["state"]["stream"]["stream_descriptor"]["name"]: m for m in self.of("STATE")}

    @property
    def state(self):
        """What a platform hands to the next run."""
        return [m["state"] for m in self.states.values()]

    @property
    def configs(self):
        return [m["control"]["connectorConfig"]["config"] for m in self.of("CONTROL")]


class Program:
    """A connector with its files in a folder."""

    def __init__(self, executable, folder, config):
        self.executable, self.folder, self.config = executable, folder, config
        self.env = {**os.environ, "HOME": str(folder), "XDG_STATE_HOME": str(folder / "state")}

    def arguments(self, command, *, config=None, catalog=None, state=None, more=()):
        given = {"config": config or self.config, "catalog": catalog, "state": state}
        if command == "spec":
            given = {}
        line = [self.executable, command]
        for name, value in given.items():
            if value is not None:
                path = self.folder / f"{name}.json"
                path.write_text(
                    value if isinstance(value, str) else json.dumps(value, default=float)
                )
                line += [f"--{name}", str(path)]
        return [*line, *more]

    def start(self, command, **options):
        return programs.Process(*self.arguments(command, **options), stdin=PIPE, env=self.env)

    def __call__(self, command, *, stdin=None, **options):
        done = programs.run(*self.arguments(command, **options), text=stdin, env=self.env)
        return Run(done.returncode, done.stdout, done.stderr)


def kill_after(process, size, signum=signal.SIGTERM):
    """Read so many bytes, send a signal, and read the rest."""
    out = b""
    while len(out) < size:
        out += os.read(process.stdout.fileno(), 4096)
    process.send_signal(signum)
    rest, err = process.communicate(timeout=60)
    return Run(process.returncode, out.decode() + rest, err)


def configured(*streams, mode="incremental", **more):
    """A configured catalog of `(name)` or `(name, schema)`."""
    return {
        "streams": [
            {
                "stream": {"name": name, "json_schema": {}, "supported_sync_modes": [mode]},
                "sync_mode": mode,
                "destination_sync_mode": "append_dedup",
                **more,
            }
            for name in streams
        ]
    }
