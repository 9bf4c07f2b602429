"""Environments for programs of others, which cannot share one with ours.

Airbyte's `backoff` and the SDK's `python-backoff` install the same folder, and loaders ask for
versions of their own. Each environment is made once below `.tools/`, and again only when its list
of packages changes, or where this project is one of them, what that says of itself.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import filelock

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    # PyAirbyte: the client that people run.
    "client": ["airbyte==0.71.3"],
    # Airbyte's own tests for connectors.
    "cdk": ["airbyte-cdk[dev]==7.39.1"],
    # The checker of the Singer project.
    "singer-tools": ["singer-tools==0.4.1"],
    # Loaders of Singer messages.
    "target-postgres": ["meltanolabs-target-postgres==0.8.1"],
    "target-jsonl": ["target-jsonl==0.1.4"],
    # What the extras bring, and a stand-in S3.
    "batches": ["moto[server]==5.1.18", "-e", f"{ROOT}[parquet,s3]"],
    # With this project in it, as its tasks need it; the driver is for Airflow's own tables.
    "airflow": [
        "apache-airflow[celery]==3.3.2",
        "psycopg2-binary==2.9.11",
        "asyncpg==0.31.0",
        "-e",
        f"{ROOT}[postgres]",
    ],
}
PYTHON = "3.11"


def environment(name: str) -> Path:
    """The Python of an environment, made where it is missing. Safe for several processes."""
    wanted = PACKAGES[name]
    ours = (ROOT / "pyproject.toml").read_text() if "-e" in wanted else ""
    digest = hashlib.sha256("\n".join([PYTHON, *wanted, ours]).encode()).hexdigest()[:10]
    folder = ROOT / ".tools" / "environments" / f"{name}-{digest}"
    python, ready = folder / "bin" / "python", folder / "ready"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{folder}.lock"):
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            uv("venv", "--quiet", "--python", PYTHON, str(folder))
            uv("pip", "install", "--quiet", "--python", str(python), *wanted)
            ready.touch()
    return python


def wheel(folder: Path) -> Path:
    """The wheel of this project, built into a folder."""
    uv("build", "--quiet", "--wheel", "--out-dir", str(folder), str(ROOT))
    (found,) = folder.glob("*.whl")
    return found


def uv(*arguments: str) -> None:
    """Run uv, the machine's own or the one below `.tools`."""
    env = {k: v for k, v in os.environ.items() if k not in {"VIRTUAL_ENV", "UV_PYTHON"}}
    done = subprocess.run(
        ["sh", str(ROOT / "tools" / "uv.sh"), *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
