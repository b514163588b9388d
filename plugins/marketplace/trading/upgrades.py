"""Upgrade a copy to a newer release, by a three-way comparison: as bought, as offered now, and as it is here.

What only the seller has changed is taken over, what only the buyer has changed stays, and what both have changed is decided by the buyer.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aasim_core.context import current_organization
from aasim_core.data import records
from aasim_core.errors import Invalid, Problem, Refused
from aasim_core.events.log import emit

from ...agents import service as agents
from ...agents.models import DEFINITION, Agent
from .. import offers
from ..models import Offer, Purchase
from ..requirements import ASKS, is_stronger
from . import planning
from .planning import Buyer, Order

if TYPE_CHECKING:
    from aasim_core.app import App

#: The fields of a copy that a release can change: all of the definition except local choices.
_FIELDS = ("description", "tags", *(name for name in DEFINITION if name not in ("engine_id", "rubric_ids")))


def plan(app: "App", purchase: Purchase, tools: Mapping[str, str], buyer: Buyer) -> dict[str, Any]:
    """Return the changes of the upgrade, the required decisions and consent, and what is missing, as in responses; nothing is changed.

    `tools` are refs by the keys of the newer release, besides existing counterparts. Refused ``invalid_state`` for a deleted copy or one of
    the newest release, Invalid as for any plan.
    """
    return _plan(app, purchase, _copy_of(purchase), _newer(purchase), tools, buyer)


def _plan(app: "App", purchase: Purchase, copy: Agent, offer: Offer, tools: Mapping[str, str], buyer: Buyer) -> dict[str, Any]:
    order = Order(copy.name, copy.project_id, copy.engine_id, {**_kept(app, purchase, offer, buyer), **tools})
    about = {"purchase_id": purchase.id, "agent_id": copy.id, "from_release": purchase.number}
    changes = list(_changes(purchase, offer, copy, order.tools))
    return planning.plan(app, offer, order, buyer, **about, changes=changes, consents=list(_to_agree(purchase, offer)))


def upgrade(
    app: "App",
    purchase: Purchase,
    tools: Mapping[str, str],
    buyer: Buyer,
    digest: str,
    consent: Sequence[str],
    decisions: Mapping[str, str],
) -> dict[str, Any]:
    """Change the copy and the licence as the plan of the digest says, which is returned. Needs a transaction.

    Refused ``action_changed`` where the plan is another one by now, Invalid without a decision for each conflict and consent to each new
    effect; or as `plan` refuses.
    """
    records.database_of(Purchase).lock(f"marketplace/purchases/{current_organization()}")
    copy, offer = _copy_of(purchase), _newer(purchase)  # read once, so that what is taken over is what is compared
    planned = _plan(app, purchase, copy, offer, tools, buyer)
    planning.refuse_changed(planned, digest)
    _refuse_undecided(planned, consent, decisions)
    taken = {
        change["field"]: change["theirs"]
        for change in planned["changes"]
        if not change["conflict"] or decisions[change["field"]] == "theirs"
    }
    agents.change(copy, {**taken, "forked_from": {**copy.forked_from, "version": offer.agent_version}})
    before = purchase.number
    new = {name: getattr(offer, name) for name in ("number", "license", "effects", "document", "requirements")}
    records.change(purchase, {**new, "tools": planning.refs_in(planned)})
    about = {"listing_id": offer.listing_id, "agent_id": copy.id, "from_release": before, "release": offer.number}
    emit("marketplace.upgraded", purchase, data=about)
    return planned


def _copy_of(purchase: Purchase) -> Agent:
    copy: Agent | None = records.find_or_none(Agent, purchase.agent_id)
    if purchase.refunded_at is not None or copy is None or copy.deleted_at is not None:
        status = "refunded" if purchase.refunded_at is not None else "deleted"
        raise Refused("invalid_state", f"The licence or its copy is {status}; buy the listing again.", meta={"status": status})
    return copy


def _newer(purchase: Purchase) -> Offer:
    offer = offers.find_or_none(purchase.listing_id)
    if offer is None or offer.number <= purchase.number:
        status = "delisted" if offer is None else "current"
        raise Refused("invalid_state", "There is no newer release of the listing.", meta={"status": status})
    return offer


def _kept(app: "App", purchase: Purchase, offer: Offer, buyer: Buyer) -> dict[str, str]:
    """Return the existing counterparts that are valid for the tools of the newer release."""
    needs = {need["key"]: need for need in offer.requirements["tools"]}
    return {
        key: ref
        for key, ref in purchase.tools.items()
        if key in needs and planning.flaw_of_tool(app, needs[key], ref, buyer) is None
    }


def _changes(purchase: Purchase, offer: Offer, copy: Agent, refs: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    base, theirs = _values(purchase.document, purchase.tools), _values(offer.document, refs)
    for field in _FIELDS:
        mine = getattr(copy, field)
        if theirs[field] not in (base[field], mine):
            conflict = mine != base[field]
            yield {"field": field, "conflict": conflict, "base": base[field], "theirs": theirs[field], "mine": mine}


def _values(document: Mapping[str, Any], refs: Mapping[str, str]) -> dict[str, Any]:
    return {**document, **planning.bound(document["definition"], refs)}


def _to_agree(purchase: Purchase, offer: Offer) -> Iterator[dict[str, str]]:
    """The tools of the newer release that do more, or ask people less, than what was agreed to."""
    agreed = {need["key"]: need for need in purchase.requirements["tools"]}
    for need in offer.requirements["tools"]:
        was = agreed.get(need["key"])
        if was is None:
            yield _consent("new_tool", need, f"{need['key']} is new; its effect is {need['effect']}.")
        elif is_stronger(need["effect"], was["effect"]):
            yield _consent("stronger_effect", need, f"The effect of {need['key']} was {was['effect']}, and is {need['effect']}.")
        elif ASKS.index(need["asks"]) > ASKS.index(was["asks"]):
            yield _consent("asks_less", need, f"People were asked {was['asks']} before {need['key']}, and now {need['asks']}.")


def _consent(kind: str, need: Mapping[str, Any], message: str) -> dict[str, str]:
    return {"kind": kind, "ref": need["key"], "message": message}


def _refuse_undecided(planned: Mapping[str, Any], consent: Sequence[str], decisions: Mapping[str, str]) -> None:
    """Invalid without a decision for each conflict and consent to each new effect, and for those to what the plan does not have."""
    conflicts = {change["field"] for change in planned["changes"] if change["conflict"]}
    needed = {each["ref"] for each in planned["consents"]}
    problems: dict[str, list[Problem]] = {}
    for field in sorted(conflicts - decisions.keys()):
        problems[f"decisions.{field}"] = [Problem("required", 'Both sides have changed this. Write "mine" or "theirs".')]
    for field in sorted(decisions.keys() - conflicts):
        problems[f"decisions.{field}"] = [Problem("invalid_reference", "The plan has no conflict there; leave it out.")]
    if needed - set(consent):
        problems["consent"] = [Problem("required", f"Agree to what is new: {', '.join(sorted(needed - set(consent)))}.")]
    elif set(consent) - needed:
        problems["consent"] = [Problem("invalid_reference", "The plan asks for consent to other tools; name those alone.")]
    if problems:
        raise Invalid(problems)
