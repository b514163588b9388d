"""The endpoints of the marketplace, including the one below agents."""

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import Schema

from aasim_core import App, Collection, Request, Resource, Response, operation
from aasim_core.data.conditions import Condition
from aasim_core.data.views import View
from aasim_core.errors import Invalid, Problem, Refused
from aasim_core.http.operations import lacking
from aasim_core.lists.paging import Page, read_page
from aasim_core.lists.query import ListQuery

from ..agents import service as agents
from ..agents.models import Agent
from . import offers, orders, schemas, service
from .models import Listing, Offer
from .reviews.rating import SHOWN_TOO
from .trading import buying
from .trading.api import licence

GATES = ("rubric_gate_failed", "invalid_state", "secret_found", "hidden_text", "look_alike_title", "effects_understated")
SALES = View(Listing, {"seller_name": Offer.seller_name}, joins=((Offer, Offer.listing_id == Listing.id),))


_FILTERS = ("title", "category", "tags", "visibility", "published_at")
_SORTS = ("created_at", "published_at", "purchases_count", "title")


class Listings(Collection):
    """Listings: agents that organizations offer to each other."""

    record = Listing
    view = SALES
    events = "marketplace"
    noun = "listings"
    node_field = "project_id"
    paths: ClassVar[Mapping[str, str]] = {
        "": "/marketplace",
        "one": "/marketplace/{listing_id}",
        "purchase": "/marketplace/{listing_id}/purchase",
    }
    body = schemas.ListingIn()
    reply: ClassVar[Schema] = schemas.ListingOut()
    derived = SHOWN_TOO
    purchase_body = schemas.PurchaseIn()
    purchase_query = schemas.PlanQuery()
    purchase_reply = schemas.PurchasedOut()
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "list": {"summary": "List what is published for every organization, and by your own."},
        "create": {
            "summary": "Offer a version of an agent. It is published if it passes the gates, otherwise stored as a draft.",
            "refusals": GATES,
        },
        "replace": {
            "summary": "Change a listing, and republish it if it passes the gates; the agent is fixed.",
            "refusals": GATES,
        },
        "update": {"summary": "Change fields of a listing, and republish it if it passes the gates.", "refusals": GATES},
        "delete": {"summary": "Delist a listing. It becomes invisible; purchases stay valid."},
    }
    query = ListQuery(schemas.ListingOut(), filters=_FILTERS, sorts=_SORTS, default="-published_at", search=("title", "summary"))

    def find(self, req: Request, **ids: str) -> Listing | Offer:
        """Return the organization's own listing, or another's published one."""
        return service.find(ids["listing_id"]) or offers.find(ids["listing_id"])

    def allows(self, req: Request, permission: str, target: Listing | Offer) -> bool:
        """Published listings of others can be read by readers of any listing, and bought for the organization."""
        if isinstance(target, Listing):
            return super().allows(req, permission, target)
        if permission == self.permission_for("read"):
            return req.rights.has_anywhere(permission)
        return permission == self.permission_for("purchase") and req.rights.allows_at(permission, None)

    def denial(self, req: Request, permission: str, target: Listing | Offer) -> Refused:
        """A listing can be changed by its seller."""
        if isinstance(target, Listing) or permission == self.permission_for("purchase"):
            return super().denial(req, permission, target)
        return Refused("permission_denied", "Only its seller can do this with a listing.", meta={"permission": permission})

    def page(self, req: Request, *conditions: Condition) -> Page:
        """Return a page of the published listings."""
        question = self.query.question(req.path, req.query)
        own = req.rights.reach_condition(self.permission_for("read"), Offer, self.node_field)
        shown = (offers.visible(own), *conditions)
        return read_page(offers.PUBLIC, self.plan.columns, question, shown, self.app.keyring, self.query.search)

    def present(self, record: Listing | Offer) -> Any:
        """Return a listing as its seller or a buyer sees it."""
        return offers.shown(record) if isinstance(record, Offer) else super().present(record)

    def check(self, req: Request, values: dict[str, Any], record: Any = None) -> dict[str, Any]:
        """Return the values completed from the listing, with the agent, which must be visible to the caller."""
        return _checked(req, {**(service.values_of(record) if record is not None else {}), **values}, record)

    def create(self, req: Request, values: dict[str, Any]) -> Listing:
        """List the agent, and publish it unless it is a draft."""
        return service.create(self.app, values.pop("agent"), values, req.principal.user_id)

    def change(self, req: Request, record: Listing, values: dict[str, Any]) -> Listing:
        """Write changed values, and publish it unless it is a draft."""
        return service.change(self.app, record, values.pop("agent"), values)

    def remove(self, req: Request, record: Listing) -> None:
        """Delist it."""
        service.remove(record)

    @operation(
        "purchase",
        body="purchase_body",
        query="purchase_query",
        reply="purchase_reply",
        status=201,
        also=(200,),
        message="Purchased.",
        refusals=("invalid_state", "already_exists", "action_changed", "insufficient_credits"),
    )
    def on_post_purchase(self, req: Request, resp: Response, listing_id: str) -> None:
        """Buy a copy of the agent.

        With plan=true, only show its cost, requirements and effects; the purchase sends the plan's digest.
        """
        order, buyer = orders.order_of(self.app, req, self.permission_for("purchase")), orders.buyer_of(req)
        if isinstance(req.target, Listing):
            raise buying.is_own()
        if req.query["plan"]:
            resp.media = {"planned": True, "plan": buying.plan(self.app, req.target, order, buyer), "purchase": None}
            resp.status, resp.message = 200, "Nothing is bought yet; this is what the purchase would make."
            return
        planned, purchase = buying.buy(self.app, req.target, order, buyer, orders.digest_of(req))
        resp.status, resp.location = 201, f"/api/v1/agents/{purchase.agent_id}"
        resp.media = {"planned": False, "plan": planned, "purchase": licence(purchase)}


class Publishing(Resource):
    """Listing an agent, from the agent."""

    paths: ClassVar[Mapping[str, str]] = {"publish": "/agents/{agent_id}/publish"}
    body = schemas.TermsIn()
    reply = schemas.ListingOut()
    derived = SHOWN_TOO

    def __init__(self, app: App) -> None:
        self._listings = Listings(app)

    def find(self, req: Request, **ids: str) -> Agent:
        """Return the agent, if it is visible to the caller."""
        return agents.find_visible(ids["agent_id"], req.principal.user_id)

    def node_of(self, target: Agent) -> str | None:
        """Listings belong to their agents' nodes."""
        return target.project_id  # type: ignore[no-any-return]

    @operation("create", body="body", reply="reply", status=201, message="Listing created.", refusals=GATES)
    def on_post_publish(self, req: Request, resp: Response, agent_id: str) -> None:
        """Offer a version of the agent.

        It is published if it passes the gates, otherwise stored as a draft.
        """
        if not agents.may_read(req.rights, req.target, req.principal.user_id):
            raise lacking("agents:read")
        service.refuse_bad_price(req.body["price"])
        listing = service.create(self._listings.app, req.target, req.body, req.principal.user_id)
        resp.location = self._listings.location(listing)
        resp.media = self._listings.present(listing)


class OwnListings(Collection):
    """The listings of the organization, with their sales."""

    record = Listing
    view = SALES
    events = "marketplace"
    noun = "listings"
    node_field = "project_id"
    paths: ClassVar[Mapping[str, str]] = {"": "/marketplace/my-listings"}
    reply = schemas.ListingOut()
    derived = SHOWN_TOO
    query = ListQuery(
        schemas.ListingOut(), filters=(*_FILTERS, "status", "agent_id", "created_at"), sorts=_SORTS, search=("title", "summary")
    )
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "list": {"summary": "List your organization's listings with their sales, including drafts but not delisted ones."}
    }

    def reach(self, req: Request) -> list[Condition]:
        """Those within reach that are not delisted."""
        return [*super().reach(req), Condition(service.is_there)]


def _checked(req: Request, values: dict[str, Any], record: Listing | None) -> dict[str, Any]:
    """Return the values with their agent and its node; Invalid for an agent that is not visible to the caller, or another one."""
    if record is not None and values["agent_id"] != record.agent_id:
        raise Invalid(
            {
                "agent_id": [
                    Problem("invalid_reference", "The agent of a listing cannot be changed; create another listing for this one.")
                ]
            }
        )
    service.refuse_bad_price(values["price"])
    try:
        agent = agents.find_allowed("agents:read", values["agent_id"], req.rights, req.principal.user_id)
    except Refused:
        raise Invalid({"agent_id": [Problem("invalid_reference", "There is no such agent; see GET /agents.")]}) from None
    return {**values, "agent": agent, "project_id": agent.project_id}
