"""What is offered is tried with the seller's examples on the buyer's own engine, for no more than the buyer has said."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.world import Answer, Person
from aasim_core.worker.runner import work_off

from ...executions.conftest import Shed
from ..conftest import Make

EXAMPLES = [{"input": "paid", "expected": "paid"}, {"input": "late", "expected": "none"}, {"input": "open"}]
#: Each token costs a micro-unit.
PRICES = [{"input": 1_000_000, "output": 1_000_000, "currency": "EUR"}]


@pytest.fixture
def engine_id(buyer: Person) -> str:
    """An engine of the buyer's that says what it is told, for a price."""
    body = {"name": "Echo", "provider": "scripted", "default_parameters": {"echo": True}, "prices": PRICES}
    return str(buyer.client.post("/engines", body).data["id"])


@pytest.fixture
def offered(listing: Make) -> dict[str, Any]:
    """A listing with examples."""
    return dict(listing(1_000_000, examples=EXAMPLES))


@pytest.fixture
def attempt(app: App, buyer: Person, engine_id: str) -> Callable[..., dict[str, Any]]:
    """Tries the listing to its end."""

    def act(listing: dict[str, Any], max_cost: int = 1_000_000) -> dict[str, Any]:
        return finished(app, buyer, begin(buyer, listing, max_cost=max_cost, engine_id=engine_id))

    return act


def finished(app: App, buyer: Person, begun: Answer) -> dict[str, Any]:
    """The run of the try when it has ended."""
    for _ in range(20):
        work_off(app)
        run: dict[str, Any] = buyer.client.get(f"/executions/{begun.data['id']}").data
        if run["finished_at"] is not None:
            return run
    raise AssertionError("the try does not end")


def try_out(app: App, buyer: Person, listing: dict[str, Any], **body: Any) -> dict[str, Any]:
    """The output of a try on the engine that plays scripts."""
    begun = begin(buyer, listing, **{"max_cost": 1_000, "engine_id": scripted_engine(buyer), **body})
    return dict(finished(app, buyer, begun)["output"])


def scripted_engine(buyer: Person) -> str:
    """The engine that plays the script of an agent, or answers with what it is told."""
    return str(buyer.client.get("/engines?provider=scripted").data["items"][0]["id"])


def begin(buyer: Person, listing: dict[str, Any], **body: Any) -> Answer:
    """Begin a try."""
    return buyer.client.post(f"/marketplace/{listing['id']}/try", body)


def test_a_try_tells_score_and_cost_and_leaves_no_agent(
    buyer: Person, offered: dict[str, Any], attempt: Callable[..., dict[str, Any]]
) -> None:
    run = attempt(offered)
    assert run["status"] == "succeeded"
    output = run["output"]
    assert (output["succeeded"], output["examples"]) == (3, 3)
    assert [each["score"] for each in output["runs"]] == [1.0, pytest.approx(0.25, abs=0.2), None]
    assert output["cost_per_run"] == round(sum(each["cost"] for each in output["runs"]) / 3) > 0
    assert output["p95_ms"] == max(each["worked_ms"] for each in output["runs"])
    assert buyer.client.get("/agents").data["items"] == buyer.client.get("/marketplace/my-purchases").data["items"] == []
    assert "Read invoices." not in str([buyer.client.get(f"/executions/{each['execution_id']}").body for each in output["runs"]])


def test_a_try_ends_where_its_cost_does(offered: dict[str, Any], attempt: Callable[..., dict[str, Any]]) -> None:
    output = attempt(offered, max_cost=1)["output"]
    assert [each["status"] for each in output["runs"]] == ["failed"]
    assert output["succeeded"] == 0


def test_a_release_that_comes_meanwhile_ends_the_try(
    app: App, seller: Person, buyer: Person, offered: dict[str, Any], engine_id: str
) -> None:
    started = begin(buyer, offered, max_cost=1_000, engine_id=engine_id).data["id"]
    seller.client.patch(f"/marketplace/{offered['id']}", {"summary": "Better."})
    work_off(app)
    assert buyer.client.get(f"/executions/{started}").data["error"]["code"] == "listing_changed"


def test_what_cannot_be_tried_says_why(seller: Person, buyer: Person, listing: Make, offered: dict[str, Any]) -> None:
    assert begin(buyer, offered, max_cost=1_000_001).codes == {"max_cost": ["out_of_range"]}
    assert begin(seller, offered, max_cost=1).codes == {"_": ["invalid_state"]}
    bare = listing(title="Without examples")
    assert begin(buyer, bare, max_cost=1).body["errors"]["_"][0]["meta"] == {"status": "no_examples"}


def test_a_try_uses_tools_that_read_and_leaves_out_those_that_write(
    app: App, buyer: Person, agent: Make, listing: Make, shed: Shed
) -> None:
    tools = {name: shed.add(name, effect=effect) for name, effect in (("lens", "read"), ("hammer", "write"))}
    offered = listing(agent_id=_user_of(agent, tools)["id"], examples=EXAMPLES[:1])
    [run] = try_out(app, buyer, offered, tools={ref: ref for ref in tools.values()})["runs"]
    assert run["status"] == "succeeded"
    assert [use.rest for use in shed.used] == ["lens"]


@pytest.mark.long
def test_a_tool_that_writes_when_the_try_begins_is_left_out(
    app: App, buyer: Person, agent: Make, listing: Make, shed: Shed
) -> None:
    tools = {"lens": shed.add("lens", effect="read")}
    offered = listing(agent_id=_user_of(agent, tools)["id"], examples=EXAMPLES[:1])
    begun = begin(buyer, offered, max_cost=1_000, engine_id=scripted_engine(buyer), tools={ref: ref for ref in tools.values()})
    shed.add("lens", effect="write")
    assert finished(app, buyer, begun)["status"] == "succeeded"
    assert shed.used == []


@pytest.mark.long
def test_a_try_leaves_out_agents_which_have_tools_of_their_own(
    app: App, buyer: Person, agent: Make, listing: Make, shed: Shed
) -> None:
    hammer, scripted = shed.add("hammer", effect="write"), scripted_engine(buyer)
    mine = _user_of(agent, {"hammer": hammer}, "Mine", client=buyer.client, engine_id=scripted)
    sold = agent(
        "Sold", parameters={"replies": [_call("mine", input="Do it."), "done"]}, tools=[{"ref": f"agent:{agent()['id']}"}]
    )
    offered = listing(agent_id=sold["id"], examples=EXAMPLES[:1])
    [run] = try_out(app, buyer, offered, tools={"agent:reader": f"agent:{mine['id']}"})["runs"]
    assert run["status"] == "succeeded"
    assert shed.used == []


def _call(name: str, **arguments: Any) -> dict[str, Any]:
    """A turn of a script that calls a tool."""
    return {"tool_calls": [{"name": name, "arguments": arguments}]}


def _user_of(agent: Make, tools: dict[str, str], name: str = "Sold", **fields: Any) -> dict[str, Any]:
    """An agent that uses each of the tools, whether they are there or not."""
    replies = [*(_call(tool, what="paid") for tool in tools), "done"]
    entries = [{"ref": ref, "approval": "never"} for ref in tools.values()]
    return dict(agent(name, parameters={"replies": replies}, tools=entries, **fields))
