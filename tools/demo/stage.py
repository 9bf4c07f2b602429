"""What every part of the demonstration stands on: the sandbox, Meltano runs, printed tables."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clearbooks import history

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from clearbooks_sandbox import RunningSandbox

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / ".demo"
BIN = Path(sys.executable).parent
_HARD_SPACE = "\N{NO-BREAK SPACE}"
_TAIL = 15
_PATIENCE = 10


class Failed(Exception):  # noqa: N818 - said to people as "Failed: ..."
    """Something did not come out as it must."""


def say(text: str = "") -> None:
    """Print a line at once, also into a pipe."""
    print(text, flush=True)


def check(holds: bool, what: str) -> None:
    """Say that a check held.

    Raises:
        Failed: it did not hold.
    """
    if not holds:
        raise Failed(what)
    say(f"  ✓ {what}")


def show_list(items: Iterable[str]) -> None:
    """Print short items one after the other."""
    joined = " · ".join(item.replace(" ", _HARD_SPACE) for item in items)
    lines = textwrap.wrap(joined, width=90, break_on_hyphens=False)
    say(textwrap.indent("\n".join(lines).replace(_HARD_SPACE, " "), "  "))


def show_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows in columns; what is no text stands to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    right = [bool(rows) and not isinstance(value, str | None) for value in rows[0]]
    for line in ([*head], *cells):
        parts = (
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(line, widths, right, strict=True)
        )
        say("  " + "  ".join(parts).rstrip())


def _cell(value: object) -> str:
    if isinstance(value, int | float | Decimal):
        return f"{value:,}"
    return "" if value is None else str(value)


@dataclass
class Run:
    """A finished `meltano run`.

    Attributes:
        records: Records by stream that the tap has read, of those that had any.
        requests: Requests made.
        writes: Those of them that were to change something.
        seconds: How long it took.
        outcomes: What the target says became of the records, counted by stream and outcome.
    """

    records: Counter[str]
    requests: int
    writes: int
    seconds: float
    outcomes: dict[str, dict[str, int]]


@dataclass
class Stage:
    """The sandbox, one of its businesses, and the environment that Meltano runs in."""

    sandbox: RunningSandbox
    business: int
    folder: Path = FOLDER
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment = {
            **os.environ,
            # Plugins are programs of this environment, whether it is activated or not.
            "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
            # State, tokens and tables of the demonstration lie below its own folder.
            "MELTANO_SYS_DIR_ROOT": str(self.folder / "meltano"),
            # Where Meltano writes the log of a run, else below the home folder.
            "XDG_STATE_HOME": str(self.folder / "state"),
            "TAP_CLEARBOOKS_API_URL": self.sandbox.url,
            "TAP_CLEARBOOKS_TOKEN_URL": self.sandbox.token_url,
            "TAP_CLEARBOOKS_TOKEN_STORE": str(self.folder / "tokens.json"),
            "TAP_CLEARBOOKS_BUSINESS_IDS": f"[{self.business}]",
            "TARGET_CLEARBOOKS_API_URL": self.sandbox.url,
            "TARGET_CLEARBOOKS_TOKEN_URL": self.sandbox.token_url,
            "TARGET_CLEARBOOKS_TOKEN_STORE": str(self.folder / "tokens.json"),
            "TARGET_CLEARBOOKS_STATE_STORE": str(self.folder / "target.sqlite3"),
            "TARGET_CLEARBOOKS_BUSINESS_IDS": f"[{self.business}]",
            **self.environment,
        }

    def meltano_run(self, name: str, *blocks: str) -> Run:
        """Run blocks of the project's meltano.yml; the log stays in the folder as NAME.log.

        Raises:
            Failed: the run did not succeed; the message ends with the end of the log.
        """
        log = self.folder / f"{name}.log"
        before, known = len(self.sandbox.requests), {run["run"] for run in self._history()}
        process = self.start(name, *blocks)
        try:
            code = process.wait()
        except BaseException:
            _end(process)
            raise
        events = list(_events(log))
        if code:
            words = [str(event.get("event", "")) for event in events][-_TAIL:]
            raise Failed(f"meltano run {' '.join(blocks)}; {log} ends:\n  " + "\n  ".join(words))
        made = list(self.sandbox.requests)[before:]
        runs = [run for run in self._history() if run["run"] not in known]
        return Run(
            records=_read(runs),
            requests=len(made),
            writes=sum(request.method != "GET" for request in made),
            seconds=next(e["duration_seconds"] for e in events if e["event"] == "Run completed"),
            outcomes={
                name: counts
                for run in runs
                if run["kind"] != history.TAP
                for name, counts in run["streams"].items()
            },
        )

    def _history(self) -> list[dict[str, Any]]:
        """The newest runs, as `clearbooks syncs` has them: of the log Meltano may lose lines."""
        done = subprocess.run(  # noqa: S603
            [str(BIN / "clearbooks"), "syncs", "--json"],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        found: list[dict[str, Any]] = json.loads(done.stdout) if done.returncode == 0 else []
        return found

    def start(self, name: str, *blocks: str) -> subprocess.Popen[bytes]:
        """Begin to run blocks, in a session of their own: what they start ends with them."""
        command = [str(BIN / "meltano"), "--environment", "dev", "--log-format", "json", "run"]
        with (self.folder / f"{name}.log").open("wb") as output:
            return subprocess.Popen(  # noqa: S603
                [*command, *blocks],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


def _end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(_PATIENCE)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _events(log: Path) -> Iterator[dict[str, Any]]:
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            event = line
        yield event if isinstance(event, dict) else {"event": line}


def _read(runs: Iterable[dict[str, Any]]) -> Counter[str]:
    """Records by stream that runs of the tap have read; none of those that had nothing new."""
    read: Counter[str] = Counter()
    for run in runs:
        if run["kind"] == history.TAP:
            read.update({name: counts.get("read", 0) for name, counts in run["streams"].items()})
    return +read
