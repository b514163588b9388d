"""The sample tool: a refund that is not paid by anybody, with the effect and the approval of one that is."""

from typing import Any

from ..executions.hookspecs import Tool, ToolSource, ToolUse

_REFUND = Tool(
    "refund",
    "Pay the price of an order back. This is a sample: nothing is paid.",
    {
        "type": "object",
        "properties": {
            "order": {"type": "integer", "minimum": 1, "description": "The number of the order."},
            "amount": {"type": "number", "exclusiveMinimum": 0, "description": "How much is paid back."},
        },
        "required": ["order", "amount"],
        "additionalProperties": False,
    },
    allowed=lambda rights, user_id: True,
    effect="pay",
    idempotent=True,
)


def _refund(use: ToolUse) -> Any:
    return {"paid": use.arguments["amount"], "order": use.arguments["order"]}


SOURCE = ToolSource("demo", {"refund": _REFUND}.get, _refund, about="refund: a sample, which pays nothing")
