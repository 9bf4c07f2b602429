"""The commands of docs/files.md run, in order, as they stand there."""

from __future__ import annotations

import re
import shutil
from decimal import Decimal

from clearbooks_sandbox import AccountingEngine, Options, running
from tests.clearbooks_app.test_docs_writing import Reader
from tests.project.conftest import ROOT

PAGE = (ROOT / "docs" / "files.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_page_can_be_followed(home):
    shutil.copytree(ROOT / "examples", home / "examples")
    engine = AccountingEngine()
    business = engine.add_business("Sandbox Limited")
    outputs = {}
    with running(engine, Options()) as sandbox:
        reader = Reader(home, sandbox.site)
        for kind, name, text in BLOCK.findall(PAGE):
            if name:
                (home / name).write_text(text, encoding="utf-8")
            elif kind == "sh":
                outputs |= {line: reader.run(line) for line in text.splitlines()}
        balances = {row.name: row.balance for row in engine.books(business).trial_balance()}
    (written,) = [v for k, v in outputs.items() if "write examples/marketplace-payout/stripe" in k]
    # The page shows some of what the command says.
    (shown,) = [text for kind, _, text in BLOCK.findall(PAGE) if "By the file" in text]
    for line in shown.splitlines()[2:]:
        assert line == "..." or line in written, line
    assert balances["Current account"] == Decimal("391.59") - Decimal("5471.05")
    assert balances["Salaries"] == Decimal("6750.50")
