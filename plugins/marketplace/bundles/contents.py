"""The contents of a bundle: a published listing, with the digests of what it was scored with."""

from collections.abc import Mapping
from typing import Any

from aasim_core.clock import to_text
from aasim_core.errors import Invalid, Problem
from aasim_core.schemas.fields import Choice, Id, Integer, Json, ListOf, Object, Patterned, Text
from aasim_core.schemas.schema import Schema, load

from ...agents.resources import FORMAT as AGENT
from ...agents.resources import read_document
from ...executions.hookspecs import EFFECTS
from ..models import CREDITS, PRICE_TYPES, Offer
from ..schemas import AboutIn, RequirementsOut, ScoreOut
from . import signing

FORMAT = "aasim.listing/1"
_ABOUT = tuple(AboutIn().fields)


class _Price(Schema):
    """What a licence costs; the amount is a text, since it may be more than numbers of JSON carry."""

    type = Choice(*PRICE_TYPES, required=True)
    amount = Patterned("0|[1-9][0-9]{0,15}", '"2000000", micro-credits as a text', required=True)
    currency = Patterned(CREDITS, f'"{CREDITS}"', required=True)


class _ScoredWith(Schema):
    """The digests of the prompt, the tools by their keys, and the model with its parameters."""

    prompt = Text(64, 64, required=True)
    tools = Json(object_only=True, required=True)
    model = Text(64, 64, required=True)


class _Payload(AboutIn):
    """The payload of a bundle."""

    format = Choice(FORMAT, required=True)
    listing_id = Id("listing", required=True)
    release = Integer(1, required=True)
    published_at = Text(required=True)
    seller_name = Text(required=True)
    price = Object(_Price, required=True)
    agent_id = Id("agent", required=True)
    agent_version = Integer(1, required=True)
    agent = Json(object_only=True, max_bytes=1_048_576, max_depth=24, required=True)
    effects = ListOf(Choice(*EFFECTS), len(EFFECTS), unique=True, required=True)
    requirements = Object(RequirementsOut, required=True)
    scorecard = ListOf(Object(ScoreOut), 20, required=True)
    scored_with = Object(_ScoredWith, required=True)


_PAYLOAD = _Payload()


def payload_of(offer: Offer) -> dict[str, Any]:
    """What a bundle of the offer carries. Invalid for numbers that JSON does not carry everywhere."""
    agent = {name: value for name, value in offer.document.items() if name != "agent_id"}
    signing.refuse_large_numbers({"agent": agent, "requirements": offer.requirements, "examples": offer.examples})
    return {
        "format": FORMAT,
        "listing_id": offer.listing_id,
        "release": offer.number,
        "published_at": to_text(offer.published_at),
        "seller_name": offer.seller_name,
        **{name: getattr(offer, name) for name in _ABOUT},
        "price": {**offer.price, "amount": str(offer.price["amount"])},
        "agent_id": offer.document["agent_id"],
        "agent_version": offer.agent_version,
        "agent": {"format": AGENT, "needs": [], **agent},
        "effects": offer.effects,
        "requirements": offer.requirements,
        "scorecard": offer.scorecard,
        "scored_with": _scored_with(agent["definition"], offer.requirements),
    }


def offer_of(payload: Mapping[str, Any]) -> Offer:
    """The offer that the payload carries, which is not stored. Invalid, with paths in the payload, for what makes no listing."""
    read = load(_PAYLOAD, payload)
    try:
        document = read_document(read["agent"])
    except Invalid as invalid:
        raise invalid.below("agent") from invalid
    _refuse_other_tools(document["definition"]["tools"], read["requirements"]["tools"])
    if read["scored_with"] != _scored_with(document["definition"], read["requirements"]):
        message = "These are not the digests of the prompt, the tools and the model that the payload has."
        raise Invalid({"scored_with": [Problem(signing.BUNDLE_BROKEN, message)]})
    document["definition"] |= {"engine_id": None, "rubric_ids": []}
    own = {
        name: read[name]
        for name in (*_ABOUT, "listing_id", "seller_name", "agent_version", "effects", "requirements", "scorecard")
    }
    price = {**read["price"], "amount": int(read["price"]["amount"])}
    return Offer(**own, price=price, number=read["release"], document={**document, "agent_id": read["agent_id"]})


def model_digest(provider: str | None, model: str | None, parameters: Mapping[str, Any]) -> str:
    """Return the digest of the answering model and its parameters."""
    return signing.digest_of({"provider": provider, "model": model, "parameters": parameters})


def _scored_with(definition: Mapping[str, Any], requirements: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "prompt": signing.digest_of(definition["instructions"]),
        "tools": {tool["key"]: tool["digest"] for tool in requirements["tools"]},
        "model": model_digest(requirements["provider"], requirements["model"], definition["parameters"]),
    }


def _refuse_other_tools(entries: list[dict[str, Any]], needs: list[dict[str, Any]]) -> None:
    """Invalid where the agent's tools differ from those in the requirements."""
    told = [(need["key"], need["approval"]) for need in needs]
    if told != [(entry["ref"], entry["approval"]) for entry in entries] or len({key for key, _ in told}) < len(told):
        message = "These are not the tools that the agent has; ask the seller for another bundle."
        raise Invalid({"requirements.tools": [Problem("invalid_reference", message)]})
