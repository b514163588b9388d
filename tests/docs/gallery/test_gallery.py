"""The gallery has a plugin for each hook, of files that are short, and nothing is wrong with any of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aasim_core.app import App
from aasim_core.commands.plugins import group
from aasim_core.testing.apps import settings_in

from ...test_plugins.hooks.test_documentation import HOOKS, marked
from .conftest import ROWS, Row

FEW, SHORT = 3, 60


def test_each_hook_has_a_row(root: Path) -> None:
    offered = set().union(*(marked(file, "hookspec") for file in (root / "plugins").glob("*/hookspecs.py")))
    assert sorted(row.hook for row in ROWS) == sorted({*HOOKS, *offered})


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.hook)
def test_the_plugin_of_a_row_implements_its_hook(gallery: Path, row: Row) -> None:
    assert row.hook in marked(gallery / row.plugin / "__init__.py", "hookimpl")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.hook)
def test_a_row_counts_the_lines_of_its_plugin(row: Row) -> None:
    assert row.lines == sum(text.count("\n") for text in row.files.values())


@pytest.mark.parametrize("row", [row for row in ROWS if row.page.path.parent.name == "gallery"], ids=lambda row: row.hook)
def test_a_plugin_of_the_gallery_can_be_read_in_a_minute(row: Row) -> None:
    assert len([name for name in row.files if "/migrations/" not in name]) <= FEW
    assert max(text.count("\n") for text in row.files.values()) <= SHORT


def test_all_of_them_are_on_in_one_installation(app: App) -> None:
    assert {row.plugin for row in ROWS} <= {plugin.name for plugin in app.plugins.on}


@pytest.mark.long
def test_nothing_is_wrong_with_any_of_them(tmp_path: Path, plugin_settings: Mapping[str, Any]) -> None:
    checked = CliRunner().invoke(group, ["check"], obj=settings_in(tmp_path, plugin_settings))
    assert checked.output == "Nothing is wrong with the plugins.\n", checked.exception
