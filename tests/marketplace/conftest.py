"""An organization that sells agents, another one that buys them, and credits to buy them with."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope, system_scope
from aasim_core.testing.world import Answer, Person, World
from aasim_plugins.marketplace.trading import ledger
from aasim_plugins.marketplace.trading.ledger import Audit

from ..executions.conftest import shed

__all__ = ["Make", "agent", "audit", "balance", "buy", "buyer", "grant", "listing", "plan_of", "seller", "shed"]

Make = Callable[..., dict[str, Any]]
LOG = "/activities?sort=occurred_at&occurred_at[gte]=2020-01-01T00:00:00Z&action="


@pytest.fixture
def seller(world: World) -> Person:
    """The owner of an organization that sells."""
    return world.organization("Seller")


@pytest.fixture
def buyer(world: World) -> Person:
    """The owner of an organization that buys."""
    return world.organization("Buyer")


@pytest.fixture
def agent(seller: Person) -> Make:
    """Makes an agent of the seller's."""

    def make(name: str = "Reader", client: Any = None, **fields: Any) -> dict[str, Any]:
        body = {"name": name, "instructions": "Read invoices.", "limits": {"max_steps": 5}, **fields}
        return dict((client or seller.client).post("/agents", body).data)

    return make


@pytest.fixture
def listing(seller: Person, agent: Make) -> Make:
    """Makes a listing that every organization sees, for so many micro-credits."""

    def make(amount: int = 0, **fields: Any) -> dict[str, Any]:
        price = {"type": "one_time" if amount else "free", "amount": amount}
        body = {"title": "Invoice reader", "visibility": "instance", "price": price, **fields}
        agent_id = body.pop("agent_id", None) or agent(f"Agent of {body['title']}")["id"]
        return dict(seller.client.post("/marketplace", {"agent_id": agent_id, **body}).data)

    return make


def grant(app: App, person: Person, amount: int) -> None:
    """Give the person's organization credits."""
    with app.database.transaction(), organization_scope(person.organization_id):
        ledger.grant(person.organization_id, amount, "a test")


def plan_of(person: Person, listing_id: str, **order: Any) -> dict[str, Any]:
    """The plan of a purchase."""
    return dict(person.client.post(f"/marketplace/{listing_id}/purchase?plan=true", order).data["plan"])


def buy(person: Person, listing_id: str, headers: Any = None, **order: Any) -> Answer:
    """Buy what the plan shows."""
    digest = plan_of(person, listing_id, **order)["digest"]
    return person.client.post(f"/marketplace/{listing_id}/purchase", {"digest": digest, **order}, **(headers or {}))


def balance(person: Person) -> int:
    """The credits of the person's organization."""
    return int(person.client.get("/marketplace/credits").data["amount"])


def audit(app: App) -> Audit:
    """What the ledger adds up to."""
    with app.database.connected(), system_scope("test"):
        return ledger.audit()
