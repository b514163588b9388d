"""The values of loops: items, the next iteration, and the result."""

from collections.abc import Mapping
from typing import Any

from ..hookspecs import NodeFailed
from ..kernel import flow as f
from ..kernel.flow import Instance
from ..kernel.graph import Graph
from ..models import ITEMS, SCOPE
from .data import Data, round_output
from .results import Results

__all__ = ["ITEMS", "collects", "gathered", "goes_on", "items_of", "last_output", "output_of"]

_MOST_ITEMS = 5_000


def items_of(config: Mapping[str, Any], data: Data) -> list[Any]:
    """The items that the config of a loop names by an expression; NodeFailed where that is no list, or too long."""
    items = data.evaluate(config["items"], loops=True)
    if not isinstance(items, list):
        raise NodeFailed("not_a_list", f"{config['items']} is no list, and a loop goes over one.")
    if len(items) > _MOST_ITEMS:
        raise NodeFailed("too_many_items", f"There are {len(items)} items, and a loop goes over at most {_MOST_ITEMS}.")
    return items


def goes_on(config: Mapping[str, Any], data: Data, rounds: int) -> bool:
    """Return whether another iteration follows; NodeFailed where there may be no more of them."""
    again = data.is_true(config["when"])
    if again and rounds >= config["max_iterations"]:
        message = f"The loop was to continue after {rounds} rounds, and max_iterations allows no more."
        raise NodeFailed("max_iterations_reached", message)
    return again


def last_output(results: Results, loop: Instance) -> Any:
    """What the last round gave."""
    return round_output(results, loop.path, loop.begun)


def collects(config: Mapping[str, Any]) -> bool:
    """Return whether the outputs of a loop's scopes are stored."""
    return bool(config.get("collect", "values") == "values")


def gathered(config: Mapping[str, Any], loop: Instance, results: Results) -> Any:
    """What a loop gives: the outputs for its items, in their order, or how many there were; of another one, that of the last round."""
    if "items" not in config:
        return last_output(results, loop)
    if not collects(config):
        return loop.over
    return results.many([f.item_scope(loop.path, item) for item in range(loop.count or 0)], SCOPE)


def output_of(written: Mapping[str, Any], graph: Graph, data: Data) -> Any:
    """The output of a workflow or a body as it is written; of one without, that of its last node, if that is one."""
    if "output" in written:
        return data.fill(written["output"])
    last = [node_id for node_id, ways in graph.outgoing.items() if not ways]
    return data.outputs(last)[last[0]] if len(last) == 1 else None
