"""The manifest: what it refuses, and which API versions run here."""

from typing import Any

import pytest

from aasim_core.plugins import Plugin
from aasim_core.plugins.manifest import api_flaw, is_name, version_flaw


def test_a_manifest_needs_a_title_and_a_summary_only() -> None:
    plugin = Plugin("Agents", "Agents, their versions and clones.")
    assert (plugin.requires, plugin.uses, plugin.api, plugin.essential) == ((), (), "1.0", False)


def test_requirements_given_as_a_list_become_a_tuple() -> None:
    assert Plugin("A", "b.", requires=["agents", "job_flows"]).requires == ("agents", "job_flows")


def test_requirements_may_say_which_versions() -> None:
    plugin = Plugin("A", "b.", requires=("agents>=1.0,<2", "job_flows", "notes ~= 3.1"))
    assert plugin.requires == ("agents", "job_flows", "notes")
    assert plugin.constraints == (("agents", ">=1.0,<2"), ("notes", "~= 3.1"))


@pytest.mark.parametrize(
    ("versions", "installed", "complaint"),
    [
        (">=1.0,<2", "1.4", None),
        (">=1.0,<2", "1.5.0rc1", None),
        (">=1.0,<2", "2.0", "has 2.0; install one that fits, or another version of this plugin"),
        (">=1.0", "", "has none, being a folder; leave the versions out"),
        (">=1.0", "tuesday", "has the version tuesday, which cannot be compared; leave the versions out"),
    ],
)
def test_a_version_fits_or_it_is_told_what_to_do(versions: str, installed: str, complaint: str | None) -> None:
    assert version_flaw(versions, installed) == complaint


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"requires": ("agents>=x",)}, 'requires has "agents>=x", whose versions are none; write them as in "agents>=1.2,<2"'),
        ({"uses": ("agents>=1",)}, "uses must be a tuple of plugins' names"),
        ({"title": ""}, "title must be a text"),
        ({"summary": 3}, "summary must be a text"),
        ({"requires": "agents"}, r'write requires=\("agents",\)'),
        ({"uses": ("job-flows",)}, "uses must be a tuple of plugins' names"),
        ({"uses": 3}, "uses must be a tuple of plugins' names"),
        ({"api": "1"}, 'api must look like "1.0"'),
        ({"essential": "yes"}, "essential must be True or False"),
        ({"operators_only": 1}, "operators_only must be True or False"),
    ],
)
def test_a_manifest_that_is_not_valid_says_what_to_write(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Plugin(**{"title": "A", "summary": "b."} | arguments)


@pytest.mark.parametrize("name", ["agents", "job_flows", "s3", "a1_b2"])
def test_a_name_is_lower_case_words(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("name", ["", "Agents", "job-flows", "_x", "x_", "a__b", "1a", "core", "a.b", "ägents"])
def test_a_name_is_nothing_else_and_not_the_cores(name: str) -> None:
    assert not is_name(name)


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [("1.0", None), ("2.0", "install a version of it for 1.x"), ("0.9", "for 1.x"), ("1.1", "upgrade aasim")],
)
def test_a_plugin_runs_where_the_major_version_is_equal_and_the_minor_not_newer(wanted: str, complaint: str | None) -> None:
    flaw = api_flaw(wanted)
    assert flaw is None if complaint is None else complaint in str(flaw)
