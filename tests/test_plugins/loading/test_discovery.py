"""Finding plugins: installed and dropped in, without running any."""

from importlib.abc import Loader
from importlib.util import spec_from_file_location
from typing import Any

import pytest

from aasim_core.plugins.loading.discovery import discover
from aasim_core.plugins.loading.manifest_reader import read


def test_nothing_that_is_found_is_imported(site: Any) -> None:
    site.install("aasim-slack", "slack", "raise AssertionError")
    site.drop("notes", "raise AssertionError")
    assert list(discover(site.dropins)) == ["notes", "slack"]
    assert not site.imported("slack")
    assert not site.imported("notes")


def test_the_title_and_the_requirements_of_a_plugin_that_never_ran_are_known(site: Any) -> None:
    site.install("aasim-slack", "slack", title="Slack", requires=("agents",), uses=("webhooks",))
    found = site.examine().find("slack")
    assert (found.title, found.summary, found.requires, found.uses) == ("Slack", "For a test.", ("agents",), ("webhooks",))


def test_the_origin_is_bundled_or_the_distribution_or_the_folder(site: Any) -> None:
    site.bundle("agents")
    site.install("aasim-slack", "slack", version="3.1")
    site.drop("notes")
    found = site.examine()
    assert [(p.name, p.origin, p.version) for p in found.found] == [
        ("agents", "bundled", "0.0.1"), ("notes", str(site.dropins), ""), ("slack", "aasim-slack", "3.1"),
    ]  # fmt: skip


def test_a_drop_in_may_be_a_single_file(site: Any) -> None:
    site.drop("package")
    source = (site.dropins / "package" / "__init__.py").read_text()
    (site.dropins / "single.py").write_text(source)
    assert [plugin.name for plugin in site.load("single").on] == ["single"]


def test_what_is_no_plugin_in_the_folder_is_passed_over(site: Any) -> None:
    site.drop("notes")
    for name in ("_private.py", ".hidden.py", "readme.txt"):
        (site.dropins / name).write_text("raise AssertionError")
    (site.dropins / "data").mkdir()
    assert list(discover(site.dropins)) == ["notes"]


def test_the_name_of_a_command_is_no_name_for_a_plugin(site: Any) -> None:
    site.drop("jobs")
    assert site.reason("jobs", "jobs") == "has the name of the command aasim jobs, which would hide its own; give it another name"
    assert not site.imported("jobs")


def test_one_name_in_two_distributions_is_a_problem_that_names_both(site: Any) -> None:
    site.install("aasim-slack", "slack")
    site.install("slack-for-aasim", "slack", version="9.0")
    assert site.reason("slack", "slack") == (
        "is there twice: in the distribution aasim-slack 1.2.0 and in the distribution slack-for-aasim 9.0; remove one of them"
    )


def test_one_name_installed_and_dropped_in_is_a_problem_that_names_both(site: Any) -> None:
    site.install("aasim-slack", "slack")
    site.drop("slack")
    complaint = site.reason("slack", "slack")
    assert "the distribution aasim-slack 1.2.0" in complaint
    assert str(site.dropins) in complaint


@pytest.mark.parametrize("distribution", ["aaa-impostor", "zzz-impostor"])
def test_no_other_distribution_turns_a_bundled_plugin_off_unseen_by_taking_its_name(site: Any, distribution: str) -> None:
    site.bundle("auth", essential=True)
    site.install(distribution, "auth")
    plugins = site.examine()
    assert plugins.fatal == plugins.problems
    assert f"distribution {distribution}" in plugins.problems[0]


def test_a_clash_of_plugins_that_are_off_stops_nothing(site: Any) -> None:
    site.install("aasim-slack", "slack")
    site.install("slack-for-aasim", "slack")
    plugins = site.examine()
    assert plugins.problems == ()
    assert plugins.find("slack").state == "off"


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("nowhere.at_all", "has the entry point 'nowhere.at_all', and there is no such package"),
        ("json:loads", "has the entry point 'json:loads', which must name a package: 'package.slack'"),
        ("a-b.c", "has the entry point 'a-b.c', which must name a package"),
        ("sys", "is no ordinary module"),
    ],
)
def test_an_entry_point_that_leads_nowhere_is_named(site: Any, value: str, complaint: str) -> None:
    site.install("aasim-slack", "slack", value=value)
    assert complaint in site.reason("slack", "slack")


def test_a_name_that_cannot_be_one_is_refused(site: Any) -> None:
    site.install("aasim-slack", "Slack")
    assert "use lower-case words" in site.reason("Slack", "Slack")


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("'''Nothing.'''", "has no manifest; write plugin = Plugin("),
        ("plugin = 3", "has no manifest"),
        ("plugin = Plugin(TITLE, 'x')", "only running it could tell; use literals"),
        ("plugin = Plugin('t', 's', **{'a': 1})", "has a manifest with None"),
        ("plugin = Plugin('t', 's', reqires=('a',))", "has a manifest with reqires; a manifest has title, summary, requires"),
        ("plugin = Plugin('t')", "missing 1 required positional argument: 'summary'"),
        ("plugin = Plugin('t', 's', requires='a')", 'write requires=("a",)'),
        ("plugin = Plugin('t', 's'", "does not import: SyntaxError: '(' was never closed (notes/__init__.py:1)"),
        ("plugin = Plugin('t', 's')\x00", "does not import: "),
        ("plugin = Plugin('t', 's', essential=True)", "only a bundled plugin can be"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_explained(site: Any, source: str, complaint: str) -> None:
    site.drop("notes")
    (site.dropins / "notes" / "__init__.py").write_text(source)
    assert complaint in site.reason("notes", "notes")
    assert not site.imported("notes")


@pytest.mark.parametrize("source", ["plugin: Plugin = Plugin('Typed', 's')", "plugin = aasim_core.Plugin('Typed', 's')"])
def test_a_manifest_may_be_annotated_or_qualified(site: Any, source: str) -> None:
    site.drop("notes")
    (site.dropins / "notes" / "__init__.py").write_text(source)
    assert site.examine().find("notes").title == "Typed"


class SourcelessLoader(Loader):
    """A loader that gives no source, as pytest's is for the packages whose assertions it rewrites."""


def test_a_manifest_is_read_from_the_file_whatever_loads_the_module(site: Any) -> None:
    file = site.drop("notes", title="Notes") / "__init__.py"
    spec = spec_from_file_location("notes", file, loader=SourcelessLoader())
    assert spec is not None
    assert read(spec).manifest.title == "Notes"


def test_a_source_in_another_encoding_is_read(site: Any) -> None:
    site.drop("notes")
    text = "# coding: latin-1\nfrom aasim_core.plugins import Plugin\nplugin = Plugin('Größe', 's')\n"
    (site.dropins / "notes" / "__init__.py").write_bytes(text.encode("latin-1"))
    assert site.examine().find("notes").title == "Größe"


def test_two_folders_with_plugins_of_one_name_do_not_mix(site: Any, tmp_path: Any) -> None:
    site.drop("notes", "WHERE = 'first'")
    first = site.load("notes").on[0].module
    site.dropins.rename(tmp_path / "moved")
    site.drop("notes", "WHERE = 'second'")
    site.dropins.rename(tmp_path / "other")
    (tmp_path / "other").rename(tmp_path / "else")
    from dataclasses import replace

    from aasim_core.bootstrap import load_plugins

    settings = site.settings("notes")
    second = load_plugins(replace(settings, plugins=replace(settings.plugins, folder=tmp_path / "else"))).on[0].module
    assert (first.WHERE, second.WHERE) == ("first", "second")
