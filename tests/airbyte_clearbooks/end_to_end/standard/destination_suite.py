"""The standard tests of a destination."""

from airbyte_cdk.test.standard_tests.destination_base import DestinationTestSuiteBase
from shim import ROOT, Executable


class TestDestination(DestinationTestSuiteBase):
    connector = Executable

    @classmethod
    def get_connector_root_dir(cls):
        return ROOT
