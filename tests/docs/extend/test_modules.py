"""docs/extend/modules.md says which bundled plugins have which of the modules that others may import."""

import re
from pathlib import Path

import pytest

from ..pages import Page

ROOT = Path(__file__).parents[3]
PAGE = Page(ROOT / "docs" / "extend" / "modules.md")
PLUGINS = {file.parent.name for file in (ROOT / "plugins").glob("*/__init__.py")}


@pytest.mark.parametrize("module", ["models", "service", "hookspecs", "resources"])
def test_the_page_names_the_plugins_that_have_a_module(module: str) -> None:
    have = {plugin for plugin in PLUGINS if (ROOT / "plugins" / plugin / f"{module}.py").exists()}
    [row] = re.findall(rf"^\| `{module}` \| .* \| (.*) \|$", PAGE.text, re.MULTILINE)
    named = set(re.findall(r"`(\w+)`", row))
    assert (PLUGINS - named if row.startswith("all but") else named) == have
