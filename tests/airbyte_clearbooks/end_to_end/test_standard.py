"""Airbyte's own standard tests, all but those that build an image."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.airbyte_clearbooks.program import DESTINATION, SOURCE
from tests.environments import ROOT

pytestmark = pytest.mark.heavy
SUITES = Path(__file__).parent / "standard"
SECTIONS = {
    "source": ("spec", "connection", "discovery", "basic_read", "full_refresh"),
    "destination": ("spec", "connection"),
}
# What the books of this test hold none of.
EMPTY = (
    "bills",
    "expenses",
    "payments",
    "purchase_allocations",
    "purchase_attachments",
    "purchase_credit_notes",
    "quotes",
    "sales_allocations",
    "sales_attachments",
    "sales_credit_notes",
    "stock_items",
    "suppliers",
)


@pytest.mark.parametrize(("kind", "program"), [("source", SOURCE), ("destination", DESTINATION)])
def test_standard(cdk, books, tmp_path, kind, program):
    root = tmp_path / f"{kind}-clearbooks"
    root.mkdir()
    shutil.copy(ROOT / "airbyte" / root.name / "metadata.yaml", root)
    # A copy, since this project's own conftest.py cannot be loaded over there.
    for name in ("shim.py", f"{kind}_suite.py"):
        shutil.copy(SUITES / name, root)
    good = books.config(tmp_path, attachments=True)
    bad = {**good, "credentials": {"auth_type": "access_token", "access_token": "not-a-token"}}
    for name, config in (("good", good), ("bad", bad)):
        (root / f"{name}.json").write_text(json.dumps(config))
    tests = {name: {"tests": [{"config_path": "good.json"}]} for name in SECTIONS[kind]}
    tests["connection"]["tests"] = [
        {"config_path": "good.json", "status": "succeed"},
        {"config_path": "bad.json", "status": "failed"},
    ]
    if kind == "source":
        empty = [{"name": name, "bypass_reason": "none in these books"} for name in EMPTY]
        for section in ("basic_read", "full_refresh"):
            tests[section]["tests"][0]["empty_streams"] = empty
    (root / "acceptance-test-config.yml").write_text(
        yaml.safe_dump(
            {
                "connector_image": f"{root.name}:dev",
                "test_strictness_level": "high",
                "acceptance_tests": tests,
            }
        )
    )
    done = subprocess.run(
        [
            cdk,
            "-m",
            "pytest",
            root / f"{kind}_suite.py",
            "-q",
            "-rs",
            "-m",
            "not image_tests",
            "-p",
            "airbyte_cdk.test.standard_tests.pytest_hooks",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            root,
        ],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={
            **os.environ,
            "CONNECTOR_ROOT": str(root),
            "CONNECTOR": program,
            "CI": "1",
            "PYTHONPATH": str(root),
            "AIRBYTE_OFFLINE_MODE": "1",
            "HOME": str(tmp_path),
        },
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    # Spec, spec against configuration, two checks, discover, read, and a read that must fail.
    assert f"{7 if kind == 'source' else 3} passed" in done.stdout
