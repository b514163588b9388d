"""Refund a licence: within a time limit, the seller pays back the price, and the copy is deleted."""

from datetime import timedelta

from aasim_core.clock import now, to_text
from aasim_core.context import current_organization
from aasim_core.data import records
from aasim_core.errors import Refused
from aasim_core.events.log import emit

from ...agents import service as agents
from ...agents.models import Agent
from ..models import REFUND, Purchase
from . import ledger
from .buying import note_sale


def refund(purchase: Purchase, hours: int) -> Purchase:
    """Withdraw the licence and its copy, and refund the price. Needs a transaction.

    Refused ``invalid_state`` for a licence that was returned already, after the refund period, or where the seller has spent the credits.
    """
    until = purchase.created_at + timedelta(hours=hours)
    if purchase.refunded_at is not None or now() > until:
        status = "refunded" if purchase.refunded_at is not None else "expired"
        message = f"A licence can be given back once, until {to_text(until)}."
        raise Refused("invalid_state", message, meta={"status": status})
    records.change(purchase, {"refunded_at": now()})
    _pay_back(purchase)
    copy: Agent | None = records.find_or_none(Agent, purchase.agent_id)
    if copy is not None and copy.deleted_at is None:
        agents.remove(copy, now())
    emit("marketplace.refunded", purchase, data={"listing_id": purchase.listing_id, "paid": purchase.paid})
    note_sale(purchase.seller_id, purchase.listing_id, -1, -purchase.paid, "marketplace.sale_refunded")
    return purchase


def _pay_back(purchase: Purchase) -> None:
    if not purchase.paid:
        return
    about = {"type": REFUND, "listing_id": purchase.listing_id, "reason": purchase.title}
    try:
        ledger.pay(purchase.seller_id, current_organization(), purchase.paid, **about)
    except Refused as refused:  # which tells the seller's balance
        message = "The seller cannot pay this back now; ask them, or try again later."
        raise Refused("invalid_state", message, meta={"status": "unfunded"}) from refused
