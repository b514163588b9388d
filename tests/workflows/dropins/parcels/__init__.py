"""Parcels: nodes of workflows that weigh what is to be sent, and book a courier for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aasim_core import Plugin, hookimpl
from aasim_plugins.workflows import hookspecs
from aasim_plugins.workflows.hookspecs import Data, NodeFailed, NodeType, Result

if TYPE_CHECKING:
    from aasim_core import App
    from aasim_plugins.executions.hookspecs import ToolUse

plugin = Plugin("Parcels", "Nodes that weigh parcels and book couriers.", requires=("executions", "workflows"))

#: Stands for the courier's service, which does once what it is asked under one key.
BOOKINGS: dict[str, Any] = {}
WEIGH: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "grams": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        "limit": {"type": "integer", "minimum": 1},
    },
    "required": ["grams", "limit"],
    "additionalProperties": False,
}
BOOK: Mapping[str, Any] = {
    "type": "object",
    "properties": {"country": {"type": "string", "description": "a country, such as AT"}, "express": {"type": "boolean"}},
    "required": ["country"],
    "additionalProperties": False,
}


def weigh(config: Mapping[str, Any], data: Data) -> Result:
    grams = sum(data.fill_config(config, WEIGH)["grams"])
    return Result({"grams": grams}, "heavy" if grams > config["limit"] else "light")


def book(use: ToolUse) -> Any:
    country = use.arguments["country"]
    if country == "AQ":
        raise NodeFailed("no_courier", f"No courier goes to {country}.")
    return BOOKINGS.setdefault(use.idempotency_key, {"number": len(BOOKINGS) + 1, "country": country})


@hookimpl(spec=hookspecs.node_types)
def node_types(app: App) -> Sequence[NodeType]:
    return [
        NodeType(
            "parcels_weigh", "Weigh what is to be sent.", WEIGH, compute=weigh,
            constants=["limit"], outcomes=lambda config: ["light", "heavy"],
        ),
        NodeType(
            "parcels_book", "Book a courier.", BOOK, call=book,
            effect=lambda config: "pay", is_idempotent=lambda config: True,
        ),
    ]  # fmt: skip
