"""Resolves this project together with what people install it beside, and prints the table.

    python -m tools.compatibility          # prints it
    python -m tools.compatibility --write  # and puts it into docs/install.md, with today's date

Each pair is resolved by `uv pip compile` on every Python that is supported, with the network's
newest versions; nothing is installed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from clearbooks import DISTRIBUTION
from tools.generate import ROOT, table

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
NEIGHBOURS = (
    "apache-airflow>=3.1",
    "dbt-core",
    "dagster",
    "prefect>=3",
    "meltano>=4",
    "dlt>=1",
    "airbyte",
    "meltanolabs-tap-github",
)
# Distributions that install the same folder, and overwrite each other there; no resolver sees it.
SAME_FOLDER = ({"backoff", "python-backoff"},)
PAGE, NAME = ROOT / "docs" / "install.md", "compatibility"


@dataclass(frozen=True)
class Answer:
    """What uv says of some requirements on one Python.

    Attributes:
        versions: Package -> version; empty where they cannot be installed together.
        reason: Why they cannot.
    """

    versions: dict[str, str]
    reason: str = ""


def resolve(python: str, *requirements: str) -> Answer:
    """Resolve requirements for a Python on Linux."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "requirements.in"
        path.write_text("\n".join(requirements), encoding="utf-8")
        environment = {k: v for k, v in os.environ.items() if k not in {"VIRTUAL_ENV", "UV_PYTHON"}}
        compiling = ["pip", "compile", "--quiet", "--no-header", "--no-annotate"]
        wanted = ["--python-version", python, "--python-platform", "linux", str(path)]
        done = subprocess.run(  # noqa: S603 - our own script
            ["/bin/sh", str(ROOT / "tools" / "uv.sh"), *compiling, *wanted],
            check=False,
            capture_output=True,
            text=True,
            env=environment,
            cwd=folder,
        )
    if done.returncode:
        return Answer({}, " ".join(done.stderr.split()))
    return Answer(dict(re.findall(r"^([\w.-]+)==(\S+)", done.stdout, re.MULTILINE)))


def cell(python: str, neighbour: str) -> tuple[str, str]:
    """What the table says of a pair, and the reason where it cannot be installed together."""
    name = re.split(r"[<>=\[]", neighbour)[0]
    alone = resolve(python, neighbour)
    if not alone.versions:
        return "not for this Python", ""
    both = resolve(python, f"{DISTRIBUTION} @ {ROOT.as_uri()}", neighbour)
    if not both.versions:
        return "no", both.reason
    for clash in SAME_FOLDER:
        if clash <= both.versions.keys():
            names = " and ".join(f"`{each}`" for each in sorted(clash))
            return "no", f"{names} install the same folder."
    mine, newest = both.versions[name], alone.versions[name]
    return (mine if mine == newest else f"{mine}, not {newest}"), ""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put it into docs/install.md")
    options = parser.parse_args()
    rows, reasons = [], []
    for neighbour in NEIGHBOURS:
        found = [cell(python, neighbour) for python in PYTHONS]
        rows.append((f"`{neighbour}`", *(words for words, _ in found)))
        reasons += [f"`{neighbour}`: {reason}" for _, reason in found if reason]
    today = dt.datetime.now(tz=dt.UTC).date()
    notes = "".join(f"\n{reason}\n" for reason in dict.fromkeys(reasons))
    text = f"Resolved on {today}:\n\n{table(('Beside', *PYTHONS), rows)}{notes}"
    print(text)
    if options.write:
        before, start, rest = PAGE.read_text("utf-8").partition(f"<!-- measured {NAME} -->\n")
        _, end, after = rest.partition(f"<!-- end measured {NAME} -->\n")
        if not (start and end):
            raise SystemExit(f"{PAGE}: no marks for the part {NAME!r}")
        PAGE.write_text(f"{before}{start}\n{text}\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
