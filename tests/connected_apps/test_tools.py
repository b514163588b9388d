"""Agents use connected apps' operations as tools."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.access import grants
from aasim_core.context import organization_scope
from aasim_core.testing.world import Person, World

from ..executions.passing_time import make_due
from .conftest import TOKEN, Apps
from .peers import Response, Service

READ: dict[str, Any] = {
    "name": "get_order", "description": "Read an order.", "method": "GET", "path": "/orders/{order_id}",
    "arguments": {"properties": {"order_id": {"type": "string"}}, "required": ["order_id"]},
}  # fmt: skip
REFUND: dict[str, Any] = {"name": "refund", "method": "POST", "path": "/refunds", "effect": "pay"}
Work = Callable[[], int]


@pytest.fixture
def orders(apps: Apps, peer: Service) -> dict[str, Any]:
    """A service of orders."""
    peer.answers["/orders/7"] = lambda received: Response(200, {"open": True, "asked_with": received.headers["Authorization"]})
    peer.answers["/refunds"] = lambda received: Response(200, {})
    return apps.http(peer, [READ, REFUND])


def call(name: str, **arguments: Any) -> dict[str, Any]:
    """A turn of the script that calls one tool."""
    return {"tool_calls": [{"name": name, "arguments": arguments}]}


def agent(apps: Apps, made: dict[str, Any], *replies: Any, operation: str = "get_order", **tool: Any) -> dict[str, Any]:
    """An agent that plays the replies, with one operation of the app."""
    engine = apps.client.get("/engines?provider=scripted").data["items"][0]["id"]
    tools = [{"ref": f"app:{made['id']}/{operation}", **tool}]
    body = {"name": "Clerk", "engine_id": engine, "parameters": {"replies": list(replies)}, "tools": tools}
    answer = apps.client.post("/agents", body)
    assert answer.status == 201, answer
    return dict(answer.data)


def run(person: Person, made: dict[str, Any], work: Work) -> dict[str, Any]:
    execution = person.client.post(f"/agents/{made['id']}/execute", {"input": "Is order 7 open?"}).data
    work()
    return dict(person.client.get(f"/executions/{execution['id']}").data)


def calls_of(person: Person, execution: dict[str, Any]) -> list[dict[str, Any]]:
    return list(person.client.get(f"/executions/{execution['id']}/tool-calls").data["items"])


def test_an_agent_calls_an_app_and_goes_on_with_what_it_says(
    apps: Apps, owner: Person, orders: dict[str, Any], work: Work
) -> None:
    clerk = agent(apps, orders, call("orders_get_order", order_id="7"), "Yes.")

    execution = run(owner, clerk, work)

    assert (execution["status"], execution["output"]) == ("succeeded", "Yes.")
    (made,) = calls_of(owner, execution)
    assert made["result"] == {"result": {"open": True, "asked_with": "Bearer ***"}}
    (use,) = apps.client.get(f"/connected-apps/{orders['id']}/logs").data["items"]
    assert (use["execution_id"], use["operation"], use["status"]) == (execution["id"], "get_order", "succeeded")
    assert TOKEN not in str(apps.client.get(f"/executions/{execution['id']}/logs").body)


def test_an_app_is_told_the_trace_of_the_request_that_began_the_run(
    apps: Apps, owner: Person, orders: dict[str, Any], work: Work, peer: Service
) -> None:
    traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
    clerk = agent(apps, orders, call("orders_get_order", order_id="7"), "Yes.")

    owner.client.post(f"/agents/{clerk['id']}/execute", {"input": "Is order 7 open?"}, traceparent=traceparent)
    work()

    (received,) = peer.received
    assert received.headers["traceparent"] == traceparent


def test_what_the_service_refuses_is_told_to_the_model(
    apps: Apps, owner: Person, orders: dict[str, Any], work: Work, peer: Service
) -> None:
    peer.answers["/orders/7"] = lambda received: Response(404, {"error": "no such order"})
    clerk = agent(apps, orders, call("orders_get_order", order_id="7"), "There is none.")

    execution = run(owner, clerk, work)

    assert execution["output"] == "There is none."
    (made,) = calls_of(owner, execution)
    assert "no such order" in str(made["result"])


def test_an_operation_that_pays_is_put_to_people_first(apps: Apps, owner: Person, orders: dict[str, Any], work: Work) -> None:
    clerk = agent(apps, orders, call("orders_refund"), "Done.", operation="refund", approval="never")
    (tool,) = apps.client.get(f"/agents/{clerk['id']}").data["tools"]

    assert tool["approval"] == "never"
    assert run(owner, clerk, work)["output"] == "Done."


def test_a_halted_app_is_refused_to_the_agent_at_once(
    apps: Apps, owner: Person, orders: dict[str, Any], work: Work, peer: Service
) -> None:
    clerk = agent(apps, orders, call("orders_get_order", order_id="7"), "I cannot see it.")
    apps.client.post(f"/connected-apps/{orders['id']}/halt", {"reason": "A test."})

    execution = run(owner, clerk, work)

    assert execution["output"] == "I cannot see it."
    assert "halted" in str(calls_of(owner, execution)[0]["result"])
    assert peer.received == []


def test_a_run_waits_for_an_app_that_somebody_has_to_connect_anew(
    apps: Apps, owner: Person, orders: dict[str, Any], work: Work, peer: Service
) -> None:
    clerk = agent(apps, orders, call("orders_get_order", order_id="7"), "Yes.")
    peer.answers["/orders/7"] = lambda received: Response(401, {})
    first = run(owner, clerk, work)
    assert apps.read(orders)["status"] == "needs_reauth"

    execution = run(owner, clerk, work)
    assert (first["output"], execution["status"], len(peer.received)) == ("Yes.", "blocked", 1)
    assert execution["missing"] == f"connected_app:{orders['id']}"
    assert [made["status"] for made in calls_of(owner, execution)] == ["proposed"]

    peer.answers["/orders/7"] = lambda received: Response(200, {"open": True})
    apps.client.patch(f"/connected-apps/{orders['id']}", {"credentials": {"token": TOKEN}})
    make_due(apps.app)
    work()
    assert owner.client.get(f"/executions/{execution['id']}").data["output"] == "Yes."
    assert [made["result"] for made in calls_of(owner, execution)] == [{"result": {"open": True}}]


def test_the_initiator_needs_the_permission_when_the_tool_is_called(
    world: World, apps: Apps, owner: Person, orders: dict[str, Any], work: Work, peer: Service
) -> None:
    clerk = agent(apps, orders, call("orders_get_order", order_id="7"), "I may not.")
    operator = world.member(owner, "operator")
    execution = operator.client.post(f"/agents/{clerk['id']}/execute", {"input": "Is order 7 open?"}).data
    with organization_scope(owner.organization_id), apps.app.database.transaction():
        grants.revoke_all(operator.user_id)

    work()

    assert owner.client.get(f"/executions/{execution['id']}").data["status"] in ("succeeded", "failed")
    assert peer.received == []


def test_an_app_says_what_uses_it_and_cannot_be_deleted_meanwhile(apps: Apps, orders: dict[str, Any]) -> None:
    clerk = agent(apps, orders, "x")
    path = f"/connected-apps/{orders['id']}"
    users = [{"type": "agent", "id": clerk["id"], "label": "Clerk", "field": "tools"}]

    assert apps.read(orders)["used_by"] == users
    assert apps.client.get("/connected-apps").data["items"][0]["used_by"] == users
    refused = apps.client.delete(path)
    assert (refused.status, refused.codes) == (409, {"_": ["in_use"]})
    assert refused.body["errors"]["_"][0]["meta"] == {"used_by": users, "used_by_count": 1}

    apps.client.delete(f"/agents/{clerk['id']}")
    assert apps.read(orders)["used_by"] == []
    assert apps.client.delete(path).status == 200


@pytest.mark.parametrize("rest", ["", "x", "capp_01h455vb4pex5vsknk084sn02q/get_order", "{id}/delete_order", "{id}"])
def test_an_agent_cannot_name_what_is_not_there(apps: Apps, orders: dict[str, Any], rest: str) -> None:
    ref = f"app:{rest.replace('{id}', orders['id'])}"

    answer = apps.client.post("/agents", {"name": "Clerk", "tools": [{"ref": ref}]})

    assert answer.codes == {"tools[0].ref": ["invalid_reference"]}
