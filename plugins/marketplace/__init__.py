"""The marketplace: organizations offer agents as data, and buy copies of them with credits."""

from collections.abc import Sequence

import click

from aasim_core import App, ErrorCode, Event, Listener, Permission, Plugin, Resource, Row, hookimpl
from aasim_core.schemas.fields import Id, Integer, Text

from ..executions.hookspecs import Runner
from . import api, service
from . import commands as own_commands
from . import listeners as own_listeners
from .bundles import signing
from .bundles.api import Bundles
from .gates import checking
from .models import Account, Entry, Listing, Offer, Purchase, Review
from .reviews.api import Reviews
from .settings import MarketplaceSettings
from .trading import api as trading
from .trading import ledger
from .trying import running
from .trying.api import Tries
from .trying.limits import TOO_MANY_TRIES

plugin = Plugin(
    "Marketplace",
    "Agents that organizations offer each other, and buy as copies with credits.",
    requires=("agents", "engines", "executions", "organizations"),
    uses=("connected_apps", "rubrics"),
)


@hookimpl
def config_schema() -> type[MarketplaceSettings]:
    """The section [marketplace]."""
    return MarketplaceSettings


@hookimpl
def models(app: App) -> Sequence[type[Row]]:
    """Listings and what is published of them, purchases, reviews, and the ledger."""
    return Listing, Offer, Purchase, Review, Account, Entry


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about the marketplace."""
    return (
        Permission(
            "marketplace:read",
            "See what is offered, sold and bought",
            roles=("builder", "operator", "viewer", "auditor", "billing"),
        ),
        Permission("marketplace:create", "Offer agents to others", dangerous=True, roles=("builder",)),
        Permission("marketplace:update", "Change listings", dangerous=True, roles=("builder",)),
        Permission("marketplace:delete", "Delist what is offered", dangerous=True, roles=("builder",)),
        Permission("marketplace:purchase", "Buy agents with the organization's credits", dangerous=True, roles=("billing",)),
    )


@hookimpl
def error_codes(app: App) -> Sequence[ErrorCode]:
    """What the gates, imports and tries refuse with, and a purchase without enough credits."""
    codes = *checking.CODES, service.RUBRIC_GATE_FAILED, ledger.INSUFFICIENT_CREDITS
    return *codes, signing.BUNDLE_BROKEN, signing.KEY_NOT_TRUSTED, TOO_MANY_TRIES


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to listings, and with credits."""
    notes = {"notes": Text(max_length=2_000, multiline=True, required=True, description="What is to be changed.")}
    sold = {"amount": Integer(0, required=True, description="Micro-credits.")}
    bought = {
        "listing_id": Id("listing", required=True),
        "agent_id": Id("agent", required=True, description="The copy."),
        "paid": Integer(0, required=True, description="Micro-credits."),
    }
    upgraded = {
        "listing_id": bought["listing_id"],
        "agent_id": bought["agent_id"],
        "from_release": Integer(1, required=True, description="The one that the copy was of before."),
        "release": Integer(1, required=True, description="The one that the copy is of now."),
    }
    stars = {"stars": Integer(1, 5, required=True, description="5 is the best.")}
    of_listing = {"listing_id": bought["listing_id"]}
    refunded = {name: bought[name] for name in ("listing_id", "paid")}
    imported = {
        "seller_name": Text(required=True, description="What the seller is called there."),
        "listing_id": Id("listing", required=True, description="In the installation that it was made in."),
        "release": Integer(1, required=True, description="The one that was imported."),
        "signed_by": Text(required=True, description="What the operator calls the owner of the key."),
        "key": Text(required=True, description="The public key that it is signed with."),
    }
    granted = {**sold, "reason": Text(max_length=500, required=True, description="Why.")}
    return (
        Event("marketplace.created", "A listing was made", "listing"),
        Event("marketplace.imported", "A listing of another installation was imported", "listing", imported),
        Event("marketplace.updated", "A listing was changed", "listing"),
        Event("marketplace.submitted", "A listing waits for review", "listing"),
        Event("marketplace.published", "A listing was published", "listing"),
        Event("marketplace.rejected", "A review has sent a listing back", "listing", notes),
        Event("marketplace.suspended", "A listing was taken away from buyers", "listing", notes),
        Event("marketplace.delisted", "A listing was taken back by its seller", "listing"),
        Event("marketplace.sold", "Another organization has bought a listing", "listing", sold),
        Event("marketplace.purchased", "A copy of an agent was bought", "purchase", bought),
        Event("marketplace.upgraded", "A copy was upgraded to a newer release", "purchase", upgraded),
        Event("marketplace.sale_refunded", "A licence that was sold was given back", "listing", sold),
        Event("marketplace.refunded", "A licence was given back", "purchase", refunded),
        Event("marketplace.reviewed", "A listing was reviewed, or the review changed", "review", {**of_listing, **stars}),
        Event("marketplace.review_received", "Another organization has reviewed a listing", "listing", stars),
        Event(
            "marketplace.answered", "A review of a listing was answered", "listing", {"review_id": Id("review", required=True)}
        ),
        Event("marketplace.review_answered", "The seller has answered a review", "review", of_listing),
        Event("marketplace.granted", "The organization was given credits", "account", granted),
    )


@hookimpl
def listeners(app: App) -> Sequence[Listener]:
    """Listings are where their agents are."""
    return (Listener("agents.updated", own_listeners.follow, "before_commit"),)


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /marketplace, and the one under /agents."""
    own = api.OwnListings, trading.Purchases, trading.Entries, api.Publishing
    return tuple(make(app) for make in (Bundles, Reviews, Tries, api.Listings, *own))


@hookimpl
def runners(app: App) -> Sequence[Runner]:
    """What runs tries."""
    return running.runners(app)


@hookimpl
def commands(app: App) -> Sequence[click.Command]:
    """``aasim marketplace``."""
    own = own_commands
    return tuple(make(app) for make in (own.list_listings, own.approve, own.reject, own.suspend, own.grant, own.key, own.verify))
