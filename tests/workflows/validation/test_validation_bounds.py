"""However hostile a definition is: looking it through ends after so many steps, and what is found fine can be run."""

import random
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from aasim_core.testing.world import Person
from aasim_plugins.workflows import definition as definitions
from aasim_plugins.workflows.kernel import flow as f
from aasim_plugins.workflows.kernel.decide import decide

from .definition_bombs import BOMBS, bomb
from .mangling import mangled

MOST_LINES = 4_000_000


def lines_of(call: Callable[[], Any]) -> int:
    """How many lines of Python the call runs in the platform's code, and in what that uses to compare names."""
    lines = 0

    def trace(frame: FrameType, event: str, value: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace

    def begins(frame: FrameType, event: str, value: Any) -> Any:
        name = frame.f_code.co_filename
        return trace if "/plugins/workflows/" in name or "/user_code/" in name or name.endswith("difflib.py") else None

    before = sys.gettrace()
    sys.settrace(begins)
    try:
        call()
    finally:
        sys.settrace(before)
    return lines


@pytest.mark.long
@pytest.mark.parametrize("name", BOMBS)
def test_looking_a_definition_through_takes_a_bounded_number_of_steps(owner: Person, name: str) -> None:
    answers: list[Any] = []
    definition = bomb(name)
    lines = lines_of(lambda: answers.append(owner.client.post("/workflows/validate", {"definition": definition})))
    assert answers[0].status == 200
    assert lines <= MOST_LINES


def _run(definition: dict[str, Any]) -> None:
    """Read the definition, and begin a run of it as its kernel sees it, until there is nothing left to begin."""
    graph = definitions.read(definition).graph
    flow, commands = decide(f.Flow(graph), f.Begin())
    todo = list(commands)
    while todo:
        if isinstance(command := todo.pop(), f.Perform):
            node = flow.graph_of(flow.instances[command.path].scope).nodes[command.path.rpartition(".")[2]]
            ended = f.Expanded(command.path, 2) if node.loop is not None else f.Ended(command.path, f.DONE)
            flow, more = decide(flow, ended)
            todo += more


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 8))])
def test_what_is_found_fine_can_be_read_and_begun(owner: Person, shed: Any, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - it plays dice
    verdicts = []
    for _ in range(60):
        definition = mangled(dice)
        answer = owner.client.post("/workflows/validate", {"definition": definition})
        assert answer.status == 200, (answer.body, definition)
        verdicts.append(answer.data["is_valid"])
        if answer.data["is_valid"]:
            _run(definition)
    assert {True, False} == set(verdicts)
