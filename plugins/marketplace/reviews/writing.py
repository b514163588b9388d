"""Write reviews and answers. A review belongs to its buyer; others read it anonymously."""

from collections.abc import Iterable, Mapping
from typing import Any

from peewee import fn

from aasim_core.clock import now
from aasim_core.context import SYSTEM, acting_as, current_request_id, organization_scope, system_scope
from aasim_core.data import records
from aasim_core.errors import Refused, not_found
from aasim_core.events.log import emit
from aasim_core.ids import is_id

from ...executions.models import Execution
from ..gates import checking
from ..models import Listing, Purchase, Review


def review(listing_id: str, stars: int, text: str, created_by: str) -> tuple[Review, bool]:
    """Write the organization's review of the listing, or change it; and whether it is new. Needs a transaction.

    Refused ``invalid_state`` without a licence, or before its copy has succeeded once; Invalid for secrets and hidden characters.
    """
    checking.refuse_flaws({"text": text}, {}, None, ())
    purchase = _licence(listing_id)
    found: Review | None = Review.get_or_none(Review.listing_id == listing_id)
    values = {"stars": stars, "text": text, "release": purchase.number}
    written = found or records.create(Review, listing_id=listing_id, created_by=created_by, **values)
    if found is None or records.change(found, values):
        emit("marketplace.reviewed", written, data={"listing_id": listing_id, "stars": stars})
        _tell_seller(purchase, stars)
    return written, found is None


def answer(listing: Listing, review_id: str, text: str) -> Review:
    """Write the seller's answer to a review of the listing, or change it; in the scope of the seller. Raises the one 404, Invalid."""
    checking.refuse_flaws({"text": text}, {}, None, ())
    if not is_id(review_id, "review"):
        raise not_found()
    with system_scope("find a review of a listing"):
        found: Review | None = Review.get_or_none((Review.id == review_id) & (Review.listing_id == listing.id))
    if found is None:
        raise not_found()
    with organization_scope(found.organization_id), acting_as(SYSTEM, current_request_id()):
        records.change(found, {"answer": text, "answered_at": now()})
        emit("marketplace.review_answered", found, data={"listing_id": listing.id})
    emit("marketplace.answered", listing, data={"review_id": review_id})
    return found


def ratings(listing_ids: Iterable[str]) -> Mapping[str, dict[str, Any]]:
    """The ``average`` of the stars, and their ``count``, of those of the listings that were reviewed, by id of the listing."""
    with system_scope("add up the reviews of listings"):
        counted: Any = Review.select(Review.listing_id, fn.COUNT(Review.id), fn.SUM(Review.stars))
        rows = list(counted.where(Review.listing_id.in_(list(set(listing_ids)))).group_by(Review.listing_id).tuples())
    return {listing_id: {"average": round(int(stars) / count, 2), "count": count} for listing_id, count, stars in rows}


def _licence(listing_id: str) -> Purchase:
    """The organization's licence for the listing, whose copy has succeeded at least once."""
    held = (Purchase.listing_id == listing_id) & Purchase.refunded_at.is_null()
    purchase: Purchase | None = Purchase.select().where(held).first()
    if purchase is None:
        raise Refused("invalid_state", "Reviews are by those who have a licence; buy it first.", meta={"status": "not_bought"})
    done = (Execution.subject_id == purchase.agent_id) & (Execution.status == "succeeded")
    if not Execution.select(Execution.id).where(done).exists():
        raise Refused("invalid_state", "Run your copy first; nothing of it has succeeded yet.", meta={"status": "not_run"})
    return purchase


def _tell_seller(purchase: Purchase, stars: int) -> None:
    with organization_scope(purchase.seller_id), acting_as(SYSTEM, current_request_id()):
        emit("marketplace.review_received", records.find(Listing, purchase.listing_id), data={"stars": stars})
