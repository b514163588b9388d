"""Parcels: nodes of workflows that weigh what is to be sent, and book a courier for it."""

from aasim_core import Plugin, hookimpl
from aasim_plugins.workflows.hookspecs import NodeFailed, NodeType, Result

plugin = Plugin("Parcels", "Nodes that weigh parcels and book couriers.", requires=("workflows",))

#: Stands for the courier's service, which does once what it is asked under one key.
BOOKINGS = {}
WEIGH = {
    "type": "object",
    "properties": {
        "grams": {"type": "array", "items": {"type": "integer", "minimum": 0}},
        "limit": {"type": "integer", "minimum": 1},
    },
    "required": ["grams", "limit"],
    "additionalProperties": False,
}
BOOK = {
    "type": "object",
    "properties": {"country": {"type": "string", "description": "a country, such as AT"}, "express": {"type": "boolean"}},
    "required": ["country"],
    "additionalProperties": False,
}


def weigh(config, data):
    grams = sum(data.fill_config(config, WEIGH)["grams"])
    return Result({"grams": grams}, "heavy" if grams > config["limit"] else "light")


def book(use):
    country = use.arguments["country"]
    if country == "AQ":
        raise NodeFailed("no_courier", f"No courier goes to {country}.")
    return BOOKINGS.setdefault(use.idempotency_key, {"number": len(BOOKINGS) + 1, "country": country})


@hookimpl
def node_types(app):
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
