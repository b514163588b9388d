"""Labels of runs: checked when they are given, inherited by what the run starts, and what runs are found by."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.testing.world import Person
from aasim_plugins.executions.lists.labels import LabelRow
from aasim_plugins.executions.log import retention
from aasim_plugins.executions.models import Execution

from ..tools.test_agents_as_tools import boss_of, children_of

Make = Callable[..., dict[str, Any]]
Work = Callable[[], int]


def execute(owner: Person, agent: dict[str, Any], **labels: str) -> dict[str, Any]:
    return dict(owner.client.post(f"/agents/{agent['id']}/execute", {"input": "Hi", "labels": labels}).data)


def found(owner: Person, query: str) -> list[str]:
    return [item["id"] for item in owner.client.get(f"/executions?{query}").data["items"]]


def test_runs_are_found_by_a_label(owner: Person, scripted: Make) -> None:
    agent = scripted("done")
    first = execute(owner, agent, customer="acme", ticket="T:7")
    second, third = execute(owner, agent, customer="acme"), execute(owner, agent, customer="ACME")
    assert first["labels"] == {"customer": "acme", "ticket": "T:7"}
    assert found(owner, "label=customer:acme") == [second["id"], first["id"]]
    assert found(owner, "label=ticket:T:7&status=queued") == [first["id"]]
    assert found(owner, "label=customer:acme&kind=agent&limit=1") == [second["id"]]
    assert found(owner, "label=customer:ACME") == [third["id"]]
    of_agent = owner.client.get(f"/agents/{agent['id']}/executions?label=ticket:T:7").data["items"]
    assert [item["id"] for item in of_agent] == [first["id"]]


def test_a_run_without_labels_has_none(owner: Person, scripted: Make) -> None:
    assert execute(owner, scripted("done"))["labels"] == {}


@pytest.mark.parametrize(
    ("labels", "code", "said"),
    [
        ({f"key_{n}": "x" for n in range(17)}, "invalid_format", "at most 16 labels"),
        ({"Customer": "acme"}, "invalid_format", "'Customer' is no key of a label; write up to 40 of a-z"),
        ({"a:b": "acme"}, "invalid_format", "is no key of a label"),
        ({"customer": ""}, "invalid_format", "1 to 100 printable characters for the label customer"),
        ({"customer": "x" * 101}, "invalid_format", "1 to 100 printable characters"),
        ({"customer": "a\nb"}, "invalid_format", "1 to 100 printable characters"),
        ({"customer": 7}, "invalid_format", "1 to 100 printable characters"),
        (["customer"], "invalid_type", "an object"),
    ],
)
def test_labels_are_checked(owner: Person, scripted: Make, labels: Any, code: str, said: str) -> None:
    answer = owner.client.post(f"/agents/{scripted('done')['id']}/execute", {"input": "Hi", "labels": labels})
    assert answer.codes == {"labels": [code]}
    assert said in answer.body["errors"]["labels"][0]["message"]


def test_a_label_is_asked_for_with_key_and_value(owner: Person) -> None:
    answer = owner.client.get("/executions?label=customer")
    assert answer.codes == {"label": ["invalid_parameter"]}
    assert "customer:acme" in answer.body["errors"]["label"][0]["message"]


def test_what_a_run_starts_has_its_labels_and_so_has_its_repetition(owner: Person, scripted: Make, work: Work) -> None:
    boss = execute(owner, boss_of(scripted, scripted("I did.", name="Helper")), customer="acme")
    work()
    work()
    [child] = children_of(owner, boss)
    again = owner.client.post(f"/executions/{boss['id']}/retry", {}).data
    assert child["labels"] == again["labels"] == {"customer": "acme"}
    assert found(owner, "label=customer:acme") == [again["id"], child["id"], boss["id"]]


def test_labels_go_with_their_run(app: App, owner: Person, scripted: Make, work: Work) -> None:
    execution = execute(owner, scripted("done"), customer="acme")
    work()
    long_ago = now() - timedelta(days=500)
    with organization_scope(owner.organization_id):
        Execution.update(created_at=long_ago, finished_at=long_ago).where(Execution.id == execution["id"]).execute()
        retention.prune_some(app, owner.organization_id)
        assert list(LabelRow.select()) == []
