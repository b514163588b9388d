"""Requests of tries."""

from aasim_core.schemas.fields import Id, Integer
from aasim_core.schemas.schema import Schema

from ..schemas import AgreedIn


class TryIn(Schema):
    """The engine, the tools and the budget of a try."""

    max_cost = Integer(
        0, 10**15, required=True, description="Maximum cost of all runs together, in micro-units of the engine's currency."
    )
    max_tokens = Integer(
        1,
        10**12,
        allow_none=True,
        load_default=None,
        description="Tokens that all runs together may take; null is the most that the operator allows.",
    )
    engine_id = Id("engine", allow_none=True, load_default=None, description="What they run on; null is the default engine.")
    tools = AgreedIn().fields["tools"]
