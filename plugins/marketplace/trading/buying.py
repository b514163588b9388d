"""Purchase a copy: one transaction pays the price, and creates the licence and the copy.

The seller's side is written in the scope of the seller's organization: a ledger entry, the count of sales, and an event that does not
identify the buyer.
"""

from typing import TYPE_CHECKING, Any

from aasim_core.context import SYSTEM, acting_as, current_organization, current_request_id, organization_scope
from aasim_core.data import records
from aasim_core.errors import Refused
from aasim_core.events.log import emit

from .. import offers
from ..models import CREDITS, PURCHASE, Listing, Offer, Purchase
from . import ledger, planning
from .planning import Buyer, Order

if TYPE_CHECKING:
    from aasim_core.app import App


def plan(app: "App", offer: Offer, order: Order, buyer: Buyer) -> dict[str, Any]:
    """Return the cost and result of the purchase, and what is missing, as in responses; nothing is changed. Invalid as for any plan."""
    held = ledger.balance()
    planned = planning.plan(app, offer, order, buyer, price=offer.price)
    missing = [*planned["missing"], *_missing_credits(int(offer.price["amount"]), held)]
    return {**planned, "balance": {"amount": held, "currency": CREDITS}, "missing": missing}


def buy(app: "App", offer: Offer, order: Order, buyer: Buyer, digest: str) -> tuple[dict[str, Any], Purchase]:
    """Pay for the offer, and make the licence and the copy; returns the plan, and the licence. Needs a transaction.

    Refused ``already_exists`` for a listing that the organization has a licence for, ``action_changed`` where the plan is not the one of
    the digest, ``insufficient_credits``; or as `plan` refuses.
    """
    mine = current_organization()
    records.database_of(Purchase).lock(f"marketplace/purchases/{mine}")
    offer = offers.find(offer.listing_id)
    _refuse_second(offer)
    planned = plan(app, offer, order, buyer)
    planning.refuse_changed(planned, digest)
    price = int(offer.price["amount"])
    about = {"type": PURCHASE, "listing_id": offer.listing_id, "reason": offer.title}
    transaction_id = ledger.pay(mine, offer.organization_id, price, **about) if price else None
    copy = planning.copied(offer, order, planned, buyer.user_id)
    purchase: Purchase = records.create(
        Purchase,
        listing_id=offer.listing_id,
        seller_id=offer.organization_id,
        seller_name=offer.seller_name,
        title=offer.title,
        license=offer.license,
        number=offer.number,
        agent_id=copy.id,
        effects=offer.effects,
        document=offer.document,
        requirements=offer.requirements,
        tools=planning.refs_in(planned),
        paid=price,
        transaction_id=transaction_id,
        created_by=buyer.user_id,
    )
    emit("marketplace.purchased", purchase, data={"listing_id": offer.listing_id, "agent_id": copy.id, "paid": price})
    note_sale(offer.organization_id, offer.listing_id, 1, price, "marketplace.sold")
    return planned, purchase


def is_own() -> Refused:
    """What is answered to an organization that wants to buy its own listing."""
    message = "This is a listing of your own organization, which cannot buy it; clone the agent instead."
    return Refused("invalid_state", message, meta={"status": "own"})


def note_sale(seller_id: str, listing_id: str, count: int, amount: int, event: str) -> None:
    """Count a sale, or a refund with negative numbers, on the seller's side, and notify the seller."""
    with organization_scope(seller_id), acting_as(SYSTEM, current_request_id()):
        more = {"purchases_count": Offer.purchases_count + count}
        Offer.update(more).where(Offer.listing_id == listing_id).execute()
        sold = {"purchases_count": Listing.purchases_count + count, "revenue": Listing.revenue + amount}
        Listing.update(sold).where(Listing.id == listing_id).execute()
        emit(event, records.find(Listing, listing_id), data={"amount": abs(amount)})


def _refuse_second(offer: Offer) -> None:
    same = (Purchase.listing_id == offer.listing_id) & Purchase.refunded_at.is_null()
    found = Purchase.select(Purchase.id).where(same).first()
    if found is not None:
        message = "The organization has a licence for this already; clone the agent that it bought instead."
        raise Refused("already_exists", message, meta={"purchase_id": found.id})


def _missing_credits(price: int, held: int) -> list[dict[str, str]]:
    if price <= held:
        return []
    message = f"The organization has {held:,} micro-credits, and needs {price - held:,} more."
    return [{"kind": "credits", "ref": CREDITS, "message": message}]
