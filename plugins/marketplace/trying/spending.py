"""The spending of a try: money where a price is known, and tokens always."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from peewee import fn

from aasim_core.errors import Invalid, Problem

from ...executions.models import Execution
from ..settings import settings_of

if TYPE_CHECKING:
    from aasim_core.app import App


class Most(NamedTuple):
    """What all runs of a try together may take: micro-units of the engine's currency, and tokens, None for as many as may be."""

    cost: int
    tokens: int | None


class Spent(NamedTuple):
    """What runs have taken: micro-units, where a price is known, and tokens."""

    cost: int
    tokens: int


def bounds(app: "App", most: Most) -> dict[str, int]:
    """What the try may take, as its input says it; Invalid for more than the settings allow."""
    settings = settings_of(app)
    allowed = {"max_cost": (most.cost, settings.try_max_cost), "max_tokens": (most.tokens, settings.try_max_tokens)}
    problems = {
        name: [Problem("out_of_range", f"The operator allows {most_allowed:,} a try; write at most that.")]
        for name, (wanted, most_allowed) in allowed.items()
        if wanted is not None and wanted > most_allowed
    }
    if problems:
        raise Invalid(problems)
    return {name: most_allowed if wanted is None else wanted for name, (wanted, most_allowed) in allowed.items()}


def is_spent(whole: Execution) -> bool:
    """Whether the examples of the try have taken all that they may; where they may cost nothing, what is free continues."""
    spent = spent_of(whole.id)
    return bool(0 < spent.cost >= whole.input["max_cost"] or spent.tokens >= whole.input["max_tokens"])


def bounded(own: Mapping[str, Any], most: Mapping[str, int], spent: Spent) -> dict[str, Any]:
    """The limits of the agent, or what is left for the try, if that is less."""
    left = {"max_cost": max(0, most["max_cost"] - spent.cost), "max_tokens": max(0, most["max_tokens"] - spent.tokens)}
    return {**own, **{name: min(amount, own.get(name, amount)) for name, amount in left.items()}}


def spent_of(try_id: str, besides: str = "") -> Spent:
    """What the examples of the try have taken so far, without the one that is named."""
    sums = fn.SUM(Execution.cost), fn.SUM(Execution.input_tokens + Execution.output_tokens)
    of_others = (Execution.parent_id == try_id) & (Execution.id != besides)
    cost, tokens = Execution.select(*sums).where(of_others).scalar(as_tuple=True)
    return Spent(int(cost or 0), int(tokens or 0))
