"""Plugins of others keep the contract: an installed distribution, the drop-in that the guide grows, and what ``aasim plugins new`` writes.

They are put outside of the checkout, and their tests run in a process of their own, as their authors would run them. A plugin that
breaks the contract is told of each breach.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from aasim_core.authoring.parts import PARTS

from ...docs.pages import Page, write

pytestmark = pytest.mark.long

OUTSIDE = Path(__file__).parent / "outside"
#: A distribution as its authors have it: with a pyproject.toml, and tests of its own.
SAMPLE = Path(__file__).parents[2] / "sample"
DROPPED_IN = """
from pathlib import Path

from aasim_core.testing.contract import PluginContract


class TestContract(PluginContract):
    plugin = "{plugin}"
    folder = Path(__file__).parent / "{folder}"
"""
#: What ``aasim plugins new`` writes into a folder: one with every part, one that has the name of a class of the core, and one that is
#: called otherwise than what it keeps.
SCAFFOLDED = {
    "policies": ("--with", ",".join(PARTS)),
    "collections": (),
    "inventory": ("--resource", "items", "--with", ",".join(PARTS)),
}
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
    "test_a_permission_held_at_one_place_is_held_there_only",
    "test_it_names_nothing_that_is_not_there_for_its_reader",
    "test_beside_the_api_another_path_or_method_is_refused",
    "test_beside_the_api_no_bytes_make_an_error_of_the_server",
    "test_a_change_is_an_event",
    "test_what_is_deleted_is_gone",
    "test_where_it_is_off_it_is_known_how_others_use_what_it_brings",
    "test_where_it_is_off_what_it_brings_for_other_plugins_is_not_used",
    "test_a_page_of_a_hundred_rows_takes_as_many_statements_as_one_of_one",
}


@dataclass(frozen=True)
class Outcome:
    """By plugin, whether each test of the suite passed for it, for all operations; and all that pytest printed."""

    passed: Mapping[str, Mapping[str, bool]]
    printed: str


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Outcome:
    """What the suite says of plugins outside of the checkout."""
    place = tmp_path_factory.mktemp("outside")
    shutil.copytree(OUTSIDE, place, dirs_exist_ok=True)
    shutil.copytree(SAMPLE / "aasim_bookmarks", place / "site" / "aasim_bookmarks")
    _install(place / "site", "aasim-bookmarks", "bookmarks = aasim_bookmarks")
    shutil.copy(SAMPLE / "tests" / "test_contract.py", place / "test_bookmarks.py")
    write(Page(root / "docs" / "extend" / "index.md").files(), place / "dropins", "notes")
    for name, arguments in SCAFFOLDED.items():
        _call("new", name, "--folder", "plugins", *arguments, cwd=place)
    tests = {plugin: DROPPED_IN.format(plugin=plugin, folder="dropins") for plugin in ("notes", "faulty")}
    for plugin, text in tests.items():
        (place / f"test_{plugin}.py").write_text(text)
    return run_suite(place)


def _install(site: Path, distribution: str, entry: str) -> None:
    info = site / f"{distribution.replace('-', '_')}-1.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0.0\n")
    (info / "entry_points.txt").write_text(f"[aasim.plugins]\n{entry}\n")


def _call(*arguments: str, cwd: Path) -> None:
    """Call ``aasim plugins``."""
    command = (sys.executable, "-m", "aasim_core", "plugins", *arguments)
    subprocess.run(command, cwd=cwd, check=True, capture_output=True)


def run_suite(place: Path) -> Outcome:
    """Run the tests below the folder in a process of their own, on SQLite."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AASIM_", "PYTEST_"))}
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not postgresql", "--junitxml=report.xml",
            "--import-mode=importlib", "--rootdir=.", "-c", os.devnull, ".",  # whatever lies in the folders above
        ],
        cwd=place, env={**environment, "PYTHONPATH": str(place / "site")}, check=False, capture_output=True, text=True,
    )  # fmt: skip
    found: dict[str, dict[str, bool]] = {}
    for case in ElementTree.parse(place / "report.xml").iter("testcase"):  # noqa: S314 - pytest has written it just now
        parts = case.attrib["classname"].split(".")
        plugin = parts[2] if parts[:2] == ["plugins", "tests"] else parts[0].removeprefix("test_")
        test = case.attrib["name"].partition("[")[0]
        passed = case.find("failure") is None and case.find("error") is None
        found.setdefault(plugin, {})[test] = found.get(plugin, {}).get(test, True) and passed
    return Outcome(found, done.stdout)


@pytest.mark.parametrize("plugin", ["bookmarks", "notes", *SCAFFOLDED])
def test_a_plugin_from_outside_keeps_the_contract(outcome: Outcome, plugin: str) -> None:
    assert [test for test, passed in outcome.passed[plugin].items() if not passed] == []
    assert len(outcome.passed[plugin]) > 30


def test_every_breach_of_the_contract_is_told(outcome: Outcome) -> None:
    told = {test for test, passed in outcome.passed["faulty"].items() if not passed}
    assert BREACHES - told == set()


def test_a_failure_prints_its_cause_in_less_than_sixty_lines(outcome: Outcome) -> None:
    failures = re.split(r"^_+ .* _+$", outcome.printed.partition(" short test summary info ")[0], flags=re.MULTILINE)[1:]
    lengths = [len(failure.splitlines()) for failure in failures]
    assert len(failures) > len(BREACHES)
    assert max(lengths) < 60, max(failures, key=len)
    assert any("KeyError: 'size'" in failure and "faulty/api.py" in failure for failure in failures)
