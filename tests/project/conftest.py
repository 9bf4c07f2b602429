"""What the tests of the project's frame share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from clearbooks_sandbox import AccountingEngine, running
from clearbooks_sandbox.demo.workshop import enter_workshop
from tools.demo.stage import Stage

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


@pytest.fixture(scope="session")
def meltano_yml():
    return yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))


@pytest.fixture
def stage(tmp_path):
    """A sandbox with one small business, and Meltano's environment for it."""
    engine = AccountingEngine()
    business = enter_workshop(engine)
    with running(engine) as sandbox:
        yield Stage(
            sandbox,
            business,
            tmp_path,
            {"TARGET_DUCKDB_PATH": str(tmp_path / "ledger.duckdb")},
        )
