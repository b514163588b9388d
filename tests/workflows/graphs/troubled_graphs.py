"""Random definitions with trouble in them, and what must come of their runs whatever happens first.

Tools fail, some of them only at first, and are tried again; errors are taken, or not; joins go on before all branches have arrived.
"""

from collections.abc import Mapping
from typing import Any

from .interpreter import Failed, Interpreter
from .random_graphs import Generator


class Troubled(Generator):
    """Makes one definition with trouble in it."""

    def _graph(self, depth: int, count: int, outer: list[str]) -> dict[str, Any]:
        graph = super()._graph(depth, count, outer)
        for node in graph["nodes"]:
            if node["config"].get("mode") == "n":
                sources = {edge["from"] for edge in graph["edges"] if edge["to"] == node["id"]}
                few = {"count": min(node["config"]["count"], len(sources))} if sources else {"mode": "all"}
                node["config"] = {name: each for name, each in node["config"].items() if name != "count"} | few
        return graph

    def _node(self, depth: int, known: list[str]) -> dict[str, Any]:
        node = super()._node(depth, known)
        if node["type"] == "tool" and self._random.random() < 0.6:
            node["retry"] = {"max_attempts": self._random.randint(2, 3), "base_seconds": 0}
        return node

    def _tool(self, depth: int, known: list[str]) -> dict[str, Any]:
        config = super()._tool(depth, known)
        fails = f"{{{{ input.k % {self._random.randint(5, 9)} == 0 }}}}"
        return {**config, "arguments": {**config["arguments"], "fails": fails, "fails_first": self._random.choice([0, 0, 1, 2])}}

    def _catch(self, node: dict[str, Any], nodes: list[dict[str, Any]], edges: list[dict[str, Any]]) -> None:
        """Let a later node take the error of some."""
        later = nodes[nodes.index(node) + 1 :]
        may_fail = node["type"] in ("tool", "foreach", "while", "join") and "on_error" not in node
        if may_fail and later and self._random.random() < 0.6:
            edges.append({"from": node["id"], "to": self._random.choice(later)["id"], "on": "error"})

    def _join(self, depth: int, known: list[str]) -> dict[str, Any]:
        mode = self._random.choice(["all", "any", "n"])
        return {"mode": mode, "rest": "let_run"} | ({"count": self._random.randint(1, 3)} if mode == "n" else {})

    def _foreach(self, depth: int, known: list[str]) -> dict[str, Any]:
        return {**super()._foreach(depth, known), "on_item_error": self._random.choice(["fail", "continue"])}


class Expected(Interpreter):
    """What must come of a run: the outcome of each node if nothing stops it, how often each is tried, and which scopes fail."""

    def __init__(self, definition: Mapping[str, Any], given: Any) -> None:
        super().__init__(definition, given)
        self.attempts: dict[str, int] = {}

    def _node(
        self, node: Mapping[str, Any], path: str, seen: dict[str, Any], arrived: list[str], outputs: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        if node["type"] == "join" and len(arrived) < node["config"].get("count", 0):
            return "error", {"error": {"code": "join_unreachable"}}
        try:
            return super()._node(node, path, seen, arrived, outputs)
        except Failed:
            return "error", {"error": {"code": "tool_failed"}}

    def _tool(self, node: Mapping[str, Any], path: str, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        most = node.get("retry", {}).get("max_attempts", 1)
        needed = most if arguments["fails"] else arguments["fails_first"] + 1
        self.attempts[path] = min(most, needed)
        fails = arguments["fails"] or needed > most
        outcome, told = super()._tool(node, path, {**arguments, "fails": fails})
        return outcome, {**told, **({"output": arguments} if not fails else {})}

    def outcomes_of(self, path: str) -> set[str]:
        """The outcomes that a node can have, of one that is not sure: it may be cancelled, or not be tried again any more."""
        cut_off = {"error"} if any(each.startswith(path) and count > 1 for each, count in self.attempts.items()) else set()
        return {self.told.outcomes[path], "cancelled", *cut_off}

    def is_sure(self, path: str) -> bool:
        """Whether nothing that fails can keep the node from its end: it is in no scope that fails, and in no loop that does."""
        stopped = [*self.told.failed_scopes, *(f"{each}{end}" for each in self._failed_loops() for end in ".[#")]
        return not any(path.startswith(each) for each in stopped)

    def _failed_loops(self) -> list[str]:
        return [path for path, outcome in self.told.outcomes.items() if outcome == "error" and path not in self.attempts]
