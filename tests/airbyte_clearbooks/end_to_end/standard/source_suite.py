"""The standard tests of a source."""

from airbyte_cdk.test.standard_tests.source_base import SourceTestSuiteBase
from shim import ROOT, Executable


class TestSource(SourceTestSuiteBase):
    connector = Executable

    @classmethod
    def get_connector_root_dir(cls):
        return ROOT
