"""Airbyte's own packages, each in an environment of its own."""

import pytest

from tests.environments import environment


@pytest.fixture(scope="session")
def client():
    """The Python of an environment with PyAirbyte."""
    return environment("client")


@pytest.fixture(scope="session")
def cdk():
    """The Python of an environment with Airbyte's CDK."""
    return environment("cdk")
