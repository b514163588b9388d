"""Operations of sellers: list a version of an agent, publish it through the gates, change it and delist it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aasim_core.clock import now
from aasim_core.context import current_organization
from aasim_core.data import records
from aasim_core.error_codes import ErrorCode
from aasim_core.errors import Invalid, Problem, Refused, not_found
from aasim_core.events.log import emit
from aasim_core.ids import is_id
from aasim_core.tenancy.records import Organization

from ..agents.models import Agent
from . import offers
from .gates import checking, lookalikes
from .models import (
    DELISTED,
    DRAFT,
    FINDINGS,
    IN_REVIEW,
    INSTANCE,
    ONE_TIME,
    PUBLISHED,
    REJECTED,
    SUSPENDED,
    TERMS,
    Listing,
    Offer,
)
from .requirements import Survey, survey
from .settings import settings_of

if TYPE_CHECKING:
    from aasim_core.app import App

RUBRIC_GATE_FAILED = ErrorCode(
    "rubric_gate_failed",
    409,
    "the version of the agent does not pass the rubrics that it names; `meta.scorecard` says how it did",
    "evaluate the version with each of them, and publish one that passes",
    example="Version 2 of the agent does not pass its rubrics: Quality is missing.",
    meta={"scorecard": [{"name": "Quality", "threshold": 0.7, "score": None, "cases": 0, "status": "missing"}]},
)


def find(listing_id: str) -> Listing | None:
    """The organization's own listing of that id, or None; one that is delisted is gone."""
    found: Listing | None = records.find_or_none(Listing, listing_id) if is_id(listing_id, "listing") else None
    return None if found is None or found.status == DELISTED else found


def origin_key(listing_id: str, release: int) -> str:
    """What the release of a listing elsewhere is called here."""
    return f"{listing_id}/{release}"


def is_there() -> Any:
    """The expression for listings that are not delisted."""
    return Listing.status != DELISTED


def values_of(listing: Listing) -> dict[str, Any]:
    """Return the seller's values, as the start of a change; a published listing is republished."""
    status = PUBLISHED if listing.status in (PUBLISHED, IN_REVIEW) else DRAFT
    terms = {name: getattr(listing, name) for name in (*TERMS, "agent_id", "agent_version")}
    return {**terms, "effects": None, "status": status}


def refuse_bad_price(price: Mapping[str, Any]) -> None:
    """Invalid for a price of nothing, or something free that costs."""
    if (price["type"] == ONE_TIME) != (price["amount"] > 0):
        message = 'Write "one_time" with an amount of at least 1 micro-credit, or "free" with 0.'
        raise Invalid({"price.amount": [Problem("out_of_range", message)]})


def create(
    app: "App", agent: Agent, values: Mapping[str, Any], created_by: str, origin: Mapping[str, Any] | None = None
) -> Listing:
    """List the agent: as a draft, or published, or handed in for review. Invalid or Refused where a gate refuses it.

    `origin` is where an imported listing came from.
    """
    found = survey(app, agent, values["agent_version"] or agent.agent_version)
    own = {"agent_id": agent.id, "project_id": agent.project_id, "created_by": created_by, "origin": origin}
    own["origin_key"] = origin and origin_key(origin["listing_id"], origin["release"])
    listing: Listing = records.create(Listing, **own, **_about(values, found))
    emit("marketplace.created", listing)
    if values["status"] == PUBLISHED:
        submit(app, listing, found, values["effects"])
    return listing


def change(app: "App", listing: Listing, agent: Agent, values: Mapping[str, Any]) -> Listing:
    """Write what differs, and publish it, if it is to be published. Refused ``invalid_state`` for a listing that is suspended."""
    if listing.status == SUSPENDED:
        raise Refused("invalid_state", "The listing is suspended; ask the operator.", meta={"status": SUSPENDED})
    found = survey(app, agent, values["agent_version"] or agent.agent_version)
    is_draft = values["status"] == DRAFT
    changed = records.change(listing, {**_about(values, found), **({"status": DRAFT} if is_draft else {})})
    if changed:
        emit("marketplace.updated", listing, changes=changed)
    if is_draft:
        _withdraw(listing, DRAFT)
    else:
        submit(app, listing, found, values["effects"])
    return listing


def follow(agent_id: str, project_id: str | None) -> None:
    """Let the listings of an agent be where it is from now on, in the running transaction."""
    values = {"project_id": project_id, "updated_at": now()}
    mine = Listing.select(Listing.id).where(Listing.agent_id == agent_id)
    Offer.update({**values, "version": Offer.version + 1}).where(Offer.listing_id.in_(mine)).execute()
    Listing.update({**values, "version": Listing.version + 1}).where(Listing.agent_id == agent_id).execute()


def remove(listing: Listing) -> None:
    """Delist it: nobody sees or buys it any more, and what was bought stays."""
    records.change(listing, {"status": DELISTED})
    _withdraw(listing, DELISTED)
    emit("marketplace.delisted", listing)


def submit(app: "App", listing: Listing, found: Survey, stated: Any) -> None:
    """Take the listing through the gates, and publish it, or hand it in for review where the installation wants one."""
    checking.refuse_flaws({name: getattr(listing, name) for name in TERMS}, found.document, stated, found.effects)
    records.change(listing, {"scorecard": _pass_rubrics(app, found)})
    if listing.visibility == INSTANCE:
        refuse_alike(listing.title)
    if listing.visibility == INSTANCE and settings_of(app).review:
        records.change(listing, {"status": IN_REVIEW})
        emit("marketplace.submitted", listing)
        return
    publish(listing, found)


def publish(listing: Listing, found: Survey) -> None:
    """Index the current listing for its audience; in the scope of its organization."""
    records.change(listing, {"status": PUBLISHED, "published_at": now(), "review_notes": ""})
    offer: Offer | None = Offer.select().where(Offer.listing_id == listing.id).first()
    shown = {
        **{name: getattr(listing, name) for name in (*TERMS, *FINDINGS, "agent_version", "project_id", "origin", "published_at")},
        "seller_name": Organization.get_by_id(current_organization()).name,
        "name_key": lookalikes.key_of(listing.title),
        "document": found.document,
        "status": PUBLISHED,
    }
    if offer is None:
        records.create(Offer, listing_id=listing.id, **shown)
    else:
        is_new = any(getattr(offer, name) != shown[name] for name in shown if name != "published_at")
        records.change(offer, {**shown, "number": offer.number + is_new})
    emit("marketplace.published", listing)


def reject(listing: Listing, notes: str) -> None:
    """Send the listing back to its seller, with what is to be changed; an earlier release stays as it is."""
    _require(listing, IN_REVIEW)
    records.change(listing, {"status": REJECTED, "review_notes": notes})
    emit("marketplace.rejected", listing, data={"notes": notes})


def suspend(listing: Listing, notes: str) -> None:
    """Take a published listing away from buyers until it is approved again; what was bought stays."""
    _require(listing, PUBLISHED)
    records.change(listing, {"status": SUSPENDED, "review_notes": notes})
    _withdraw(listing, SUSPENDED)
    emit("marketplace.suspended", listing, data={"notes": notes})


def approve(app: "App", listing: Listing) -> None:
    """Publish what waits for review or is suspended, through all gates once more, since the agent's tools may have changed."""
    _require(listing, IN_REVIEW, SUSPENDED)
    agent = records.find_or_none(Agent, listing.agent_id)
    if agent is None:
        raise not_found()
    found = survey(app, agent, listing.agent_version)
    checking.refuse_flaws({name: getattr(listing, name) for name in TERMS}, found.document, listing.effects, found.effects)
    if listing.visibility == INSTANCE:
        refuse_alike(listing.title)
    publish(listing, found)


def _about(values: Mapping[str, Any], found: Survey) -> dict[str, Any]:
    terms = {name: values[name] for name in TERMS}
    return {**terms, "agent_version": found.number, "effects": list(found.effects), "requirements": found.requirements}


def _withdraw(listing: Listing, status: str) -> None:
    changes = {"status": status, "version": Offer.version + 1, "updated_at": now()}
    Offer.update(changes).where(Offer.listing_id == listing.id).execute()


def _require(listing: Listing, *statuses: str) -> None:
    if listing.status not in statuses:
        message = f"The listing is {listing.status}; this is for one that is {' or '.join(statuses)}."
        raise Refused("invalid_state", message, meta={"status": listing.status})


def refuse_alike(title: str) -> None:
    """Invalid for a title that looks like another seller's; nobody else publishes one until the running transaction ends."""
    other = offers.alike(lookalikes.key_of(title))
    if other is not None:
        message = f'This looks like "{other}" of another seller. Choose another title.'
        raise Invalid({"title": [Problem(checking.LOOK_ALIKE_TITLE, message)]})


def _pass_rubrics(app: "App", found: Survey) -> list[dict[str, Any]]:
    """How the version did with its rubrics; Refused ``rubric_gate_failed`` where it does not pass one."""
    if not app.features.is_here("rubrics"):
        return []
    from . import with_rubrics

    card = with_rubrics.scorecard(found.agent, found.number)
    refuse_missed(card, found.number)
    return card


def refuse_missed(card: Sequence[Mapping[str, Any]], number: int) -> None:
    """Refused ``rubric_gate_failed`` for the scorecard of a version that does not pass one of its rubrics."""
    missed = [f"{line['name']} is {line['status']}" for line in card if line["status"] != "passed"]
    if missed:
        message = f"Version {number} of the agent does not pass its rubrics: {', '.join(missed)}."
        raise Refused(RUBRIC_GATE_FAILED, message, meta={"scorecard": card})
