"""The journal of a run: what each format has stays readable, and a run goes on from it without doing again what it has done.

`journals` has, for each format, the rows of a run that was cut off after a tool had answered.
"""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.data.records import database_of, insert_rows
from aasim_core.ids import new_id
from aasim_core.testing.world import Person
from aasim_plugins.executions import states
from aasim_plugins.executions.models import FORMAT, LogEntry, Step, ToolCall
from aasim_plugins.executions.paths import id_of

from ..reaching import bring

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]
_JOURNALS = Path(__file__).parent / "journals"
_TABLES: dict[str, Any] = {"steps": Step, "tool_calls": ToolCall, "log": LogEntry}
_CALL = {"tool_calls": [{"name": "hammer", "arguments": {"what": "nail"}}]}


@pytest.fixture
def carpenter(scripted: Make, shed: Any) -> dict[str, Any]:
    """An agent that hammers once, and then has an answer."""
    return scripted(_CALL, "done", tools=[{"ref": shed.add("hammer")}])


def start(owner: Person, agent: dict[str, Any]) -> str:
    return str(owner.client.post(f"/agents/{agent['id']}/execute", {"input": "hello"}).data["id"])


def journal_of(owner: Person, execution_id: str) -> list[Step]:
    with organization_scope(owner.organization_id):
        return list(Step.select().where(Step.execution_id == execution_id).order_by(Step.number))


def write(owner: Person, execution_id: str, journal: dict[str, Any]) -> None:
    """Give a run that was begun the rows of a journal, with what later formats have left out."""
    known = {"execution_id": execution_id, "organization_id": owner.organization_id}
    with organization_scope(owner.organization_id), database_of(Step).transaction():
        for name, rows in journal.items():
            model = _TABLES[name]
            ids = ({"id": new_id(model._meta.id_prefix)} if "id" in model._meta.fields else {} for _ in rows)
            insert_rows(model, [model().row() | row | own | known for row, own in zip(rows, ids, strict=True)])
        bring(execution_id, states.RUNNING)


@pytest.mark.parametrize("format_", range(FORMAT + 1))
def test_a_run_goes_on_from_the_journal_of_each_format(
    app: App, owner: Person, carpenter: dict[str, Any], work: Work, shed: Any, format_: int
) -> None:
    execution_id = start(owner, carpenter)
    write(owner, execution_id, orjson.loads((_JOURNALS / f"{format_}.json").read_bytes()))
    work()
    assert owner.client.get(f"/executions/{execution_id}").data["output"] == "done"
    assert shed.used == []
    journal = journal_of(owner, execution_id)
    assert [(step.number, step.name) for step in journal] == [(1, "engine"), (2, "tool:hammer"), (3, "engine")]
    assert [step.format for step in journal] == [format_, format_, FORMAT]
    [call] = owner.client.get(f"/executions/{execution_id}/tool-calls").data["items"]
    assert (call["status"], call["result"]["result"]["what"]) == ("done", "nail")


@pytest.mark.long
def test_steps_calls_and_lines_have_one_address(owner: Person, carpenter: dict[str, Any], work: Work) -> None:
    execution_id = start(owner, carpenter)
    work()
    assert [(step.path, step.attempt) for step in journal_of(owner, execution_id)] == [
        ("engine", 1),
        ("tool", 1),
        ("engine#2", 1),
    ]
    [call] = owner.client.get(f"/executions/{execution_id}/tool-calls").data["items"]
    assert call["path"] == "tool"
    lines = owner.client.get(f"/executions/{execution_id}/logs").data["entries"]
    assert [(line["event"], line["path"]) for line in lines if line["event"] != "engine_called"] == [
        ("engine_replied", "engine"), ("tool_called", "tool"), ("tool_returned", "tool"), ("engine_replied", "engine#2"),
        ("succeeded", "engine#2"),
    ]  # fmt: skip


@pytest.mark.long
def test_an_engine_is_asked_the_same_where_the_digests_are(owner: Person, carpenter: dict[str, Any], work: Work) -> None:
    first, second = start(owner, carpenter), start(owner, carpenter)
    work()
    digests = [[step.asked for step in journal_of(owner, execution_id)] for execution_id in (first, second)]
    assert digests[0] == digests[1]
    assert digests[0][0] != digests[0][2]
    assert digests[0][1] is None
    assert len(digests[0][0]) == len(sha256().hexdigest())


@pytest.mark.parametrize(
    ("name", "id_"), [("engine", "engine"), ("Do it!", "do_it_"), ("2nd", "nd"), ("Ü", "step"), ("a" * 50, "a" * 40)]
)
def test_any_name_of_a_step_makes_an_id(name: str, id_: str) -> None:
    assert id_of(name) == id_
