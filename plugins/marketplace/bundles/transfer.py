"""Export a listing as a bundle, and import one through the same gates as a listing of this installation."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aasim_core.access.rights import Rights
from aasim_core.context import current_organization
from aasim_core.data import records
from aasim_core.errors import Invalid, Refused
from aasim_core.events.log import emit

from ...engines import service as engines
from ...executions.service import find_tool
from .. import service
from ..gates import checking
from ..models import DRAFT, INSTANCE, OWN, PUBLISHED, TERMS, Listing, Offer
from ..requirements import digest_of
from ..settings import settings_of
from ..trading import planning
from ..trading.planning import Buyer, Order
from . import contents, signing
from .signing import Signer

if TYPE_CHECKING:
    from aasim_core.app import App


def bundle_of(app: "App", listing: Listing) -> dict[str, str]:
    """The bundle of what is published of the listing.

    Refused ``invalid_state`` for one that is not published, or that nobody has reviewed where the installation wants reviews.
    """
    offer: Offer | None = Offer.get_or_none(Offer.listing_id == listing.id)
    if offer is None or offer.status != PUBLISHED:
        raise Refused("invalid_state", "Only what is published can be exported.", meta={"status": listing.status})
    if offer.visibility != INSTANCE and settings_of(app).review:
        message = 'Only what was reviewed leaves this installation: publish the listing with the visibility "instance" first.'
        raise Refused("invalid_state", message, meta={"status": listing.status})
    return signing.sealed(app.keyring, contents.payload_of(offer))


def opened(app: "App", bundle: Mapping[str, str]) -> tuple[Offer, Signer]:
    """The offer that the bundle carries, which is not stored, and who has signed it.

    Invalid for a bundle that is broken or signed with a key that nobody has pinned, and as the publishing gates refuse.
    """
    payload, signer = signing.opened(bundle, app.keyring, settings_of(app).trusted_keys)
    try:
        offer = contents.offer_of(payload)
        found = [tool["effect"] for tool in offer.requirements["tools"]]
        checking.refuse_flaws({name: getattr(offer, name) for name in TERMS}, offer.document, offer.effects, found)
        service.refuse_bad_price(offer.price)
        service.refuse_alike(offer.title)
    except Invalid as invalid:
        raise invalid.below("bundle.payload") from invalid
    service.refuse_missed([_judged(line) for line in offer.scorecard], offer.agent_version)
    return offer, signer


def refuse_second(offer: Offer, rights: Rights) -> None:
    """Refused ``already_exists`` where the organization has imported this release of the listing, and has it still.

    Only who may read that listing learns which it is. Nobody else imports into the organization until the running transaction ends.
    """
    records.database_of(Listing).lock(f"marketplace/imports/{current_organization()}")
    same = Listing.origin_key == service.origin_key(offer.listing_id, offer.number)
    found: Listing | None = Listing.select().where(same, service.is_there()).order_by(Listing.created_at.desc()).first()
    if found is not None:
        message = f"Release {offer.number} of this listing was imported already. Use that, or write again: true."
        is_shown = rights.allows_at("marketplace:read", found.project_id)
        raise Refused("already_exists", message, meta={"listing_id": found.id, "agent_id": found.agent_id} if is_shown else None)


def plan(app: "App", offer: Offer, signer: Signer, order: Order, buyer: Buyer) -> dict[str, Any]:
    """What the import would make and need, what is missing, and what is not as it was when the listing was scored."""
    about = {
        "title": offer.title,
        "price": offer.price,
        "seller_name": offer.seller_name,
        "signed_by": signer.name,
        "key": signer.key,
        "scorecard": offer.scorecard,
        "differences": [*_other_tools(app, offer, order), *_other_model(app, offer, order)],
    }
    return planning.plan(app, offer, order, buyer, **about)


def bring_in(app: "App", offer: Offer, signer: Signer, order: Order, buyer: Buyer, digest: str) -> tuple[dict[str, Any], Listing]:
    """Make the agent, and a draft of a listing of it that remembers its origin; returns the plan, and the draft. Needs a transaction.

    Refused ``action_changed`` where the plan is not the one of the digest; or as `plan` refuses.
    """
    planned = plan(app, offer, signer, order, buyer)
    planning.refuse_changed(planned, digest)
    agent = planning.copied(offer, order, planned, buyer.user_id)
    origin = {
        "seller_name": offer.seller_name,
        "listing_id": offer.listing_id,
        "release": offer.number,
        "signed_by": signer.name,
        "key": signer.key,
    }
    terms = {**{name: getattr(offer, name) for name in TERMS}, "visibility": OWN}
    draft = {**terms, "agent_version": None, "effects": None, "status": DRAFT}
    listing = service.create(app, agent, draft, buyer.user_id, origin)
    emit("marketplace.imported", listing, data=origin)
    return planned, listing


def _judged(line: Mapping[str, Any]) -> dict[str, Any]:
    """The line of a scorecard with the status that its own numbers give."""
    passed = line["score"] is not None and line["score"] >= line["threshold"]
    return {**line, "status": line["status"] if line["status"] != "passed" or passed else "failed"}


def _other_tools(app: "App", offer: Offer, order: Order) -> list[dict[str, str]]:
    told = []
    for need in offer.requirements["tools"]:
        tool = find_tool(app, order.tools[need["key"]]).tool if need["key"] in order.tools else None
        if tool is not None and digest_of(tool) != need["digest"]:
            message = f"{tool.name} does not tell of itself what the tool did that the listing was scored with."
            told.append({"kind": "tool", "ref": need["key"], "message": message})
    return told


def _other_model(app: "App", offer: Offer, order: Order) -> list[dict[str, str]]:
    needs, parameters = offer.requirements, offer.document["definition"]["parameters"]
    engine = engines.find_or_none(order.engine_id) if order.engine_id else None
    provider, model = (engine.provider, engine.model) if engine else (None, None)
    if contents.model_digest(provider, model, parameters) == contents.model_digest(needs["provider"], needs["model"], parameters):
        return []
    scored, here = needs["model"] or "the default engine", model or "the default engine"
    return [{"kind": "model", "ref": scored, "message": f"It was scored with {scored}, and would run on {here}."}]
