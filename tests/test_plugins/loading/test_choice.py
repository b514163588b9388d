"""Which plugins are on: bundled ones unless turned off, others only if named; unknown names are errors."""

from dataclasses import replace
from typing import Any

import pytest

from aasim_core.bootstrap import load_plugins
from aasim_core.errors import StartupError


def test_a_bundled_plugin_is_on_and_any_other_off_until_it_is_named(site: Any) -> None:
    site.bundle("agents")
    site.install("aasim-slack", "slack")
    site.drop("notes")
    assert site.states() == {"agents": "on", "slack": "off", "notes": "off"}
    assert site.states("slack", "notes") == {"agents": "on", "slack": "on", "notes": "on"}


def test_a_bundled_plugin_can_be_turned_off_and_is_then_not_imported(site: Any) -> None:
    site.bundle("agents", "raise AssertionError")
    assert site.states(disabled=("agents",)) == {"agents": "off"}
    assert not site.imported("agents")


@pytest.mark.parametrize("key", ["enabled", "disabled"])
def test_an_unknown_name_is_an_error_with_the_nearest_match(site: Any, key: str) -> None:
    site.bundle("job_flows")
    settings = site.settings()
    with pytest.raises(StartupError) as refused:
        load_plugins(replace(settings, plugins=replace(settings.plugins, **{key: ("job-flow",)})))
    assert refused.value.problems == (f'Plugin job-flow is named in plugins.{key} and not installed; did you mean "job_flows"?',)


def test_an_unknown_name_is_missing_where_errors_are_skipped(site: Any) -> None:
    site.bundle("agents")
    plugins = site.load("slack", on_error="skip")
    assert {plugin.name: plugin.state for plugin in plugins.found} == {"agents": "on", "slack": "missing"}
    assert plugins.problems == ("Plugin slack is named in plugins.enabled and not installed.",)


def test_an_essential_plugin_cannot_be_turned_off_even_where_errors_are_skipped(site: Any) -> None:
    site.bundle("auth", essential=True)
    settings = site.settings(disabled=("auth",), on_error="skip")
    with pytest.raises(StartupError, match="Plugin auth is essential and cannot be turned off; remove it"):
        load_plugins(settings)


def test_a_name_in_both_lists_is_an_error(site: Any) -> None:
    site.drop("notes")
    with pytest.raises(StartupError, match=r"both in plugins\.enabled and in plugins\.disabled"):
        load_plugins(site.settings("notes", disabled=("notes",), on_error="skip"))


def test_a_drop_in_folder_that_is_not_there_is_an_error(site: Any, tmp_path: Any) -> None:
    settings = site.settings(on_error="skip")
    with pytest.raises(StartupError, match="nowhere, which is no folder; make it, or remove the setting"):
        load_plugins(replace(settings, plugins=replace(settings.plugins, folder=tmp_path / "nowhere")))
