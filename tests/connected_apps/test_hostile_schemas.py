"""What MCP servers say that their tools take: schemas that are bombs are left out, and a value is checked in bounded steps."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aasim_core.testing.databases import Databases
from aasim_plugins.connected_apps.connecting import AppError

from ..user_code.schemas import BOMBS
from .conftest import Apps
from .test_mcp import connect, operations, running

pytestmark = pytest.mark.long

#: It applies itself twice to each property, so that each level of a value doubles the work.
DOUBLED_TREE = {"type": "object", "allOf": [{"properties": {"a": {"$ref": "#"}}}] * 2}
#: What else no schema of use has: numbers of more than 64 bits, NUL, and more than a hundred levels.
ODD = [{"maximum": 10**40}, {"description": "\0"}, json.loads('{"not":' * 150 + "{}" + "}" * 150)]
HOSTILE = {f"bomb_{number}": {"type": "object", **schema} for number, schema in enumerate([*BOMBS.values(), *ODD])}


@pytest.fixture
def databases(sqlite_folder: Databases) -> Databases:
    """One database will do: what is read does not depend on it."""
    return sqlite_folder


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A server with hostile tools and one that refers to itself; where it is."""
    file = tmp_path / "schemas.json"
    file.write_text(json.dumps({**HOSTILE, "tree": DOUBLED_TREE}), encoding="utf-8")
    with running(file) as url:
        yield url


def nested(depth: int) -> Any:
    """A value of so many levels."""
    value: Any = {}
    for _ in range(depth):
        value = {"a": value}
    return value


def test_a_tool_whose_schema_is_a_bomb_is_left_out_and_the_others_are_told(apps: Apps, server: str) -> None:
    made = connect(apps, {"url": f"{server}/mcp"})
    assert (made["status"], made["last_error"]) == ("connected", None)
    told = operations(apps, made)
    assert [name for name in told if name in HOSTILE] == []
    assert "tree" in told and apps.call(made, "weather", {"city": "Vienna"})["degrees"] == 21


def test_arguments_that_take_too_many_steps_are_refused_before_the_server_is_asked(apps: Apps, server: str) -> None:
    made = connect(apps, {"url": f"{server}/mcp"})
    assert apps.call(made, "tree", nested(5))
    with pytest.raises(AppError, match="takes too many steps to check") as caught:
        apps.call(made, "tree", nested(30))
    assert caught.value.code == "invalid_arguments"
