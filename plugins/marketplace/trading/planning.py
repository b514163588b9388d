"""Plan a purchase: its cost, requirements and effects, identified by a digest that the order confirms.

The request that carries out a plan sends its digest, so that the result is what was shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from aasim_core.access.rights import Rights
from aasim_core.data import references
from aasim_core.errors import Invalid, Problem, Refused

from ...agents import service as agents
from ...agents.models import Agent
from ...engines import service as engines
from ...executions.service import find_tool
from ..models import Offer
from ..requirements import asks, digest_of, is_stronger

if TYPE_CHECKING:
    from aasim_core.app import App

_CHANGED = "The plan has changed since you saw it; request it again with plan=true, and send its digest."


@dataclass(frozen=True)
class Order:
    """What a buyer wants: `tools` are refs of their own tools by the keys of the listing's requirements."""

    name: str | None
    project_id: str | None
    engine_id: str | None
    tools: Mapping[str, str]


@dataclass(frozen=True)
class Buyer:
    """The buyer of the copy."""

    user_id: str
    rights: Rights


def plan(app: "App", offer: Offer, order: Order, buyer: Buyer, **more: Any) -> dict[str, Any]:
    """Return the copy's requirements and effects, what is missing, and the `digest` of that and of `more`, as in responses.

    Invalid for an engine or tools that do not exist, that the buyer may not use, or that have more effects than the listing states.
    """
    _refuse_bad_order(app, offer, order, buyer)
    tools = [_planned_tool(app, need, order.tools.get(need["key"])) for need in offer.requirements["tools"]]
    shown = {
        "listing_id": offer.listing_id,
        "release": offer.number,
        "license": offer.license,
        "effects": offer.effects,
        "engine_id": order.engine_id,
        "requirements": {**offer.requirements, "tools": tools},
        **more,
    }
    digest = sha256(orjson.dumps(shown, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return {**shown, "digest": digest, "missing": [*_missing_tools(tools), *_missing_engine(app, offer, order)]}


def refuse_changed(planned: Mapping[str, Any], digest: str) -> None:
    """Refused ``action_changed`` where the plan is not the one of the digest."""
    if planned["digest"] != digest:
        raise Refused("action_changed", _CHANGED, field="digest")


def copied(offer: Offer, order: Order, planned: Mapping[str, Any], owner_id: str) -> Agent:
    """Return the offer's agent for the organization in scope, with the tools that have a counterpart in the plan."""
    definition = {**bound(offer.document["definition"], refs_in(planned)), "engine_id": order.engine_id}
    origin = {"agent_id": offer.document["agent_id"], "version": offer.agent_version, "listing_id": offer.listing_id}
    return agents.import_document({**offer.document, "definition": definition}, order.name, order.project_id, owner_id, origin)


def refs_in(planned: Mapping[str, Any]) -> dict[str, str]:
    """Return the counterparts of the tools in the plan, by their keys; tools without one are omitted."""
    return {tool["key"]: tool["ref"] for tool in planned["requirements"]["tools"] if tool["ref"] is not None}


def bound(definition: Mapping[str, Any], refs: Mapping[str, str]) -> dict[str, Any]:
    """Return the definition of an offer with the refs of its tools' counterparts, without the tools that have none."""
    tools = [{**entry, "ref": refs[entry["ref"]]} for entry in definition["tools"] if entry["ref"] in refs]
    return {**definition, "tools": tools}


def _refuse_bad_order(app: "App", offer: Offer, order: Order, buyer: Buyer) -> None:
    problems: dict[str, list[Problem]] = {}
    needs = {need["key"]: need for need in offer.requirements["tools"]}
    if order.engine_id is not None:
        references.hold(Agent, [order.engine_id])
        if engines.find_or_none(order.engine_id) is None:
            problems["engine_id"] = [Problem("invalid_reference", "There is no such engine; see GET /engines.")]
    for key, ref in order.tools.items():
        flaw = flaw_of_tool(app, needs.get(key), ref, buyer)
        if flaw:
            problems[f"tools.{key}"] = [Problem("invalid_reference", flaw)]
    if problems:
        raise Invalid(problems)


def flaw_of_tool(app: "App", need: Mapping[str, Any] | None, ref: str, buyer: Buyer) -> str | None:
    """Return why the tool of that ref cannot be the counterpart, as one sentence; None where it can."""
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
    """A tool of the copy: its stated effects, and its counterpart in the buyer's organization."""
    tool = find_tool(app, ref).tool if ref is not None else None
    here = {} if tool is None else {"effect": tool.effect, "asks": asks(tool, need["approval"]), "digest": digest_of(tool)}
    return {**need, "ref": ref} | here


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
