"""How the project is installed: from its repository, with extras that bring what is offered."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib

import pytest
from packaging.requirements import Requirement

from clearbooks.distribution import install, page, repository
from tests.project.conftest import BIN, ROOT
from tools.generate import about

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
PACKAGES = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
# A command or a setting that installs something of a name.
INSTALLS = re.compile(
    r"(?:pip3? install|pipx (?:install|run)|uvx|uv (?:pip|tool) install|pip_url).*clearbooks-.*"
)
FROM_HERE = re.compile(r"(?:\.\.?/|dist/)\S*|\s-e\s")
SUFFIXES = {".md", ".py", ".yml", ".yaml", ".toml", ".sh"}


def told():
    """`(file, line)` of every file that speaks of an installation to people."""
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in done.stdout.split("\0"):
        path = ROOT / name
        if path.suffix in SUFFIXES and not name.startswith(("tests/", "benchmarks/peers/")):
            for line in path.read_text(encoding="utf-8").splitlines():
                yield name, line


def test_nobody_is_sent_to_an_index():
    """Until the project is on one: another name might be somebody else's."""
    source = f"git+{repository()}.git"
    found = {line: name for name, line in told() if INSTALLS.search(line)}
    wrong = [
        f"{name}: {line}"
        for line, name in found.items()
        if source not in line and not FROM_HERE.search(line) and "git+{repository()}" not in line
    ]
    assert wrong == []
    assert len(found) >= 6
    assert not [name for name, line in told() if "pypi.org/project/clearbooks" in line]


def test_the_address_is_that_of_the_metadata():
    assert repository() == PROJECT["urls"]["Repository"]
    assert page("docs/airbyte.md").startswith(repository())
    assert install("files").startswith("pip install 'clearbooks-connectors[files] @ git+https://")
    addresses = {
        url
        for name, line in told()
        for url in re.findall(r"https://example\.com/[\w.-]+", line)
        if "clearbooks-connectors" in url
    }
    assert {address.removesuffix(".git") for address in addresses} == {repository()}
    assert set(PROJECT["urls"]) == {"Repository", "Documentation", "Changelog", "Issues"}
    assert all("@" in author["email"] for author in PROJECT["authors"])


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_says_that_it_is_typed(package):
    assert (ROOT / package / "py.typed").is_file()


class TestExtras:
    """What `--about` offers and a plain install lacks, an extra brings."""

    def wanted(self, extra):
        return {Requirement(each).name for each in PROJECT["optional-dependencies"][extra]}

    @pytest.mark.parametrize("program", ["tap-clearbooks", "target-clearbooks"])
    def test_what_the_sdk_offers(self, program):
        offered = about(program)["settings"]["properties"]
        assert "faker_config" in offered
        assert self.wanted("faker") == self.wanted("parquet") == self.wanted("s3") == {"singer-sdk"}
        formats = offered.get("batch_config", {}).get("properties", {}).get("encoding", {})
        if program == "tap-clearbooks":
            assert "parquet" in formats["properties"]["format"]["enum"]
        else:
            assert formats == {}

    @pytest.mark.parametrize(
        ("extra", "brought"), [("faker", "faker"), ("parquet", "pyarrow"), ("s3", "s3fs")]
    )
    def test_the_lock_brings_it(self, extra, brought):
        """An override of the SDK in `tool.uv` would drop the extras that are asked of it."""
        lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
        packages = {package["name"]: package for package in lock["package"]}
        ours = packages[PROJECT["name"]]["optional-dependencies"][extra]
        assert {"name": "singer-sdk", "extra": [extra]} in ours
        sdk = packages["singer-sdk"]["optional-dependencies"][extra]
        assert brought in {dependency["name"] for dependency in sdk}

    def test_a_stream_map_with_faker(self, tmp_path):
        config = tmp_path / "config.json"
        contacts = ROOT / "examples" / "contact-sync" / "contacts.csv"
        config.write_text(
            json.dumps(
                {
                    "files": [{"path": str(contacts), "as": "contacts"}],
                    "faker_config": {"seed": 7, "locale": "en_GB"},
                    "stream_maps": {"customers": {"name": "fake.name()"}},
                }
            )
        )
        runs = [
            subprocess.run(
                [BIN / "tap-clearbooks-files", "--config", config],
                check=True,
                capture_output=True,
                text=True,
                cwd=tmp_path,
            ).stdout
            for _ in range(2)
        ]
        names = [
            [
                m["record"]["name"]
                for m in map(json.loads, out.splitlines())
                if m["type"] == "RECORD" and m["stream"] == "customers"
            ]
            for out in runs
        ]
        assert names[0] == names[1] != []
        assert not {name for name in names[0] if name in contacts.read_text(encoding="utf-8")}
