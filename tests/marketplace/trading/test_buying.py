"""Copies of agents are bought with credits, after a plan that says all."""

from datetime import timedelta
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.testing.world import Person, World
from aasim_plugins.marketplace.models import Purchase

from ..conftest import LOG, Make, audit, balance, buy, grant, plan_of


def test_the_plan_says_what_the_copy_costs_and_needs_and_changes_nothing(
    app: App, seller: Person, buyer: Person, agent: Make, listing: Make
) -> None:
    helper = agent("Helper", description="Helps.")
    made = agent(tools=[{"ref": f"agent:{helper['id']}", "approval": "always"}])
    offered = listing(2_000_000, agent_id=made["id"], license="For your own use.")
    plan = plan_of(buyer, offered["id"])
    assert plan["price"] == {"type": "one_time", "amount": 2_000_000, "currency": "credits"}
    assert plan["balance"] == {"amount": 0, "currency": "credits"}
    assert plan["license"] == "For your own use."
    assert plan["requirements"]["limits"] == {"max_steps": 5}
    [tool] = plan["requirements"]["tools"]
    assert len(tool.pop("digest")) == 64
    assert tool == {
        "key": "agent:helper", "description": "Helps.", "effect": "read", "approval": "always", "asks": "always", "app": None, "ref": None,
        "plugin": "agents",
    }  # fmt: skip
    assert [lack["kind"] for lack in plan["missing"]] == ["tool", "credits"]
    assert helper["id"] not in str(plan)
    assert buyer.client.get("/agents").data["items"] == []


def test_a_purchase_moves_credits_and_makes_an_independent_copy(
    app: App, seller: Person, buyer: Person, agent: Make, listing: Make
) -> None:
    made = agent("Invoice agent", tags=["finance"])
    offered = listing(2_000_000, agent_id=made["id"])
    grant(app, buyer, 5_000_000)
    purchase = buy(buyer, offered["id"]).data["purchase"]
    assert (balance(buyer), balance(seller)) == (3_000_000, 2_000_000)
    copy = buyer.client.get(f"/agents/{purchase['agent_id']}").data
    assert (copy["name"], copy["instructions"], copy["status"], copy["tags"]) == (
        "Invoice agent",
        "Read invoices.",
        "draft",
        ["finance"],
    )
    assert copy["forked_from"] == {"agent_id": made["id"], "version": 1, "listing_id": offered["id"]}
    seller.client.patch(f"/agents/{made['id']}", {"instructions": "Something else."})
    assert buyer.client.get(f"/agents/{copy['id']}").data["instructions"] == "Read invoices."
    assert audit(app).unbalanced == audit(app).wrong == ()


def test_tools_of_the_buyer_stand_where_the_plan_names_them(buyer: Person, agent: Make, listing: Make) -> None:
    helper, mine = agent("Helper"), agent("My helper", client=buyer.client)
    offered = listing(agent_id=agent(tools=[{"ref": f"agent:{helper['id']}"}])["id"])
    order = {"tools": {"agent:helper": f"agent:{mine['id']}"}, "name": "Bought"}
    purchase = buy(buyer, offered["id"], **order).data
    assert purchase["plan"]["missing"] == []
    copy = buyer.client.get(f"/agents/{purchase['purchase']['agent_id']}").data
    assert [tool["ref"] for tool in copy["tools"]] == [f"agent:{mine['id']}"]
    path = f"/marketplace/{offered['id']}/purchase?plan=true"
    assert buyer.client.post(path, {"tools": {"agent:helper": f"agent:{helper['id']}"}}).codes == {
        "tools.agent:helper": ["invalid_reference"]
    }
    assert buyer.client.post(path, {"tools": {"agent:nobody": f"agent:{mine['id']}"}}).codes == {
        "tools.agent:nobody": ["invalid_reference"]
    }


def test_what_is_bought_is_what_was_seen(seller: Person, buyer: Person, listing: Make) -> None:
    offered = listing(1_000)
    digest = plan_of(buyer, offered["id"])["digest"]
    path = f"/marketplace/{offered['id']}/purchase"
    assert buyer.client.post(path, {}).codes == {"digest": ["required"]}
    seller.client.patch(f"/marketplace/{offered['id']}", {"price": {"amount": 2_000}})
    assert buyer.client.post(path, {"digest": digest}).codes == {"digest": ["action_changed"]}


def test_without_credits_nothing_is_bought(app: App, buyer: Person, listing: Make) -> None:
    offered = listing(1_000_001)
    grant(app, buyer, 1_000_000)
    answer = buy(buyer, offered["id"])
    assert (answer.status, answer.codes) == (402, {"_": ["insufficient_credits"]})
    assert answer.body["errors"]["_"][0]["meta"] == {"limit": "credits", "used": 1_000_001, "max": 1_000_000}
    assert buyer.client.get("/agents").data["items"] == []
    assert balance(buyer) == 1_000_000


def test_an_organization_buys_a_listing_once_and_never_its_own(seller: Person, buyer: Person, listing: Make) -> None:
    offered = listing()
    assert buy(buyer, offered["id"]).status == 201
    assert buy(buyer, offered["id"]).codes == {"_": ["already_exists"]}
    own = seller.client.post(f"/marketplace/{offered['id']}/purchase?plan=true")
    assert own.codes == {"_": ["invalid_state"]}


def test_a_repeated_purchase_is_done_once(app: App, seller: Person, buyer: Person, listing: Make) -> None:
    offered = listing(1_000)
    grant(app, buyer, 10_000)
    body = {"digest": plan_of(buyer, offered["id"])["digest"]}
    first, second = (
        buyer.client.post(f"/marketplace/{offered['id']}/purchase", body, Idempotency_Key="the-same") for _ in range(2)
    )
    assert (first.status, second.status) == (201, 201)
    assert first.data["purchase"]["id"] == second.data["purchase"]["id"]
    assert balance(buyer) == 9_000


def test_the_seller_sees_the_sale_and_not_the_buyer(app: App, seller: Person, buyer: Person, listing: Make) -> None:
    offered = listing(1_000)
    grant(app, buyer, 1_000)
    purchase = buy(buyer, offered["id"]).data["purchase"]
    [mine] = seller.client.get("/marketplace/my-listings").data["items"]
    assert (mine["purchases_count"], mine["revenue"]) == (1, 1_000)
    [sold] = seller.client.get(f"{LOG}marketplace.sold").data["items"]
    assert (sold["data"], sold["actor"]["type"]) == ({"amount": 1_000}, "system")
    told = f"{sold} {mine} {seller.client.get('/marketplace/credits/entries').data}"
    assert [each for each in (buyer.organization_id, buyer.user_id, purchase["id"], purchase["agent_id"]) if each in told] == []
    [bought] = buyer.client.get(f"{LOG}marketplace.purchased").data["items"]
    assert bought["data"] == {"listing_id": offered["id"], "agent_id": purchase["agent_id"], "paid": 1_000}
    assert buyer.client.get(f"{LOG}marketplace.sold").data["items"] == []


def test_a_listing_is_for_whom_it_says(world: World, seller: Person, buyer: Person, listing: Make) -> None:
    inside = listing(title="Inside", visibility="organization")
    outside = listing(title="Outside")
    shown = {each["title"]: each for each in buyer.client.get("/marketplace").data["items"]}
    assert shown.keys() == {"Outside"}
    assert (shown["Outside"]["agent_id"], shown["Outside"]["seller_name"]) == (None, "Seller")
    assert buyer.client.get(f"/marketplace/{inside['id']}").status == 404
    assert {each["title"] for each in seller.client.get("/marketplace").data["items"]} == {"Inside", "Outside"}
    assert buyer.client.patch(f"/marketplace/{outside['id']}", {"title": "Mine"}).codes == {"_": ["permission_denied"]}
    assert buyer.client.delete(f"/marketplace/{outside['id']}").status == 403


def test_delisting_keeps_what_was_bought(seller: Person, buyer: Person, listing: Make) -> None:
    offered = listing()
    purchase = buy(buyer, offered["id"]).data["purchase"]
    assert seller.client.delete(f"/marketplace/{offered['id']}").data["deleted"] is True
    assert seller.client.delete(f"/marketplace/{offered['id']}").status == 404
    assert buyer.client.get(f"/marketplace/{offered['id']}").status == 404
    assert buyer.client.get(f"/agents/{purchase['agent_id']}").status == 200
    [kept] = buyer.client.get("/marketplace/my-purchases").data["items"]
    assert (kept["id"], kept["available_release"]) == (purchase["id"], None)
    assert seller.client.get("/marketplace/my-listings").data["items"] == []


def test_a_newer_release_is_shown_to_those_who_have_an_older_one(
    seller: Person, buyer: Person, agent: Make, listing: Make
) -> None:
    made = agent()
    offered = listing(agent_id=made["id"])
    buy(buyer, offered["id"])
    seller.client.patch(f"/agents/{made['id']}", {"instructions": "Read better."})
    [before] = buyer.client.get("/marketplace/my-purchases").data["items"]
    seller.client.patch(f"/marketplace/{offered['id']}", {"agent_version": None})
    [after] = buyer.client.get("/marketplace/my-purchases").data["items"]
    assert (before["release"], before["available_release"], after["available_release"]) == (1, None, 2)


@pytest.mark.parametrize("price", [{"type": "free", "amount": 1}, {"type": "one_time"}])
def test_a_price_is_of_one_kind(seller: Person, agent: Make, price: dict[str, Any]) -> None:
    answer = seller.client.post("/marketplace", {"agent_id": agent()["id"], "title": "Reader", "price": price})
    assert answer.codes == {"price.amount": ["out_of_range"]}


def test_a_licence_is_given_back_within_a_time(app: App, seller: Person, buyer: Person, listing: Make) -> None:
    offered = listing(1_000)
    grant(app, buyer, 1_000)
    purchase = buy(buyer, offered["id"]).data["purchase"]
    path = f"/marketplace/my-purchases/{purchase['id']}/refund"
    assert buyer.client.post(path).data["refunded_at"] is not None
    assert (balance(buyer), balance(seller)) == (1_000, 0)
    assert buyer.client.get(f"/agents/{purchase['agent_id']}").status == 404
    assert buyer.client.post(path).codes == {"_": ["invalid_state"]}
    [mine] = seller.client.get("/marketplace/my-listings").data["items"]
    assert (mine["purchases_count"], mine["revenue"]) == (0, 0)
    assert buy(buyer, offered["id"]).status == 201


def test_a_licence_is_not_given_back_after_that_time(app: App, seller: Person, buyer: Person, listing: Make) -> None:
    offered = listing()
    purchase = buy(buyer, offered["id"]).data["purchase"]
    with app.database.transaction(), organization_scope(buyer.organization_id):
        long_ago = now() - timedelta(hours=73)
        Purchase.update(created_at=long_ago).where(Purchase.id == purchase["id"]).execute()
    answer = buyer.client.post(f"/marketplace/my-purchases/{purchase['id']}/refund")
    assert answer.codes == {"_": ["invalid_state"]}
    assert buyer.client.get(f"/agents/{purchase['agent_id']}").status == 200


def test_a_seller_who_has_spent_the_credits_keeps_its_balance_to_itself(
    app: App, world: World, seller: Person, buyer: Person, listing: Make
) -> None:
    offered = listing(1_000)
    grant(app, buyer, 1_000)
    purchase = buy(buyer, offered["id"]).data["purchase"]
    third = world.organization("Third")
    agent_id = third.client.post("/agents", {"name": "Other"}).data["id"]
    price = {"type": "one_time", "amount": 400}
    body = {"agent_id": agent_id, "title": "Something else", "visibility": "instance", "price": price}
    assert buy(seller, third.client.post("/marketplace", body).data["id"]).status == 201
    answer = buyer.client.post(f"/marketplace/my-purchases/{purchase['id']}/refund")
    assert answer.codes == {"_": ["invalid_state"]}
    assert "600" not in str(answer.body)
    assert (balance(buyer), balance(seller), balance(third)) == (0, 600, 400)
    assert audit(app).unbalanced == audit(app).wrong == ()
