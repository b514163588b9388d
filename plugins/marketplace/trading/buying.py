"""Buying: the plan says what the copy will need and do, and the purchase makes it, all in one transaction.

The purchase names the plan by its digest, so that what is paid and agreed to is what was shown. The seller's side is written in the scope
of the seller's organization: an entry of the ledger, the count of sales, and an event that does not tell who bought.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from aasim_core.access.rights import Rights
from aasim_core.context import SYSTEM, acting_as, current_organization, current_request_id, organization_scope
from aasim_core.data import records, references
from aasim_core.errors import Invalid, Problem, Refused
from aasim_core.events.log import emit

from ...agents import service as agents
from ...agents.models import Agent
from ...engines import service as engines
from ...executions.service import find_tool
from .. import offers
from ..models import CREDITS, PURCHASE, Listing, Offer, Purchase
from ..requirements import asks, is_stronger
from . import ledger

if TYPE_CHECKING:
    from aasim_core.app import App

_CHANGED = "The plan is not the one that you saw; ask for it again with plan=true, and send its digest."


@dataclass(frozen=True)
class Order:
    """What a buyer wants: `tools` are refs of their own tools by the keys of the listing's requirements."""

    name: str | None
    project_id: str | None
    engine_id: str | None
    tools: Mapping[str, str]


@dataclass(frozen=True)
class Buyer:
    """For whom the copy is made."""

    user_id: str
    rights: Rights


def plan(app: "App", offer: Offer, order: Order, buyer: Buyer) -> dict[str, Any]:
    """What the purchase would cost and make, and what is missing, as answers have it; nothing is changed.

    Invalid for an engine or tools that are not there, that the buyer may not use, or that do more than the listing states.
    """
    _refuse_bad_order(app, offer, order, buyer)
    tools = [_planned_tool(app, need, order.tools.get(need["key"])) for need in offer.requirements["tools"]]
    held, price = ledger.balance(), int(offer.price["amount"])
    shown = {
        "listing_id": offer.listing_id,
        "release": offer.number,
        "price": offer.price,
        "license": offer.license,
        "effects": offer.effects,
        "engine_id": order.engine_id,
        "requirements": {**offer.requirements, "tools": tools},
    }
    return {
        **shown,
        "digest": sha256(orjson.dumps(shown, option=orjson.OPT_SORT_KEYS)).hexdigest(),
        "balance": {"amount": held, "currency": CREDITS},
        "missing": [*_missing_tools(tools), *_missing_engine(app, offer, order), *_missing_credits(price, held)],
    }


def buy(app: "App", offer: Offer, order: Order, buyer: Buyer, digest: str) -> Purchase:
    """Pay for the offer, and make the licence and the copy. Needs a transaction.

    Refused ``already_exists`` for a listing that the organization has a licence for, ``action_changed`` where the plan is not the one of
    the digest, ``insufficient_credits``; or as `plan` refuses.
    """
    mine = current_organization()
    records.database_of(Purchase).lock(f"marketplace/purchases/{mine}")
    offer = offers.find(offer.listing_id)
    _refuse_second(offer)
    planned = plan(app, offer, order, buyer)
    if planned["digest"] != digest:
        raise Refused("action_changed", _CHANGED, field="digest")
    price = int(offer.price["amount"])
    about = {"type": PURCHASE, "listing_id": offer.listing_id, "reason": offer.title}
    transaction_id = ledger.pay(mine, offer.organization_id, price, **about) if price else None
    copy = _copied(offer, order, planned["requirements"]["tools"], buyer.user_id)
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
        paid=price,
        transaction_id=transaction_id,
        created_by=buyer.user_id,
    )
    emit("marketplace.purchased", purchase, data={"listing_id": offer.listing_id, "agent_id": copy.id, "paid": price})
    note_sale(offer.organization_id, offer.listing_id, 1, price, "marketplace.sold")
    return purchase


def is_own() -> Refused:
    """What is answered to an organization that wants to buy its own listing."""
    message = "This is a listing of your own organization, which cannot buy it; clone the agent instead."
    return Refused("invalid_state", message, meta={"status": "own"})


def note_sale(seller_id: str, listing_id: str, count: int, amount: int, event: str) -> None:
    """Count a sale, or with minus signs what is taken back, on the seller's side, and tell the seller."""
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


def _refuse_bad_order(app: "App", offer: Offer, order: Order, buyer: Buyer) -> None:
    problems: dict[str, list[Problem]] = {}
    needs = {need["key"]: need for need in offer.requirements["tools"]}
    if order.engine_id is not None:
        references.hold(Agent, [order.engine_id])
        if engines.find_or_none(order.engine_id) is None:
            problems["engine_id"] = [Problem("invalid_reference", "There is no such engine; see GET /engines.")]
    for key, ref in order.tools.items():
        flaw = _flaw_of_tool(app, needs.get(key), ref, buyer)
        if flaw:
            problems[f"tools.{key}"] = [Problem("invalid_reference", flaw)]
    if problems:
        raise Invalid(problems)


def _flaw_of_tool(app: "App", need: Mapping[str, Any] | None, ref: str, buyer: Buyer) -> str | None:
    if need is None:
        return "The agent has no such tool; write one of the keys that the plan names."
    tool = find_tool(app, ref).tool
    if tool is None or not tool.allowed(buyer.rights, buyer.user_id):
        return "There is no such tool, or you may not use it. Write the ref of a tool of your organization."
    if is_stronger(tool.effect, need["effect"]):
        return (
            f"The effect of this tool is {tool.effect}, and the listing states {need['effect']}. Write a tool that does no more."
        )
    return None


def _planned_tool(app: "App", need: Mapping[str, Any], ref: str | None) -> dict[str, Any]:
    """A tool of the copy: what was stated of it, and what stands for it in the buyer's organization."""
    tool = find_tool(app, ref).tool if ref is not None else None
    return {**need, "ref": ref} | ({} if tool is None else {"effect": tool.effect, "asks": asks(tool, need["approval"])})


def _missing_tools(tools: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    return [
        {
            "kind": "tool",
            "ref": tool["key"],
            "message": f"Name a tool of yours for {tool['key']}, or the copy is made without it.",
        }
        for tool in tools
        if tool["ref"] is None
    ]


def _missing_engine(app: "App", offer: Offer, order: Order) -> list[dict[str, str]]:
    """What of the engine is not there: the engine itself, or what the agent's parameters ask of it."""
    ref, missing = order.engine_id or "default", engines.missing(app, order.engine_id)
    if missing is not None:
        return [
            {"kind": "engine", "ref": ref, "message": "This engine is not there for the organization; name another engine_id."}
        ]
    try:
        engines.refuse_bad_parameters(offer.document["definition"]["parameters"], engines.provider_of(app, order.engine_id))
    except Invalid as invalid:
        wrong = "; ".join(f"{path}: {problems[0].message}" for path, problems in invalid.problems.items())
        return [{"kind": "parameters", "ref": ref, "message": f"The engine does not take these parameters: {wrong}"[:500]}]
    return []


def _missing_credits(price: int, held: int) -> list[dict[str, str]]:
    if price <= held:
        return []
    message = f"The organization has {held:,} micro-credits, and needs {price - held:,} more."
    return [{"kind": "credits", "ref": CREDITS, "message": message}]


def _copied(offer: Offer, order: Order, planned: Sequence[Mapping[str, Any]], owner_id: str) -> Agent:
    """The agent of the offer in the organization in scope, with those of its tools that stand for something there."""
    refs = {tool["key"]: tool["ref"] for tool in planned}
    definition = offer.document["definition"]
    tools = [{**entry, "ref": refs[entry["ref"]]} for entry in definition["tools"] if refs[entry["ref"]] is not None]
    document = {**offer.document, "definition": {**definition, "tools": tools, "engine_id": order.engine_id}}
    origin = {"agent_id": offer.document["agent_id"], "version": offer.agent_version, "listing_id": offer.listing_id}
    return agents.import_document(document, order.name, order.project_id, owner_id, origin)
