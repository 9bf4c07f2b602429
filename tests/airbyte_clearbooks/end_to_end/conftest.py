"""Tests that need Airbyte's own packages; `AIRBYTE_TESTS=0` leaves them out."""

import os

import pytest

from tests.environments import environment


def pytest_collection_modifyitems(items):
    if os.environ.get("AIRBYTE_TESTS") == "0":
        skip = pytest.mark.skip(reason="AIRBYTE_TESTS=0")
        for item in items:
            if "end_to_end" in item.nodeid and "airbyte" in item.nodeid:
                item.add_marker(skip)


@pytest.fixture(scope="session")
def client():
    """The Python of an environment with PyAirbyte."""
    return environment("client")


@pytest.fixture(scope="session")
def cdk():
    """The Python of an environment with Airbyte's CDK."""
    return environment("cdk")
