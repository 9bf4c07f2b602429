from __future__ import annotations

from tests.target_clearbooks.prepared import engine, ledger  # noqa: F401 - fixtures
