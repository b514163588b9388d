"""The scenarios of the specification's own tests (Serverless Workflow, folder ctk/features), and whether a run is as they say."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent / "ctk"
_STEP = re.compile(r'^ *(?:Given|When|Then|And(?: given)?) (.+?):?(?:\n\s*"""yaml\n(.*?)""")?\s*$', re.MULTILINE | re.DOTALL)
_NAMES = re.compile(r"'([^']+)'")
_MISSING = object()


@dataclass(frozen=True)
class Scenario:
    """A scenario: its name, the document, the input, and its steps after the run, each with its value."""

    name: str
    document: Mapping[str, Any]
    given: Any
    expected: tuple[tuple[str, Any], ...]


def scenarios() -> Iterator[Scenario]:
    """All of them."""
    for file in sorted(HERE.glob("*.feature")):
        for text in file.read_text(encoding="utf-8").split("Scenario: ")[1:]:
            name, _, rest = text.partition("\n")
            rest = re.sub(r"^ *#.*\n", "", rest, flags=re.MULTILINE)
            steps = [(step, yaml.safe_load(value) if value else None) for step, value in _STEP.findall(rest)]
            known = dict(steps)
            expected = tuple(steps[[step for step, _ in steps].index("the workflow is executed") + 1 :])
            yield Scenario(name.strip(), known["a workflow with definition"], known.get("the workflow input is"), expected)


def unsupported() -> set[str]:
    """The names of those that are not met, which are listed under the reasons why. The list only shrinks."""
    lines = (HERE / "unsupported.txt").read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def unmet(scenario: Scenario, told: Mapping[str, Any], tasks: Mapping[str, str]) -> list[str]:
    """The steps that a run does not meet; `tasks` are the names of tasks by the nodes that they became."""
    execution = told["execution"]
    ran = [tasks[node["node"]] for node in told["nodes"] if node["node"] in tasks and node["outcome"] != "skipped"]
    return [step for step, value in scenario.expected if not _is_met(step, value, execution, ran)]


def _is_met(step: str, value: Any, execution: Mapping[str, Any], ran: list[str]) -> bool:
    output, names = execution["output"], _NAMES.findall(step)
    if step.startswith("the workflow should complete"):
        return execution["status"] == "succeeded" and (value is None or output == value)
    if step.startswith("the workflow should fault"):
        return execution["status"] == "failed" and (value is None or _error(execution) == value)
    if order := re.fullmatch(r"(\w+) should run (first|last|after (\w+))", step):
        return _is_in_order(order, ran)
    if number := re.search(r"containing (\d+) items", step):
        return len(_at(output, names[0])) == int(number[1])
    if step.endswith("with value"):
        return _at(output, names[0]) == value
    assert step.startswith("the workflow output should have properties"), step
    return all(_at(output, name) is not _MISSING for name in names)


def _is_in_order(order: re.Match[str], ran: list[str]) -> bool:
    task, how, other = order.groups()
    return ran[0] == task if how == "first" else ran[-1] == task if how == "last" else ran.index(task) > ran.index(other)


def _error(execution: Mapping[str, Any]) -> Any:
    """The error that a task raised, which the message of the run's error has after its title."""
    message = execution["error"]["message"]
    return json.loads(message[message.index("{") :])


def _at(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value.get(name, _MISSING) if isinstance(value, dict) else _MISSING
    return value
