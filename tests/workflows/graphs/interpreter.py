"""A simple interpreter of the language of workflows, written for the tests: it runs a graph in one go, in memory, and says what came of it.

It knows tools that give their arguments, and fail where these say so. It goes through the nodes in a topological order, again and again,
until nothing changes; it has no notion of turns, rows or waits, and shares no code with the platform but the language of expressions.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aasim_core.user_code import values


class Failed(Exception):
    """A node failed, and no edge took it."""


@dataclass
class Interpreted:
    """What came of a run: the outcome of each node by path, the calls that were made, by path, and the scopes that failed."""

    outcomes: dict[str, str] = field(default_factory=dict)
    calls: dict[str, Any] = field(default_factory=dict)
    output: Any = None
    failed: bool = False
    failed_scopes: list[str] = field(default_factory=list)


class Interpreter:
    """Runs one definition for one input."""

    def __init__(self, definition: Mapping[str, Any], given: Any) -> None:
        self._definition, self._given, self.told = definition, given, Interpreted()

    def run(self) -> Interpreted:
        """What comes of it."""
        try:
            self.told.output = self._scope(self._definition, "", {}, None, None)
        except Failed:
            self.told.failed = True
        return self.told

    def _scope(self, graph: Mapping[str, Any], prefix: str, outer: dict[str, Any], item: Any, index: int | None) -> Any:
        """The output of one run of a graph; what a failure leaves alone is done all the same before it is raised."""
        outputs: dict[str, dict[str, Any]] = {}
        taken: dict[int, bool] = {}
        done: set[str] = set()
        failed = False
        names = {"input": self._given, "vars": {}, "item": item, "index": index, "run": {}}
        while len(done) < len(graph["nodes"]):
            for node in graph["nodes"]:
                edges = [(n, edge) for n, edge in enumerate(graph["edges"]) if edge["to"] == node["id"]]
                if node["id"] in done or any(edge["from"] not in done for _, edge in edges):
                    continue
                done.add(node["id"])
                seen = {**names, "nodes": {**outer, **outputs}}
                path = prefix + node["id"]
                if edges and not any(taken[n] for n, _ in edges):
                    outcome = "skipped"
                else:
                    arrived = list(dict.fromkeys(edge["from"] for n, edge in edges if taken[n]))
                    outcome, told = self._node(node, path, seen, arrived, outputs)
                    outputs[node["id"]] = told
                self.told.outcomes[path] = outcome
                seen = {**names, "nodes": {**outer, **outputs}}
                ways = [(n, edge) for n, edge in enumerate(graph["edges"]) if edge["from"] == node["id"]]
                for n, edge in ways:
                    taken[n] = edge.get("on", "done") == outcome and (
                        "condition" not in edge or values.fill(f"{{{{ {edge['condition']} }}}}", seen)
                    )
                failed = failed or (outcome == "error" and not any(taken[n] for n, _ in ways))
        if failed:
            self.told.failed_scopes.append(prefix)
            raise Failed
        seen = {**names, "nodes": {**outer, **{node["id"]: outputs.get(node["id"], {}) for node in graph["nodes"]}}}
        return values.fill(graph["output"], seen)

    def _node(
        self, node: Mapping[str, Any], path: str, seen: dict[str, Any], arrived: list[str], outputs: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        """The outcome of a node, and what others see of it."""
        config = node["config"]
        if node["type"] == "tool":
            return self._tool(node, path, values.fill(config["arguments"], seen))
        output = {
            "condition": lambda: values.fill(f"{{{{ {config['when']} }}}}", seen),
            "switch": lambda: _case(config["cases"], seen),
            "transform": lambda: values.fill(config["value"], seen),
            "join": lambda: {id_: outputs[id_].get("output") for id_ in arrived},
            "foreach": lambda: self._items(config, path, seen),
            "while": lambda: self._rounds(config, path, seen),
            "parallel": lambda: None,
        }[node["type"]]()
        outcome = {"condition": str(output).lower(), "switch": output}.get(node["type"], "done")
        return outcome, {"output": output}

    def _tool(self, node: Mapping[str, Any], path: str, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        self.told.calls[path] = arguments
        if not arguments["fails"]:
            return "done", {"output": arguments}
        return ("done", {}) if node.get("on_error") == "continue" else ("error", {"error": {"code": "tool_failed"}})

    def _items(self, config: Mapping[str, Any], path: str, seen: dict[str, Any]) -> list[Any]:
        items = values.fill(f"{{{{ {config['items']} }}}}", seen)
        told = []
        for index, item in enumerate(items):
            try:
                told.append(self._scope(config["body"], f"{path}[{index}].", seen["nodes"], item, index))
            except Failed:
                if config.get("on_item_error") != "continue":
                    raise
                told.append("failed")
        return told

    def _rounds(self, config: Mapping[str, Any], path: str, seen: dict[str, Any]) -> Any:
        output, count = None, 0
        while values.fill(f"{{{{ {config['when']} }}}}", {**seen, "item": output, "index": count}):
            count += 1
            prefix = f"{path}." if count == 1 else f"{path}#{count}."
            output = self._scope(config["body"], prefix, seen["nodes"], output, count - 1)
        return output


def _case(cases: list[dict[str, str]], seen: dict[str, Any]) -> str:
    """The name of the first case that holds."""
    return next((case["name"] for case in cases if values.fill(f"{{{{ {case['when']} }}}}", seen)), "otherwise")
