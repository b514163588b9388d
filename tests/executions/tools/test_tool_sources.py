"""What plugins bring as tools checks itself, so that a wrong name is told where it is written."""

import pytest

from aasim_plugins.executions.hookspecs import Tool, ToolSource


@pytest.mark.parametrize("name", ["", "boom tool!", "a" * 65, "größe", "a:b"])
def test_a_name_that_models_do_not_accept_is_no_name_of_a_tool(name: str) -> None:
    with pytest.raises(ValueError, match="a tool is named with 1 to 64 letters, digits, _ and -, and not"):
        Tool(name, "For a test.", {}, lambda rights, user_id: True)


@pytest.mark.parametrize("kind", ["", "Search", "a:b", "my tools"])
def test_a_kind_of_tools_has_a_plain_name(kind: str) -> None:
    with pytest.raises(ValueError, match="a kind of tools is named with lower-case letters, digits and underscores, and not"):
        ToolSource(kind, lambda rest: None, lambda use: None)
