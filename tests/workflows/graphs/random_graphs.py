"""Random definitions, each from its seed: branches, conditions, loops in loops, errors that edges take and errors that are skipped."""

from random import Random
from typing import Any


class Generator:
    """Makes one definition."""

    def __init__(self, seed: int, most: int) -> None:
        self._random = Random(seed)  # noqa: S311 - no secret
        self._made = 0
        self._most = most

    def definition(self) -> dict[str, Any]:
        """A definition without faults."""
        return {"language": 1, **self._graph(depth=0, count=self._random.randint(2, 14), outer=[])}

    def _graph(self, depth: int, count: int, outer: list[str]) -> dict[str, Any]:
        nodes: list[dict[str, Any]] = []
        edges: list[dict[str, Any]] = []
        for _ in range(count):
            before = [node for node in nodes if self._random.random() < 2 / len(nodes)] if nodes else []
            node = self._node(depth, [*outer, *(node["id"] for node in before)])
            edges += [edge for source in before for edge in self._edges(source, node["id"])]
            nodes.append(node)
        for node in nodes:
            self._catch(node, nodes, edges)
        seen = [
            node["id"] for node in nodes if node["config"].get("mode", "all") == "all"
        ]  # what others give depends on who is first
        output = {id_: f"{{{{ has(nodes.{id_}.output) ? nodes.{id_}.output : 'none' }}}}" for id_ in seen[-4:]}
        return {"nodes": nodes, "edges": edges, "output": output}

    def _node(self, depth: int, known: list[str]) -> dict[str, Any]:
        self._made += 1
        id_ = f"n{self._made}"
        room = self._made < self._most
        kinds = ["tool", "tool", "tool", "transform", "condition", "switch", "parallel", "join"]
        kind = self._random.choice([*kinds, *(["foreach", "while"] if depth < 2 and room else [])])
        node = {"id": id_, "type": kind, "config": getattr(self, f"_{kind}")(depth, known)}
        if kind == "tool" and self._random.random() < 0.2:
            node["on_error"] = "continue"
        return node

    def _edges(self, source: dict[str, Any], target: str) -> list[dict[str, Any]]:
        """One way from a node to another, sometimes with a condition."""
        outcomes = {"condition": ["true", "false"], "switch": ["small", "otherwise"]}.get(source["type"], ["done"])
        edge = {"from": source["id"], "to": target, "on": self._random.choice(outcomes)}
        return [edge | ({"condition": f"input.k % 2 == {self._random.randint(0, 1)}"} if self._random.random() < 0.15 else {})]

    def _catch(self, node: dict[str, Any], nodes: list[dict[str, Any]], edges: list[dict[str, Any]]) -> None:
        """Let a later node take the error of a tool; a tool whose error nobody takes does not fail."""
        if node["type"] != "tool" or node.get("on_error") == "continue":
            return
        later = nodes[nodes.index(node) + 1 :]
        if later and self._random.random() < 0.4:
            edges.append({"from": node["id"], "to": self._random.choice(later)["id"], "on": "error"})
        else:
            node["config"]["arguments"]["fails"] = False

    def _value(self, known: list[str]) -> str:
        if known and self._random.random() < 0.7:
            id_ = self._random.choice(known)
            return f"{{{{ has(nodes.{id_}.output) ? nodes.{id_}.output : input.k }}}}"
        return "{{ input.k }}"

    def _tool(self, depth: int, known: list[str]) -> dict[str, Any]:
        fails = f"{{{{ input.k % {self._random.randint(2, 4)} == 0 }}}}"
        number = "{{ index }}" if depth else "{{ input.k }}"
        arguments = {"me": f"n{self._made}", "number": number, "fails": fails}
        return {
            "ref": self._random.choice(["shed:any", "shed:quick", "shed:quick_look"]),
            "approval": "never",
            "arguments": arguments,
        }

    def _transform(self, depth: int, known: list[str]) -> dict[str, Any]:
        return {"value": {"of": f"n{self._made}", "k": "{{ input.k }}"}}

    def _condition(self, depth: int, known: list[str]) -> dict[str, Any]:
        return {"when": f"input.k > {self._random.randint(0, 9)}"}

    def _switch(self, depth: int, known: list[str]) -> dict[str, Any]:
        return {"cases": [{"name": "small", "when": f"input.k < {self._random.randint(0, 9)}"}]}

    def _parallel(self, depth: int, known: list[str]) -> dict[str, Any]:
        return {}

    def _join(self, depth: int, known: list[str]) -> dict[str, Any]:
        return {"mode": "all"}

    def _foreach(self, depth: int, known: list[str]) -> dict[str, Any]:
        body = self._graph(depth + 1, self._random.randint(1, 4), [])
        return {"items": "input.items", "body": body, "concurrency": self._random.randint(1, 4)}

    def _while(self, depth: int, known: list[str]) -> dict[str, Any]:
        body = self._graph(depth + 1, self._random.randint(1, 3), [])
        return {"when": f"index < {self._random.randint(0, 3)}", "body": body, "max_iterations": 5}
