"""Plugins of others keep the contract: an installed distribution, the drop-in that the guide grows, and what bin/new-plugin writes.

They are put outside of the checkout, and their tests run in a process of their own, as their authors would run them. A plugin that
breaks the contract is told of each breach.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytestmark = pytest.mark.long

OUTSIDE = Path(__file__).parent / "outside"
BOOKMARKS = """
from itertools import count

from aasim_core.testing.contract import PluginContract

NUMBERS = count(1)


def bookmark(world, person):
    name = f"Agent {next(NUMBERS)}"
    return {"agent_id": person.client.post("/agents", {"name": name}).data["id"], "name": name}


def bookmark_of_agent(world, person):
    made = person.client.post("/bookmarks", bookmark(world, person)).data
    return made["agent_id"]


class TestContract(PluginContract):
    plugin = "bookmarks"
    samples = {"POST /bookmarks": bookmark}
    objects = {"agent_id": bookmark_of_agent}
"""
DROPPED_IN = """
from pathlib import Path

from aasim_core.testing.contract import PluginContract


class TestContract(PluginContract):
    plugin = "{plugin}"
    folder = Path(__file__).parent / "{folder}"
"""
#: What the suite has to say about the plugin that breaks the contract.
BREACHES = {
    "test_its_manifest_says_what_it_is",
    "test_every_permission_is_asked_for",
    "test_its_readme_names_what_it_brings",
    "test_its_migrations_make_what_its_records_mean",
    "test_its_migrations_go_down",
    "test_an_object_of_another_organization_is_like_none",
    "test_an_id_of_the_wrong_form_is_like_one_of_nothing",
    "test_it_refuses_fields_that_it_does_not_know",
    "test_it_answers_as_the_reference_says",
    "test_a_change_is_an_event",
    "test_what_is_deleted_is_gone",
    "test_a_page_of_a_hundred_rows_takes_as_many_statements_as_one_of_one",
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Mapping[str, Mapping[str, bool]]:
    """By plugin, whether each test of the suite passed for it; a test is passed when it was for all operations."""
    place = tmp_path_factory.mktemp("outside")
    shutil.copytree(OUTSIDE, place, dirs_exist_ok=True)
    _install(place / "site", "aasim-bookmarks", "bookmarks = aasim_bookmarks.bookmarks")
    _follow_the_guide(root, place / "dropins")
    _scaffold(root, place)
    tests = {"bookmarks": BOOKMARKS, "notes": DROPPED_IN.format(plugin="notes", folder="dropins")}
    tests |= {"faulty": DROPPED_IN.format(plugin="faulty", folder="dropins")}
    tests |= {"policies": DROPPED_IN.format(plugin="policies", folder="plugins")}
    for plugin, text in tests.items():
        (place / f"test_{plugin}.py").write_text(text)
    return _run(place)


def _install(site: Path, distribution: str, entry: str) -> None:
    info = site / f"{distribution.replace('-', '_')}-1.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0.0\n")
    (info / "entry_points.txt").write_text(f"[aasim.plugins]\n{entry}\n")


def _follow_the_guide(root: Path, folder: Path) -> None:
    """Write the files of docs/extend/index.md as it says."""
    guide = (root / "docs" / "extend" / "index.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^`(notes/[\w/]+\.(?:py|md))`(?:, further)?:\n\n```\w+\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    for name, text in blocks:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(text)


def _scaffold(root: Path, place: Path) -> None:
    """Have bin/new-plugin write a plugin."""
    shutil.copytree(root / "bin", place / "bin")
    shutil.copy(root / "setup.cfg", place)
    (place / "bin" / "test").write_text("#!/bin/sh\n")
    subprocess.run([sys.executable, place / "bin" / "new-plugin", "policies"], check=True, capture_output=True)
    (place / "setup.cfg").unlink()
    shutil.rmtree(place / "tests")


def _run(place: Path) -> Mapping[str, Mapping[str, bool]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AASIM_", "PYTEST_"))}
    subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not postgresql", "--junitxml=report.xml",
            "--rootdir=.", "-c", os.devnull, ".",  # whatever lies in the folders above
        ],
        cwd=place, env={**environment, "PYTHONPATH": str(place / "site")}, check=False, capture_output=True,
    )  # fmt: skip
    found: dict[str, dict[str, bool]] = {}
    for case in ElementTree.parse(place / "report.xml").iter("testcase"):  # noqa: S314 - pytest has written it just now
        plugin = case.attrib["classname"].partition(".")[0].removeprefix("test_")
        test = case.attrib["name"].partition("[")[0]
        passed = case.find("failure") is None and case.find("error") is None
        found.setdefault(plugin, {})[test] = found.get(plugin, {}).get(test, True) and passed
    return found


@pytest.mark.parametrize("plugin", ["bookmarks", "notes", "policies"])
def test_a_plugin_from_outside_keeps_the_contract(outcomes: Mapping[str, Mapping[str, bool]], plugin: str) -> None:
    assert [test for test, passed in outcomes[plugin].items() if not passed] == []
    assert len(outcomes[plugin]) > 30


def test_every_breach_of_the_contract_is_told(outcomes: Mapping[str, Mapping[str, bool]]) -> None:
    told = {test for test, passed in outcomes["faulty"].items() if not passed}
    assert BREACHES - told == set()
