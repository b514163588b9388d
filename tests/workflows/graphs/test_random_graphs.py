"""Random graphs run as a simple interpreter of the same language says: the same outcomes, the same calls once each, the same output."""

from collections import Counter
from typing import Any

import pytest

from aasim_core.context import organization_scope
from aasim_core.testing.world import Person
from aasim_plugins.executions.hookspecs import ToolError, ToolUse
from aasim_plugins.executions.models import Execution
from aasim_plugins.workflows.models import NodeRow

from .interpreter import Interpreter
from .random_graphs import Generator


def act(use: ToolUse) -> Any:
    """A tool that gives its arguments, or fails where they say so."""
    if use.arguments["fails"]:
        raise ToolError("It was to fail.")
    return dict(use.arguments)


def check(seed: int, owner: Person, make: Any, work: Any, shed: Any) -> None:
    """Run the graph of a seed, and compare."""
    shed.does, shed.used[:] = dict.fromkeys(("any", "quick", "quick_look"), act), []
    given = {"k": seed % 10, "items": list(range(seed % 4))}
    definition = Generator(seed, most=60).definition()
    expected = Interpreter(definition, given).run()
    workflow = make(definition["nodes"], **{name: definition[name] for name in ("edges", "output")})
    started = owner.client.post(f"/workflows/{workflow['id']}/execute", {"input": given}).data
    work()
    with organization_scope(owner.organization_id):
        run = Execution.get_by_id(started["id"])
        rows = NodeRow.select(NodeRow.path, NodeRow.outcome).where(NodeRow.execution_id == run.id, NodeRow.path != "")
        outcomes = {row.path: row.outcome for row in rows}
    where = f"seed {seed}"
    assert run.error is None, (where, run.error)
    assert (where, run.status) == (where, "succeeded")
    assert (where, run.output) == (where, expected.output)
    assert (where, outcomes) == (where, expected.outcomes)
    calls = Counter(repr(sorted(use.arguments.items())) for use in shed.used)
    assert (where, calls) == (where, Counter(repr(sorted(each.items())) for each in expected.calls.values()))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(12))
def test_a_random_graph_runs_as_the_interpreter_says(seed: int, owner: Person, make: Any, work: Any, shed: Any) -> None:
    check(seed, owner, make, work, shed)


@pytest.mark.long
@pytest.mark.parametrize("first", range(1000, 2000, 100))
def test_twenty_random_graphs_run_as_the_interpreter_says(first: int, owner: Person, make: Any, work: Any, shed: Any) -> None:
    for seed in range(first, first + 20):
        check(seed, owner, make, work, shed)
