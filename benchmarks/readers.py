"""The readers that are measured: how each is started, and what it read."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ledger import FIRST_DAY

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent
TOKEN = "sandbox-access-token"  # noqa: S105 - made to be known
# Each listing as the reference names it; only this tap reads the last one out of another.
LISTINGS = {
    "customers": "/accounting/customers",
    "suppliers": "/accounting/suppliers",
    "sales_invoices": "/accounting/sales/invoices",
    "bills": "/accounting/purchases/bills",
    "payments": "/accounting/payments",
    "transactions": "/accounting/transactions",
    "transaction_lines": "/accounting/transactionLines",
}
IN_FLIGHT = 16

# Records of a stream, and the sum of their ids: two readers that agree on both read the same.
Tally = dict[str, list[int]]


@dataclass(frozen=True, slots=True)
class Reader:
    """One program that reads the ledger.

    Attributes:
        label: What the table calls it.
        peer: Script in `peers/` with an environment of its own; None for this tap.
        tally: Adds up what its output holds, a line at a time.
        without: Listings that it leaves out.
        whole: Whether it delivers records: the floor does not.
        settings: Settings of this tap, besides those that every run has.
    """

    name: str
    label: str
    peer: str | None
    tally: Callable[[dict[str, Any], Tally], None]
    without: frozenset[str] = frozenset()
    whole: bool = True
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def listings(self) -> dict[str, str]:
        """The listings that it is told to read."""
        return {name: path for name, path in LISTINGS.items() if name not in self.without}


def _add(tally: Tally, stream: str, record: dict[str, Any]) -> None:
    mine = tally.setdefault(stream, [0, 0])
    mine[0] += 1
    mine[1] += record["transactionId" if stream == "transaction_lines" else "id"]


def _singer(message: dict[str, Any], tally: Tally) -> None:
    if message["type"] == "RECORD":
        _add(tally, message["stream"], message["record"])


def _airbyte(message: dict[str, Any], tally: Tally) -> None:
    if message["type"] == "RECORD":
        _add(tally, message["record"]["stream"], message["record"]["data"])


def _raw(page: dict[str, Any], tally: Tally) -> None:
    for stream, records in page.items():
        for record in records:
            _add(tally, stream, record)


def _counted(found: dict[str, Any], tally: Tally) -> None:
    tally.update(found)


READERS = {
    reader.name: reader
    for reader in (
        Reader("tap", "this tap", None, _singer),
        # Everything is as new as that, so it reads the same records.
        Reader(
            "tap_since",
            "this tap, with start_date",
            None,
            _singer,
            settings={"start_date": FIRST_DAY.isoformat()},
        ),
        Reader("dlt", "dlt rest_api, iterating only", "dlt_rest", _counted),
        Reader("airbyte", "airbyte-cdk, declarative", "airbyte_manifest", _airbyte),
        Reader("sdk", "plain Singer SDK tap", "plain_sdk", _singer),
        Reader(
            "floor",
            "floor: the same pages, raw",
            "floor",
            _raw,
            frozenset({"transaction_lines"}),
            whole=False,
        ),
        Reader("floor_all", "floor: every listing, raw", "floor", _raw, whole=False),
    )
}


@dataclass
class Kitchen:
    """What readers need in order to start: environments, catalogue, settings."""

    work: Path
    uv: list[str]
    pythons: dict[str, str] = field(default_factory=dict)
    catalog: dict[str, Any] = field(default_factory=dict)

    def prepare(self, readers: list[Reader]) -> None:
        """Make the environments of the peers and the catalogue of the tap."""
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        for peer in {reader.peer for reader in readers if reader.peer}:
            script = str(HERE / "peers" / f"{peer}.py")
            # The same Python for all: its version decides more than most code does.
            made = [*self.uv, "sync", "--quiet", "--script", script, "--python", version]
            subprocess.run(made, check=True)
            found = [*self.uv, "python", "find", "--script", script]
            self.pythons[peer] = subprocess.run(
                found, check=True, capture_output=True, text=True
            ).stdout.strip()
        self.catalog = json.loads(
            subprocess.run([tap_program(), "--discover"], check=True, capture_output=True).stdout
        )
        for stream in self.catalog["streams"]:
            for entry in stream["metadata"]:
                if entry["breadcrumb"] == []:
                    entry["metadata"]["selected"] = stream["stream"] in LISTINGS
        (self.work / "catalog.json").write_text(json.dumps(self.catalog))

    def command(self, reader: Reader, site: str, business: int, store: Path) -> list[str]:
        """The command that reads one ledger; `store` keeps what the tap learnt of the limit."""
        config: dict[str, Any] = {"in_flight": IN_FLIGHT, "listings": reader.listings}
        config |= {"url": f"{site}/v1", "token": TOKEN, "business": business}
        if reader.peer is None:
            config = {
                "api_url": f"{site}/v1",
                "access_token": TOKEN,
                "token_store": str(store / "tokens.json"),
                "business_ids": [business],
                "max_in_flight": IN_FLIGHT,
                **reader.settings,
            }
        elif reader.whole:
            config["schemas"] = self._schemas()
        path = self.work / f"{reader.name}.json"
        path.write_text(json.dumps(config))
        if reader.peer is None:
            catalog = str(self.work / "catalog.json")
            return [tap_program(), "--config", str(path), "--catalog", catalog]
        return [self.pythons[reader.peer], str(HERE / "peers" / f"{reader.peer}.py"), str(path)]

    def _schemas(self) -> dict[str, Any]:
        """The tap's own schemas, without the fields that the API does not send."""
        schemas = {}
        for stream in self.catalog["streams"]:
            if stream["stream"] in LISTINGS:
                properties = dict(stream["schema"]["properties"])
                for name in ("businessId", "lineNumber"):
                    properties.pop(name, None)
                schemas[stream["stream"]] = {"type": "object", "properties": properties}
        return schemas


def tap_program() -> str:
    """The tap of the environment that runs the benchmark."""
    return str(Path(sys.executable).parent / "tap-clearbooks")


def tally(reader: Reader, output: Path) -> Tally:
    """What a run delivered, read a line at a time so that this process stays small."""
    found: Tally = {}
    with output.open("rb") as lines:
        for line in lines:
            reader.tally(json.loads(line), found)
    return found
