"""Airbyte's standard tests, with the connector as the program that it is.

The tests expect a Python object of the CDK; here each of their commands runs the executable and
hands back its lines. Runs inside the environment of the CDK, never in the project's own.
"""

import os
import subprocess
from pathlib import Path

from airbyte_cdk.test import entrypoint_wrapper

ROOT = Path(os.environ["CONNECTOR_ROOT"])


class Executable:
    """Stands for the connector; the tests look for `spec` only."""

    def spec(self, _logger):
        raise AssertionError("the tests call the program")


def run_command(source, args, expecting_exception=None, *, expected_outcome=None):
    """What `entrypoint_wrapper._run_command` does, by a process of its own."""
    done = subprocess.run(
        [os.environ["CONNECTOR"], *args], capture_output=True, text=True, timeout=120, check=False
    )
    output = entrypoint_wrapper.EntrypointOutput(messages=done.stdout.splitlines())
    failed = bool(output.errors)
    assert failed == bool(done.returncode), (done.returncode, done.stdout[-2000:], done.stderr)
    return output


entrypoint_wrapper._run_command = run_command
