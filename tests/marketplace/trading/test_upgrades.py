"""Copies are upgraded to newer releases: what changes, who decides on conflicts, and what is agreed to anew."""

from typing import Any

import pytest

from aasim_core.testing.world import Answer, Person

from ...executions.conftest import Shed
from ..conftest import LOG, Make, buy


def plan_of(buyer: Person, purchase: dict[str, Any], **sent: Any) -> dict[str, Any]:
    """The plan of an upgrade."""
    return dict(buyer.client.post(f"/marketplace/my-purchases/{purchase['id']}/upgrade?plan=true", sent).data["plan"])


def upgrade(buyer: Person, purchase: dict[str, Any], headers: Any = None, **sent: Any) -> Answer:
    """Upgrade as the plan shows it."""
    digest = plan_of(buyer, purchase, tools=sent.get("tools", {}))["digest"]
    path = f"/marketplace/my-purchases/{purchase['id']}/upgrade"
    return buyer.client.post(path, {"digest": digest, **sent}, **(headers or {}))


@pytest.fixture
def sold(agent: Make) -> dict[str, Any]:
    """The agent that is sold."""
    return dict(agent(description="Reads."))


@pytest.fixture
def offered(listing: Make, sold: dict[str, Any]) -> dict[str, Any]:
    """The listing of it."""
    return dict(listing(agent_id=sold["id"]))


@pytest.fixture
def purchase(buyer: Person, offered: dict[str, Any]) -> dict[str, Any]:
    """The licence for its first release."""
    return dict(buy(buyer, offered["id"]).data["purchase"])


@pytest.fixture
def release(seller: Person, sold: dict[str, Any], offered: dict[str, Any]) -> Make:
    """Changes the agent and publishes it as a newer release."""

    def make(**fields: Any) -> dict[str, Any]:
        seller.client.patch(f"/agents/{sold['id']}", fields)
        return dict(seller.client.patch(f"/marketplace/{offered['id']}", {"agent_version": None}).data)

    return make


def copy_of(buyer: Person, purchase: dict[str, Any]) -> dict[str, Any]:
    return dict(buyer.client.get(f"/agents/{purchase['agent_id']}").data)


@pytest.mark.long
def test_a_copy_that_nobody_has_changed_takes_over_what_is_new(buyer: Person, purchase: dict[str, Any], release: Make) -> None:
    release(instructions="Read better.", limits={"max_steps": 7})
    plan = plan_of(buyer, purchase)
    assert (plan["from_release"], plan["release"], plan["consents"]) == (1, 2, [])
    assert [(each["field"], each["conflict"]) for each in plan["changes"]] == [("instructions", False), ("limits", False)]
    assert copy_of(buyer, purchase)["instructions"] == "Read invoices."
    assert upgrade(buyer, purchase).data["purchase"]["release"] == 2
    copy = copy_of(buyer, purchase)
    assert (copy["instructions"], copy["limits"], copy["agent_version"]) == ("Read better.", {"max_steps": 7}, 2)
    assert copy["forked_from"]["version"] == 2
    [told] = buyer.client.get(f"{LOG}marketplace.upgraded").data["items"]
    assert (told["data"]["from_release"], told["data"]["release"]) == (1, 2)
    assert buyer.client.get("/marketplace/my-purchases").data["items"][0]["available_release"] is None


def test_what_only_the_buyer_has_changed_stays(buyer: Person, purchase: dict[str, Any], release: Make) -> None:
    buyer.client.patch(f"/agents/{purchase['agent_id']}", {"limits": {"max_steps": 3}, "name": "Mine"})
    release(instructions="Read better.")
    assert upgrade(buyer, purchase).status == 200
    copy = copy_of(buyer, purchase)
    assert (copy["instructions"], copy["limits"], copy["name"]) == ("Read better.", {"max_steps": 3}, "Mine")


def test_what_both_have_changed_is_decided_field_by_field(buyer: Person, purchase: dict[str, Any], release: Make) -> None:
    buyer.client.patch(f"/agents/{purchase['agent_id']}", {"instructions": "Read mine.", "description": "Ours."})
    release(instructions="Read theirs.", description="Better.")
    [description, instructions] = plan_of(buyer, purchase)["changes"]
    assert description | instructions == {
        "field": "instructions", "conflict": True, "base": "Read invoices.", "theirs": "Read theirs.", "mine": "Read mine.",
    }  # fmt: skip
    answer = upgrade(buyer, purchase, decisions={"limits": "mine"})
    assert answer.codes == {
        "decisions.description": ["required"], "decisions.instructions": ["required"], "decisions.limits": ["invalid_reference"],
    }  # fmt: skip
    decided = upgrade(buyer, purchase, decisions={"instructions": "mine", "description": "theirs"})
    assert decided.status == 200
    copy = copy_of(buyer, purchase)
    assert (copy["instructions"], copy["description"]) == ("Read mine.", "Better.")


def test_new_tools_need_a_new_consent(
    seller: Person, buyer: Person, agent: Make, purchase: dict[str, Any], release: Make
) -> None:
    helper, mine = agent("Helper"), agent("My helper", client=buyer.client)
    release(tools=[{"ref": f"agent:{helper['id']}"}])
    tools = {"agent:helper": f"agent:{mine['id']}"}
    plan = plan_of(buyer, purchase, tools=tools)
    assert [(each["kind"], each["ref"]) for each in plan["consents"]] == [("new_tool", "agent:helper")]
    assert upgrade(buyer, purchase, tools=tools).codes == {"consent": ["required"]}
    assert upgrade(buyer, purchase, tools=tools, consent=["agent:helper", "agent:other"]).codes == {
        "consent": ["invalid_reference"]
    }
    assert upgrade(buyer, purchase, tools=tools, consent=["agent:helper"]).data["purchase"]["effects"] == ["read"]
    assert [tool["ref"] for tool in copy_of(buyer, purchase)["tools"]] == [f"agent:{mine['id']}"]


def test_what_stands_for_a_tool_stays_and_asking_people_less_needs_consent(
    seller: Person, buyer: Person, agent: Make, listing: Make
) -> None:
    helper, mine = agent("Helper"), agent("My helper", client=buyer.client)
    sold = agent("Sold", tools=[{"ref": f"agent:{helper['id']}", "approval": "always"}])
    offered = listing(agent_id=sold["id"])
    purchase = buy(buyer, offered["id"], tools={"agent:helper": f"agent:{mine['id']}"}).data["purchase"]
    seller.client.patch(f"/agents/{sold['id']}", {"tools": [{"ref": f"agent:{helper['id']}", "approval": "never"}]})
    seller.client.patch(f"/marketplace/{offered['id']}", {"agent_version": None})
    plan = plan_of(buyer, purchase)
    assert ([each["kind"] for each in plan["consents"]], plan["missing"]) == (["asks_less"], [])
    assert upgrade(buyer, purchase, consent=["agent:helper"]).status == 200
    [tool] = copy_of(buyer, purchase)["tools"]
    assert (tool["ref"], tool["approval"]) == (f"agent:{mine['id']}", "never")


def test_what_is_upgraded_is_what_was_seen(buyer: Person, purchase: dict[str, Any], release: Make) -> None:
    release(instructions="Read better.")
    path, digest = f"/marketplace/my-purchases/{purchase['id']}/upgrade", plan_of(buyer, purchase)["digest"]
    assert buyer.client.post(path, {}).codes == {"digest": ["required"]}
    buyer.client.patch(f"/agents/{purchase['agent_id']}", {"instructions": "Read mine."})
    assert buyer.client.post(path, {"digest": digest}).codes == {"digest": ["action_changed"]}
    assert copy_of(buyer, purchase)["instructions"] == "Read mine."


def test_a_repeated_upgrade_is_done_once(buyer: Person, purchase: dict[str, Any], release: Make) -> None:
    release(instructions="Read better.")
    path, body = f"/marketplace/my-purchases/{purchase['id']}/upgrade", {"digest": plan_of(buyer, purchase)["digest"]}
    first, second = (buyer.client.post(path, body, Idempotency_Key="the-same") for _ in range(2))
    assert first.data == second.data
    assert copy_of(buyer, purchase)["agent_version"] == 2
    assert buyer.client.post(path, body).codes == {"_": ["invalid_state"]}


def test_only_a_copy_that_is_there_is_upgraded(buyer: Person, purchase: dict[str, Any], release: Make) -> None:
    path = f"/marketplace/my-purchases/{purchase['id']}"
    assert buyer.client.post(f"{path}/upgrade?plan=true").codes == {"_": ["invalid_state"]}
    release(instructions="Read better.")
    buyer.client.post(f"{path}/refund")
    answer = buyer.client.post(f"{path}/upgrade?plan=true")
    assert answer.body["errors"]["_"][0]["meta"] == {"status": "refunded"}


def test_a_tool_that_does_more_needs_a_new_consent(seller: Person, buyer: Person, agent: Make, listing: Make, shed: Shed) -> None:
    hammer = shed.add("hammer", effect="read")
    sold = agent("Sold", tools=[{"ref": hammer}])
    offered = listing(agent_id=sold["id"])
    purchase = buy(buyer, offered["id"], tools={hammer: hammer}).data["purchase"]
    shed.add("hammer", effect="write")
    seller.client.patch(f"/marketplace/{offered['id']}", {"agent_version": None})
    [consent] = plan_of(buyer, purchase)["consents"]
    assert (consent["kind"], consent["ref"]) == ("stronger_effect", hammer)
    assert consent["message"] == "The effect of shed:hammer was read, and is write."
    assert upgrade(buyer, purchase).codes == {"consent": ["required"]}
    assert buyer.client.get("/marketplace/my-purchases").data["items"][0]["effects"] == ["read"]
    assert upgrade(buyer, purchase, consent=[hammer]).data["purchase"]["effects"] == ["write"]


@pytest.mark.long
def test_a_tool_that_does_less_needs_no_consent(seller: Person, buyer: Person, agent: Make, listing: Make, shed: Shed) -> None:
    hammer = shed.add("hammer", effect="pay")
    offered = listing(agent_id=agent("Sold", tools=[{"ref": hammer, "approval": "never"}])["id"])
    purchase = buy(buyer, offered["id"], tools={hammer: hammer}).data["purchase"]
    shed.add("hammer", effect="write")
    seller.client.patch(f"/marketplace/{offered['id']}", {"agent_version": None})
    assert plan_of(buyer, purchase)["consents"] == []
    assert upgrade(buyer, purchase).data["purchase"]["effects"] == ["write"]
