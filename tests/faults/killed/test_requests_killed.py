"""A worker is killed while requests of nodes are under way: people are asked what became of them, and nothing is sent or told twice."""

from collections.abc import Mapping
from secrets import token_hex
from typing import Any

import pytest

from ...bench.contestants.aasim import register
from ..deployment import Deployment, until
from ..till import Till
from ..workload import Client

pytestmark = [pytest.mark.long, pytest.mark.faults]
#: People decide what they have asked for themselves.
_POLICY = {
    "name": "What became of it", "kinds": ["unknown_outcome"], "assignees": [{"type": "owner"}], "own_requests": True,
}  # fmt: skip


def pay(id_: str, till: Till) -> dict[str, Any]:
    """A node that pays."""
    url = f"http://127.0.0.1:{till.port}/payments"
    return {"id": id_, "type": "http", "config": {"method": "POST", "url": url, "body": {"note": id_}}}


def tell(id_: str) -> dict[str, Any]:
    """A node that tells that something has happened."""
    return {"id": id_, "type": "emit_event", "config": {"name": f"custom.{id_}"}}


def definitions(till: Till) -> Mapping[str, Any]:
    """A workflow that pays in its own run, and one that does so in two branches, which are runs of their own."""
    ways = (("begun", "alone"), ("alone", "paid")), (("parted", "left"), ("parted", "right"), ("left", "met"), ("right", "met"))
    chain, branches = ([{"from": one, "to": other} for one, other in each] for each in ways)
    return {
        "Chain": {"language": 1, "nodes": [tell("begun"), pay("alone", till), tell("paid")], "edges": chain},
        "Branches": {
            "language": 1,
            "nodes": [tell("parted"), pay("left", till), pay("right", till), tell("met")],
            "edges": branches,
        },
    }


def test_a_request_whose_worker_dies_is_not_sent_again_before_people_were_asked(deployment: Deployment, till: Till) -> None:
    deployment.more |= {"AASIM_WORKFLOWS__ALLOWED_NETWORKS": '["127.0.0.0/8"]'}
    deployment.start("serve")
    deployment.start("worker")
    client = Client(deployment.port, register(deployment.port, f"requests_{token_hex(4)}"))
    made(client, "/hitl-approvals/policies", _POLICY)
    runs = [execute(client, name, definition) for name, definition in definitions(till).items()]
    until(lambda: sorted(till.taken) == ["alone", "left", "right"], "the payments")
    deployment.kill("worker")
    till.may_answer.set()
    deployment.start("worker")
    until(lambda: len(pending(client)) == 3, "the questions")
    for question in pending(client):
        assert question["kind"] == "unknown_outcome"
        assert client.ask("POST", f"/api/v1/hitl-approvals/{question['id']}/approve", {"comment": "It is paid."})[0] == 200
    until(lambda: all(status_of(client, run) == "succeeded" for run in runs), "the end of the runs")
    assert sorted(till.taken) == ["alone", "left", "right"]
    assert [told(client, name) for name in ("begun", "paid", "parted", "met")] == [1, 1, 1, 1]


def made(client: Client, path: str, body: Any) -> str:
    """The id of what is made."""
    status, answer = client.ask("POST", f"/api/v1{path}", body)
    assert status in (201, 202), answer
    return str(answer["data"]["id"])


def execute(client: Client, name: str, definition: Any) -> str:
    """A run of a new workflow."""
    workflow = made(client, "/workflows", {"name": name, "status": "active", "definition": definition})
    return made(client, f"/workflows/{workflow}/execute", {"input": None})


def pending(client: Client) -> list[dict[str, Any]]:
    """What waits for people."""
    return list(client.ask("GET", "/api/v1/hitl-approvals/pending")[1]["data"]["items"])


def status_of(client: Client, run: str) -> str:
    """How a run stands."""
    return str(client.ask("GET", f"/api/v1/executions/{run}")[1]["data"]["status"])


def told(client: Client, name: str) -> int:
    """How many events of that name there were."""
    asked = f"/api/v1/activities?action=custom.{name}&occurred_at[gte]=2000-01-01T00:00:00Z"
    return len(client.ask("GET", asked)[1]["data"]["items"])
