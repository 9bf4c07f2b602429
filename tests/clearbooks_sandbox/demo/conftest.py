"""One demo for all tests here: nothing in them changes it."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from clearbooks_sandbox import AccountingEngine
from clearbooks_sandbox.accounting.books import Books
from clearbooks_sandbox.demo import build


class Demo(NamedTuple):
    engine: AccountingEngine
    big: int
    small: int

    @property
    def books(self) -> Books:
        return self.engine.books(self.big)


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    engine = AccountingEngine()
    yield Demo(engine, *build(engine))
    engine.close()
