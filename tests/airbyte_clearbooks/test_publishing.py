"""What is published says what the code says."""

import re
import tomllib
import zipfile
from urllib.parse import urlsplit

import pytest
import yaml
from defusedxml import ElementTree

from airbyte_clearbooks.destination import Destination
from clearbooks.contract import load_contract
from clearbooks.distribution import page
from tap_clearbooks.streams import STREAMS
from target_clearbooks.writable import WRITABLE
from tests.environments import ROOT, wheel

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
KINDS = ("source", "destination")


def metadata(kind):
    return yaml.safe_load((ROOT / "airbyte" / f"{kind}-clearbooks" / "metadata.yaml").read_text())[
        "data"
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_metadata(kind):
    data = metadata(kind)
    contract = load_contract()
    assert data["connectorType"] == kind
    assert data["dockerImageTag"] == PROJECT["project"]["version"]
    # False until it is published there.
    pypi = data["remoteRegistries"]["pypi"]
    assert pypi == {"enabled": False, "packageName": PROJECT["project"]["name"]}
    assert data["documentationUrl"] == page("docs/airbyte.md")
    hosts = {urlsplit(url).hostname for url in (contract.api_url, contract.token_url)}
    assert set(data["allowedHosts"]["hosts"]) == hosts
    assert set(data.get("suggestedStreams", {}).get("streams", ())) <= set(STREAMS)


def test_the_destination_is_one_for_data_activation():
    assert metadata("destination")["supportsDataActivation"] is True
    assert "discover" in Destination.commands


def test_each_has_an_identity_of_its_own():
    assert len({metadata(kind)["definitionId"] for kind in KINDS}) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_the_icon_is_a_square_drawing(kind):
    icon = ElementTree.parse(ROOT / "airbyte" / f"{kind}-clearbooks" / metadata(kind)["icon"])
    assert icon.getroot().get("viewBox") == "0 0 250 250"


@pytest.mark.parametrize("kind", KINDS)
def test_image(kind):
    text = (ROOT / "airbyte" / f"{kind}-clearbooks" / "Dockerfile").read_text()
    data = metadata(kind)
    assert f'io.airbyte.name="{data["dockerRepository"]}"' in text
    assert f'io.airbyte.version="{data["dockerImageTag"]}"' in text
    assert f'AIRBYTE_ENTRYPOINT="{kind}-clearbooks"' in text
    assert f'ENTRYPOINT ["{kind}-clearbooks"]' in text
    assert "\nUSER airbyte\n" in text
    copied = set(re.findall(r"dist/\S+", re.search("^COPY (.*)$", text, re.MULTILINE)[1]))
    allowed = (ROOT / ".dockerignore").read_text().splitlines()
    assert copied == {line.lstrip("!") for line in allowed if line.startswith("!")}
    assert "--require-hashes" in text
    froms = re.findall("^FROM (\\S+)", text, re.MULTILINE)
    assert froms == ["${BASE}", "${BASE}"]


def test_images_have_one_base_by_its_digest():
    texts = [(ROOT / "airbyte" / f"{kind}-clearbooks" / "Dockerfile").read_text() for kind in KINDS]
    bases = {re.search("^ARG BASE=(.*)$", text, re.MULTILINE)[1] for text in texts}
    assert len(bases) == 1
    assert re.fullmatch("python:3[.]11[.][0-9]+-slim-[a-z]+@sha256:[0-9a-f]{64}", bases.pop())


def test_the_page_tells_of_every_stream_what_the_code_does():
    page = (ROOT / "docs" / "airbyte.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| ((?:full|incr).*) \|$", page, re.MULTILINE))
    resources = load_contract().resources
    assert rows == {
        name: " | ".join(
            (
                "full refresh, incremental" if spec.cursor else "full refresh",
                f"`{spec.cursor}`" if spec.cursor else "",
                ", ".join(f"`{field}`" for field in resources[name].key),
                f"`{resources[name].scope}`",
            )
        )
        for name, spec in STREAMS.items()
    }
    (written,) = re.findall(r"^What the destination writes: (.*)\.$", page, re.MULTILINE)
    assert written == ", ".join(f"`{name}`" for name in WRITABLE)


def test_one_wheel_holds_both_programs_and_no_package_of_airbyte(tmp_path):
    with zipfile.ZipFile(wheel(tmp_path)) as archive:
        names = archive.namelist()
        points = archive.read(next(n for n in names if n.endswith("entry_points.txt"))).decode()
        about = archive.read(next(n for n in names if n.endswith("METADATA"))).decode()
    assert "source-clearbooks = airbyte_clearbooks.source:main" in points
    assert "destination-clearbooks = airbyte_clearbooks.destination:main" in points
    assert "airbyte_clearbooks/reading.py" in names
    assert not re.findall(r"^Requires-Dist: airbyte", about, re.MULTILINE)
