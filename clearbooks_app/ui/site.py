"""What the page works with: the settings it was started with, and where it keeps its own."""

from __future__ import annotations

import shlex
import shutil
import sys
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from clearbooks.errors import ClearBooksError, SettingError
from clearbooks.settings import DEFAULT_CONNECTION, connection_properties, state_dir
from clearbooks_app.config import load_settings
from clearbooks_app.operations.names import read_references
from clearbooks_app.ui.consents import Consents
from clearbooks_app.ui.jobs import Jobs
from target_clearbooks.settings import target_properties

if TYPE_CHECKING:
    from collections.abc import Iterable

    from clearbooks_app.config import Settings
    from clearbooks_app.ui.access import Access
    from clearbooks_app.ui.jobs import Job


_LONGEST = 60


class MissingError(ClearBooksError):
    """What an address names is not there."""


class RunningError(ClearBooksError):
    """The same work is under way already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The page and its API.

    Attributes:
        access: Who may come in.
        configs: Files of settings, as for the programs.
        references: The file of settings that the mapping page writes.
        folder: Where jobs, plans and states are kept.
        loader: A Singer target with what it is given, for what the tap reads; empty for none.
        pipeline: A command that reads into a warehouse instead, such as `meltano run …`.
        state: The tap's state; one for each connection in `folder` where it is None.
        warehouse: A DuckDB file or a PostgreSQL URL with the books; empty for none.
        schema: The schema of the books there.
    """

    access: Access
    configs: tuple[str, ...] = ()
    references: Path = field(default_factory=lambda: Path("references.json"))
    folder: Path = field(default_factory=lambda: state_dir() / "ui")
    loader: str = ""
    pipeline: str = ""
    state: Path | None = None
    warehouse: str = field(default="", repr=False)
    schema: str = "books"
    consents: Consents = field(default_factory=Consents)

    @property
    def jobs(self) -> Jobs:
        """The long work."""
        return Jobs(self.folder / "jobs")

    @property
    def plans(self) -> Path:
        """The folder of plans."""
        found = self.folder / "plans"
        found.mkdir(parents=True, exist_ok=True, mode=0o700)
        return found

    def new_plan(self, name: str) -> Path:
        """Where a plan goes that is made now; one that lies there may be under way."""
        return free_path(self.plans, name, ".jsonl")

    def settings(self, connection: str | None = None) -> Settings:
        """The settings as they are now, of one connection.

        Raises:
            SettingError: a file or a value that cannot work.
        """
        known = {**connection_properties(), **target_properties()}
        found = load_settings(self.configs, known).with_values("the page", connection=connection)
        if self.references.exists():
            named = {**found.values.get("references", {}), **read_references(self.references)}
            found = found.with_values(str(self.references), references=named)
        return found

    def config_options(self, *, target: bool = False) -> list[str]:
        """What programs are given to have the same settings."""
        files = [c if c == "ENV" else str(Path(c).absolute()) for c in self.configs or ("ENV",)]
        if target and self.references.exists():
            files.append(str(self.references.absolute()))
        return [word for file in files for word in ("--config", file)]

    def state_of(self, connection: str) -> Path:
        """Where the state of the tap is kept for a connection."""
        return self.state or self.folder / f"state-{quote(connection, safe='')}.json"

    def sync(self, connection: str | None, streams: Iterable[str] | None = None) -> Job:
        """Start reading into the warehouse, as the programs do by themselves.

        Args:
            connection: Which one; None for that of the settings.
            streams: Those to read; None for all that are selected by default.

        Raises:
            SettingError: nothing says what reads, or where to.
            RunningError: it is being read already.
        """
        name = connection or str(self.settings().values.get("connection") or DEFAULT_CONNECTION)
        chosen = None if streams is None else list(streams)
        running = [j for j in self.jobs.newest(kind="sync") if j.state == "running"]
        if any(job.order.about.get("connection") == name for job in running):
            raise RunningError(f"the connection {name!r} is being synced already")
        what = "all streams" if chosen is None else ", ".join(chosen)
        given: dict[str, Any] = {
            "kind": "sync",
            "title": f"Sync {what}",
            "directory": Path.cwd(),
            "connection": name,
            "streams": chosen,
        }
        if self.pipeline:
            environment = {"TAP_CLEARBOOKS_CONNECTION": name}
            if chosen is not None:
                select = ", ".join(f'"{stream}.*"' for stream in chosen)
                environment["TAP_CLEARBOOKS__SELECT"] = f"[{select}]"
            commands = [shlex.split(self.pipeline)]
            return self.jobs.start(commands=commands, environment=environment, **given)
        if not self.loader:
            raise SettingError(
                "nothing says where to: start the page with --loader, such as "
                "'target-duckdb --config duckdb.json', or with --pipeline"
            )
        tap = [
            program("tap-clearbooks"),
            *self.config_options(),
            "--config",
            "{job}/connection.json",
            "--catalog",
            "{job}/catalog.json",
        ]
        state = self.state_of(name)
        if state.exists():
            tap += ["--state", str(state)]
        return self.jobs.start(
            commands=[tap, shlex.split(self.loader)],
            state=str(state),
            files={"connection.json": {"connection": name}, "catalog.json": _catalog(chosen)},
            **given,
        )

    def run_command(self, kind: str, title: str, words: list[str], **about: Any) -> Job:
        """Start one of the commands of `clearbooks` that write, with the settings of the page.

        Raises:
            SettingError: it cannot be started.
        """
        command = [program("clearbooks"), *words, *self.config_options(target=True)]
        return self.jobs.start(kind, title, [command], directory=Path.cwd(), **about)


def free_path(folder: Path, name: str, suffix: str) -> Path:
    """A path that nothing is at yet, with a number behind its name where it needs one."""
    # With what is put behind it, a name stays short enough for a file system.
    name = name[:_LONGEST]
    paths = (folder / f"{name}{f'-{n}' if n > 1 else ''}{suffix}" for n in count(1))
    return next(path for path in paths if not path.exists())


def program(name: str) -> str:
    """A program of ours, as it is installed beside this one."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name) or name


def _catalog(streams: list[str] | None) -> dict[str, Any]:
    """The tap's catalog, with some streams selected."""
    from tap_clearbooks.tap import TapClearbooks

    catalog = TapClearbooks(config={}, setup_mapper=False).catalog_dict
    if streams is not None:
        for entry in catalog["streams"]:
            for part in entry["metadata"]:
                if not part["breadcrumb"]:
                    part["metadata"]["selected"] = entry["tap_stream_id"] in streams
    found: dict[str, Any] = catalog
    return found
