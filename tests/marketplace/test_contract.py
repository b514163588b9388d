"""The contract that every plugin keeps, kept by marketplace."""

from collections.abc import Mapping
from itertools import count
from typing import Any, ClassVar

from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.data import records
from aasim_core.data.records import database_of
from aasim_core.ids import new_id
from aasim_core.testing.contract import PluginContract
from aasim_core.testing.world import Client, Person, World
from aasim_plugins.executions.models import Execution
from aasim_plugins.marketplace.models import INSTANCE, Listing, Offer, Review
from aasim_plugins.marketplace.trading import ledger

_numbers = count(1)
#: Who sells what was offered last, and the agent of it, by the listing.
_sellers: dict[str, tuple[Person, str]] = {}


def _offered(world: World, person: Person) -> str:
    """A listing of another organization that the person's can buy."""
    seller = world.organization()
    agent = seller.client.post("/agents", {"name": "Sold"}).data["id"]
    body = {"agent_id": agent, "title": f"Sold number {next(_numbers)}", "visibility": "instance"}
    listing_id = str(seller.client.post("/marketplace", body).data["id"])
    _sellers[listing_id] = seller, agent
    return listing_id


def _listing(world: World, person: Person) -> dict[str, Any]:
    """A listing of an agent of the person's own."""
    agents = person.client.get("/agents?limit=1").data["items"]
    agent = agents[0] if agents else person.client.post("/agents", {"name": "Echo"}).data
    return {"agent_id": agent["id"], "title": "Invoice reader"}


def _buy(world: World, person: Person, ids: Any = None) -> str:
    """The organization has bought something; returns the id of the purchase."""
    path = f"/marketplace/{_offered(world, person)}/purchase"
    digest = person.client.post(f"{path}?plan=true").data["plan"]["digest"]
    return str(person.client.post(path, {"digest": digest}).data["purchase"]["id"])


def _publish(world: World, person: Person, number: int) -> None:
    """The organization offers so many more."""
    for _ in range(number):
        assert person.client.post("/marketplace", _listing(world, person)).status == 201


def _of_another(client: Client, path: str) -> None:
    """The listing is another organization's, for everybody."""
    listing_id, elsewhere = path.split("/")[2], new_id("organization")
    with database_of(Listing).transaction(), system_scope("test"):
        Listing.update(organization_id=elsewhere).where(Listing.id == listing_id).execute()
        Offer.update(organization_id=elsewhere, visibility=INSTANCE).where(Offer.listing_id == listing_id).execute()


def _order(world: World, person: Person) -> dict[str, Any]:
    """The order of what was offered last by somebody else."""
    items = person.client.get("/marketplace?limit=100").data["items"]
    others = [each["id"] for each in items if each["organization_id"] != person.organization_id]
    path = f"/marketplace/{max(others, default='')}/purchase?plan=true"
    return {"digest": person.client.post(path).data["plan"]["digest"] if others else "0" * 64}


def _bundle(world: World, person: Person) -> dict[str, Any]:
    """A listing of another organization as a signed file, and the digest of the plan of its import."""
    seller = world.organization()
    agent = seller.client.post("/agents", {"name": "Sold"}).data["id"]
    body = {"agent_id": agent, "title": f"Carried number {next(_numbers)}", "visibility": "instance"}
    listing_id = seller.client.post("/marketplace", body).data["id"]
    bundle = seller.client.get(f"/marketplace/{listing_id}/bundle").data
    seller.client.delete(f"/marketplace/{listing_id}")
    answer = person.client.post("/marketplace/import?plan=true", {"bundle": bundle})
    return {"bundle": bundle, "digest": answer.data["plan"]["digest"]}


def _newer(world: World, person: Person) -> dict[str, Any]:
    """There is a newer release of what the organization has bought last, with the digest of the plan of its upgrade."""
    bought = person.client.get("/marketplace/my-purchases?sort=-created_at&limit=1").data["items"]
    if not bought:
        return {"digest": "0" * 64}
    listing_id = bought[0]["listing_id"]
    seller, agent = _sellers[listing_id]
    seller.client.patch(f"/agents/{agent}", {"instructions": f"Read number {next(_numbers)}."})
    seller.client.patch(f"/marketplace/{listing_id}", {"agent_version": None})
    answer = person.client.post(f"/marketplace/my-purchases/{bought[0]['id']}/upgrade?plan=true")
    return {"digest": answer.data["plan"]["digest"]}


def _reviewed(world: World, person: Person, ids: Any) -> str:
    """Another organization has reviewed the listing; returns the id of the review."""
    listing_id = ids["listing_id"]
    with system_scope("test"):
        text = f"{Listing.get_by_id(listing_id).title}: it does what it says."
    with world.app.database.transaction(), organization_scope(new_id("organization")):
        review = records.create(Review, listing_id=listing_id, release=1, stars=4, text=text, created_by=new_id("user"))
    return str(review.id)


def _reviewed_often(world: World, person: Person, number: int) -> None:
    """So many others have reviewed the organization's listing."""
    listing = person.client.get("/marketplace/my-listings?sort=-created_at&limit=1").data["items"][0]
    for _ in range(number):
        _reviewed(world, person, {"listing_id": listing["id"]})


def _on_scripted(world: World, person: Person) -> dict[str, Any]:
    """A try on an engine that is there."""
    engine = person.client.get("/engines?provider=scripted").data["items"][0]
    return {"max_cost": 1_000, "engine_id": engine["id"]}


def _with_examples(client: Client, path: str) -> None:
    """The listing is another organization's, and has an example."""
    client.patch(path.removesuffix("/try"), {"examples": [{"input": "Invoice 7"}]})
    _of_another(client, path)


def _bought_and_run(client: Client, path: str) -> None:
    """The listing is another organization's; the client's has bought it, and the copy has succeeded."""
    _of_another(client, path)
    purchase = path.replace("/reviews", "/purchase")
    digest = client.post(f"{purchase}?plan=true").data["plan"]["digest"]
    bought = client.post(purchase, {"digest": digest}).data["purchase"]
    with database_of(Listing).transaction(), organization_scope(bought["organization_id"]):
        done = {"kind": "agent", "subject_type": "agent", "subject_id": bought["agent_id"], "status": "succeeded"}
        records.create(Execution, trigger={"type": "api", "id": None}, finished_at=now(), **done)


def _grant(world: World, person: Person, ids: Any = None) -> None:
    """The organization was given credits."""
    with world.app.database.transaction(), organization_scope(person.organization_id):
        ledger.grant(person.organization_id, 1_000_000, "a test")


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "marketplace"
    #: What its buyers say of it is read beside it.
    statements: ClassVar[Mapping[str, int]] = {"GET /marketplace/{listing_id}": 4}
    companions = ("engine_scripted",)
    copies = {"purchase": lambda world, person: {"listing_id": new_id("listing")}}
    before = {
        "POST /marketplace/{listing_id}/purchase": _of_another,
        "POST /marketplace/{listing_id}/reviews": _bought_and_run,
        "POST /marketplace/{listing_id}/try": _with_examples,
    }
    objects = {"purchase_id": _buy}
    members = {"/marketplace/{listing_id}/reviews/{review_id}": _reviewed}
    grown = {"listing": _publish, "review": _reviewed_often}
    samples = {
        "POST /marketplace": _listing,
        "POST /marketplace/{listing_id}/purchase": _order,
        "POST /marketplace/import": _bundle,
        "POST /marketplace/{listing_id}/try": _on_scripted,
        "POST /marketplace/my-purchases/{purchase_id}/upgrade": _newer,
    }
    rows = {
        "GET /marketplace/my-listings": "POST /marketplace",
        "GET /marketplace/my-purchases": _buy,
        "GET /marketplace/credits/entries": _grant,
        "GET /marketplace/{listing_id}/reviews": _reviewed,
    }
