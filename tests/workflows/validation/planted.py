"""Faults to plant into a definition: each is one mistake, and what is told of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..conftest import node, tool

Node = Mapping[str, Any]
BASE: dict[str, Any] = {
    "language": 1,
    "variables": {"limit": 100},
    "nodes": [node("fetch"), node("judge"), node("each", "foreach", items="input.rows", body={"nodes": [node("row")]})],
    "edges": [{"from": "fetch", "to": "judge"}, {"from": "judge", "to": "each"}],
    "output": "{{ nodes.each.output }}",
}


@dataclass(frozen=True)
class Planted:
    """Nodes, edges and fields to add, and the fault that follows: its code, its path, and a part of what it says.

    In the path, ``nodes[0]`` and ``edges[0]`` are the first that are added.
    """

    code: str
    path: str
    says: str
    nodes: Sequence[Node] = ()
    edges: Sequence[Mapping[str, Any]] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)


def planted_into(definition: Mapping[str, Any], faults: Sequence[Planted]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The definition with the faults, and the paths and codes of these."""
    planted, expected = {**definition, "nodes": list(definition["nodes"]), "edges": list(definition["edges"])}, []
    for each in faults:
        path = each.path.replace("nodes[0]", f"nodes[{len(planted['nodes'])}]")
        expected.append((path.replace("edges[0]", f"edges[{len(planted['edges'])}]"), each.code))
        planted["nodes"] += each.nodes
        planted["edges"] += each.edges
        planted |= each.fields
    return planted, expected


def _edge(source: str, target: str, **more: Any) -> dict[str, Any]:
    return {"from": source, "to": target, **more}


def _loop(id_: str, *nodes: Node, **body: Any) -> Node:
    return node(id_, "foreach", items="[1]", body={"nodes": list(nodes), **body})


def _deep(levels: int) -> Node:
    inner: Node = node("deepest")
    for level in range(levels):
        inner = _loop(f"deep_{level}", inner)
    return inner


_UNDOING = {"type": "tool", "config": {"ref": "shed:undo", "approval": "never"}}

#: One of each kind of fault, which do not touch each other.
PLANTED: Sequence[Planted] = (
    # The shape.
    Planted("unknown_field", "nodes.shape_1.nmae", 'Did you mean "name"?', [node("shape_1", _nmae="x")]),
    Planted("required", "nodes.shape_2.type", 'Write the field "type"', [{"id": "shape_2"}]),
    Planted("invalid_format", "nodes[0].id", "a small letter, and then at most 39", [node("Shape-3")]),
    Planted("invalid_type", "nodes.shape_4.retry.max_attempts", "a whole number", [tool("shape_4", "till", _retry={"max_attempts": "3"})]),
    Planted("out_of_range", "nodes.shape_5.timeout_seconds", "above 0", [tool("shape_5", "till", _timeout_seconds=0)]),
    Planted("unknown_field", "nodes.shape_6.body.edgse", 'Did you mean "edges"?', [_loop("shape_6", node("shape_7"), edgse=[])]),
    Planted("required", "edges[0].to", 'Write the field "to"', edges=[{"from": "fetch"}]),
    Planted("unknown_field", "otuput", 'Did you mean "output"?', fields={"otuput": 1}),
    Planted("invalid_choice", "language", "Write 1.", fields={"language": 2}),
    Planted("invalid_schema", "input_schema", "without going into the value", fields={"input_schema": {"$ref": "#"}}),
    Planted("nesting_too_deep", "nodes.deep_4.body.nodes.deep_3.body.nodes.deep_2.body.nodes.deep_1.body.nodes.deep_0.body",
            "at most 4 deep", [_deep(5)]),
    # The graph.
    Planted("duplicate_id", "nodes.loop_1.body.nodes.fetch.id", "unique in the whole workflow", [_loop("loop_1", node("fetch"))]),
    Planted("reserved_id", "nodes.compensate.id", "choose another id", [node("compensate")]),
    Planted("unknown_node", "edges[0].to", 'Did you mean "judge"?', edges=[_edge("fetch", "jugde")]),
    Planted("edge_across_bodies", "edges[0].to", "in the body of loop_2", [_loop("loop_2", node("inner_2"))], [_edge("fetch", "inner_2")]),
    Planted("duplicate_edge", "edges[0]", "the same edge", edges=[_edge("fetch", "judge", on="done")]),
    Planted("self_edge", "edges[0]", "cannot come after itself", [node("self_1")], [_edge("self_1", "self_1")]),
    Planted("cycle", "nodes.round_1", "round_1 → round_2 → round_3 → round_1 is a circle",
            [node("round_1"), node("round_2"), node("round_3")],
            [_edge("round_1", "round_2"), _edge("round_2", "round_3"), _edge("round_3", "round_1")]),
    Planted("unreachable", "nodes.never_1", "never true", [node("never_1")], [_edge("fetch", "never_1", condition="1 > 2")]),
    Planted("unknown_outcome", "edges[0].on", "Write true, false or error.",
            [node("large_1", "condition", when="vars.limit > 1"), node("large_2")],
            [_edge("large_1", "large_2", on="yes"), _edge("large_1", "large_2", on="true"), _edge("large_1", "large_2", on="false")]),
    Planted("contradiction", "nodes.error_1.on_error", "write branch, or leave one of them out",
            [node("error_1", _on_error="continue"), node("error_2")],
            [_edge("error_1", "error_2", on="error")]),
    Planted("join_unreachable", "nodes.join_1.config.count", "2 lead here", [node("join_1", "join", mode="n", count=3)],
            [_edge("fetch", "join_1"), _edge("judge", "join_1")]),
    Planted("end_in_body", "nodes.loop_3.body.nodes.end_1.type", "ends the run", [_loop("loop_3", node("end_1", "end"))]),
    Planted("after_end", "edges[0].from", "Nothing comes after end_2", [node("end_2", "end"), node("end_3")],
            [_edge("end_2", "end_3"), _edge("fetch", "end_3")]),
    # Types and their config.
    Planted("unknown_type", "nodes.type_1.type", 'Did you mean "transform"?', [node("type_1", "trasform")]),
    Planted("feature_disabled", "nodes.type_2.type", "is off for the organization", [node("type_2", "probe")]),
    Planted("invalid_choice", "nodes.config_1.config.collect", 'Write "values" or "none".',
            [node("config_1", "foreach", items="[1]", body={"nodes": [node("config_2")]}, collect="all")]),
    Planted("not_constant", "nodes.config_3.config.concurrency", "write the value itself",
            [node("config_3", "foreach", items="[1]", body={"nodes": [node("config_4")]}, concurrency="{{ vars.limit }}")]),
    Planted("invalid_config", "nodes.config_5.config.cases[1].name", "Another case is called a",
            [node("config_5", "switch", cases=[{"name": "a", "when": "true"}, {"name": "a", "when": "true"}])]),
    Planted("invalid_config", "nodes.config_6.config", "Write one of until, seconds, event, signal, and not until and seconds.",
            [node("config_6", "wait", seconds=3, until="{{ input.at }}")]),
    # Expressions.
    Planted("invalid_expression", "nodes.text_1.config.when", "without braces", [node("text_1", "condition", when="{{ true }}")]),
    Planted("invalid_expression", "nodes.text_2.config.value.a[0]", "There is no output here",
            [node("text_2", value={"a": ["{{ output }}"]})]),
    Planted("item_outside_loop", "nodes.text_3.config.value", "only in the body of a loop", [node("text_3", value="{{ item }}")]),
    Planted("unknown_node", "nodes.text_4.config.value", "There is no node fecth.", [node("text_4", value="{{ nodes.fecth.output }}")]),
    Planted("not_before", "edges[0].condition", "has not ended when this is evaluated", [node("text_5")],
            [_edge("fetch", "text_5", condition="nodes.judge.output")]),
    Planted("other_body", "nodes.text_6.config.value", "name nodes.each.output", [node("text_6", value="{{ nodes.row.output }}")],
            [_edge("each", "text_6")]),
    # What is used.
    Planted("invalid_reference", "nodes.use_1.config.ref", "There is no such tool", [node("use_1", "tool", ref="spade:dig")]),
    Planted("required", "nodes.use_2.config.arguments.amount", "it is required", [tool("use_2", "strict", to="{{ input.to }}")]),
    Planted("invalid_reference", "nodes.use_3.config.agent_id", "There is no such agent", [node("use_3", "agent", agent_id="agent_none")]),
    Planted("not_undoable", "nodes.use_4.compensate", "does nothing that could be undone", [node("use_4", _compensate=_UNDOING)]),
)  # fmt: skip


def _nodes(*nodes: Node, edges: Sequence[Mapping[str, Any]] = (), **fields: Any) -> dict[str, Any]:
    return {"language": 1, "nodes": list(nodes), "edges": list(edges), **fields}


def _row(inner: Node, **body: Any) -> dict[str, Any]:
    """A definition with a node before a loop, one beside it, and one in it."""
    loop = node("loop", "foreach", items="nodes.before.output", body={"nodes": [node("first"), inner], **body})
    return _nodes(node("before"), loop, node("beside"), edges=[_edge("before", "loop")])


def _undone(**config: Any) -> dict[str, Any]:
    undoing = {"type": "tool", "config": {"ref": "shed:undo", **config}}
    return _nodes(node("before"), tool("pay", "till", _compensate=undoing), edges=[_edge("before", "pay")])


#: Whole definitions, each with one fault: its code and its path.
FAULTY: Sequence[tuple[dict[str, Any], str, str]] = (
    ({"nodes": [node("a")]}, "required", "language"),
    ({"language": 1}, "required", "nodes"),
    (_nodes(), "too_short", "nodes"),
    (_nodes(node("a"), {"type": "parallel"}), "required", "nodes[1].id"),
    (_nodes("a"), "invalid_type", "nodes[0]"),
    (_nodes(node("a"), edges=["a"]), "invalid_type", "edges[0]"),
    (_nodes(*[node(f"n{number}") for number in range(201)]), "too_many_items", "nodes"),
    (_nodes(node("a"), variables={"a": "x" * 65_536}), "too_long", "variables"),
    (_nodes(node("a", value="x" * 262_144)), "too_long", "nodes.a.config.value"),
    (_nodes(node("a", value=["{{ 1 }}"] * 201)), "too_many_items", "nodes.a.config.value"),
    (_nodes(*[node(f"n{number}", value=[f"{{{{ '{'x' * 900}' }}}}"] * 8) for number in range(10)]), "too_long", "nodes.n9.config.value[0]"),
    (_nodes(node("a"), concurrency={"limit": 0}), "out_of_range", "concurrency.limit"),
    (_nodes(node("a"), concurrency={"limit": 1, "key": "vars.limit"}), "invalid_expression", "concurrency.key"),
    (_nodes(node("in")), "reserved_id", "nodes.in.id"),
    (_nodes(node("a", _was="old"), node("b", _was="old")), "duplicate_id", "nodes.b.was"),
    (_nodes(node("a", _on_error="branch")), "contradiction", "nodes.a.on_error"),
    (_nodes(node("a", "while", body={"nodes": [node("b")]}, when="true")), "required", "nodes.a.config.max_iterations"),
    (_nodes(node("a", "foreach", items="[1]", body="{{ input }}")), "not_constant", "nodes.a.config.body"),
    (_nodes(node("a", "foreach", items="item", body={"nodes": [node("b")]})), "item_outside_loop", "nodes.a.config.items"),
    (_nodes(node("a", "join", mode="n")), "invalid_config", "nodes.a.config.count"),
    (_nodes(node("a", "end", error="Why")), "invalid_config", "nodes.a.config.error"),
    (_nodes(node("a", "wait")), "invalid_config", "nodes.a.config"),
    (_nodes(node("a", "wait", seconds=1, timeout_seconds=1)), "invalid_config", "nodes.a.config.timeout_seconds"),
    (_nodes(node("a", "wait", until="9999-12-31T23:59:59-14:00")), "invalid_config", "nodes.a.config.until"),
    (_nodes(node("a", "wait", signal={"name": "go"}), node("b"), edges=[_edge("a", "b", on="timeout")]), "unknown_outcome", "edges[0].on"),
    (_nodes(node("a", "switch", cases=[{"name": "error", "when": "true"}])), "invalid_config", "nodes.a.config.cases[0].name"),
    (_nodes(node("a", "switch", cases=[{"name": "b", "when": "what"}])), "invalid_expression", "nodes.a.config.cases[0].when"),
    (_nodes(node("a", "sub_workflow", workflow_id="flow_1")), "invalid_format", "nodes.a.config.workflow_id"),
    (_nodes(node("a", "http", url="ftp://shop.example")), "invalid_format", "nodes.a.config.url"),
    (_nodes(node("a", "http", url="https://shop.example", headers={"Host": "x"})), "invalid_format", "nodes.a.config.headers.Host"),
    (_nodes(node("a", "approval", title="Pay?", schema={"$ref": "#"})), "invalid_config", "nodes.a.config.schema"),
    (_nodes(node("a", "agent", agent_id="{{ input.agent_id }}")), "not_constant", "nodes.a.config.agent_id"),
    (_nodes(node("a", "tool", ref="{{ input.ref }}")), "not_constant", "nodes.a.config.ref"),
    (_nodes(node("a", "tool", ref="shed:till", approval="effect == what")), "invalid_expression", "nodes.a.config.approval"),
    (_nodes(node("a", "tool", ref="shed:secret")), "invalid_reference", "nodes.a.config.ref"),
    (_nodes(tool("a", "strict", amount="much")), "invalid_type", "nodes.a.config.arguments.amount"),
    (_nodes(node("a", value="{{ nodes['b'] }}")), "unknown_node", "nodes.a.config.value"),
    (_nodes(node("a", value="{{ nodes.a.output }}")), "not_before", "nodes.a.config.value"),
    (_nodes(node("a"), output="{{ nodes.a.outptu }}"), "unknown_name", "output"),
    (_nodes(node("a"), output=["{{ vars.limit }}"]), "unknown_name", "output[0]"),
    (_nodes(node("a"), output="{{ run.started_at }}"), "unknown_name", "output"),
    (_nodes(node("a"), output="{{ 1 + }"), "invalid_expression", "output"),
    (_nodes(node("a", value="{{ input.rows.map(x, input.rows.map(y, y)) }}")), "invalid_expression", "nodes.a.config.value"),
    (_nodes(node("a"), output="{{ input.rows.map(x, x.id) }}"), "invalid_expression", "output"),
    (_nodes(node("a", "condition", when="input.rows.all(x, x.id > 1)")), "invalid_expression", "nodes.a.config.when"),
    (_nodes(node("a", value="{{ input.rows.map(x, nodes.b.output) }}")), "unknown_node", "nodes.a.config.value"),
    (_nodes(node("a", _input="{{ node.output }}")), "invalid_expression", "nodes.a.input"),
    (_row(node("inner", value="{{ nodes.beside.output }}")), "not_before", "nodes.loop.body.nodes.inner.config.value"),
    (_row(node("inner", value="{{ nodes.loop.output }}")), "not_before", "nodes.loop.body.nodes.inner.config.value"),
    (_row(node("inner", value="{{ nodes.first.output }}")), "not_before", "nodes.loop.body.nodes.inner.config.value"),
    (_row(node("inner"), edges=[_edge("inner", "before")]), "edge_across_bodies", "nodes.loop.body.edges[0].to"),
    (_row(node("inner"), output={"a": "{{ nodes.beside.output }}"}), "not_before", "nodes.loop.body.output.a"),
    (_undone(arguments={"a": "{{ nodes.pay.output + nodes.after.output }}"}), "unknown_node", "nodes.pay.compensate.config.arguments.a"),
    (_undone(arguments={"a": "{{ node.error }}"}), "unknown_name", "nodes.pay.compensate.config.arguments.a"),
    (_undone(argument={}), "unknown_field", "nodes.pay.compensate.config.argument"),
    (_nodes(tool("a", "till", _compensate={"type": "wait", "config": {"seconds": 1}})), "not_undoable", "nodes.a.compensate.type"),
    (_nodes(tool("a", "till", _compensate={"type": "agent", "config": {}})), "required", "nodes.a.compensate.config.agent_id"),
    (_nodes(tool("a", "till", _compensate={"type": "emit_event", "config": {"name": "custom.x"}, "input": "{{ nodes.b }}"})),
        "unknown_node", "nodes.a.compensate.input"),
    (_nodes(tool("a", "till", _compensate={"config": {}})), "required", "nodes.a.compensate.type"),
    (_nodes(tool("a", "till", _compensate={"type": "transform", "config": {"value": 1}})), "not_undoable", "nodes.a.compensate.type"),
)  # fmt: skip

#: Whole definitions without faults, and the codes and paths of the hints that they get.
FINE: Sequence[tuple[dict[str, Any], list[tuple[str, str]]]] = (
    (_nodes(node("a")), []),
    (_row(node("inner", value="{{ nodes.before.output + item + index }}"), output="{{ [nodes.inner.output, item] }}"), []),
    (_row(node("inner"), edges=[_edge("first", "inner", condition="nodes.first.output == item")]), []),
    (_nodes(node("a", "while", when="item == null", body={"nodes": [node("b")]}, max_iterations=3)), []),
    (_undone(arguments={"a": "{{ node.output.id }} {{ nodes.before.output }} {{ nodes.pay.output }}"}), []),
    (_nodes(tool("a", "strict", amount="{{ input }}")), []),
    (_nodes(node("a", value=["{{ input.rows.map(x, x.id) }}"])), []),
    (_nodes(node("a", "foreach", items="input.filter(x, x.a)", body={"nodes": [node("b")]})), []),
    (_nodes(node("a", "wait", until="{{ input.at }}"), node("b", "wait", until="2026-12-31T09:00:00+01:00")), []),
    (_nodes(node("a"), node("b"), edges=[_edge("a", "b", condition="nodes.a.output"), _edge("a", "b", condition="true")]), []),
    (_nodes(node("a", value="{{ '{{' }} and }} and '")), []),
    (_nodes(node("a", "condition", when="'{{' in input"), node("b"), edges=[_edge("a", "b", on="true")]),
     [("nodes.a", "outcome_without_edge")]),
    (_nodes(node("a", "http", url="https://{{ input.host }}/", method="{{ input.method }}", body={"body": {"nodes": 1}})), []),
    (_nodes(node("a"), node("b", "join"), edges=[_edge("a", "b")]), [("nodes.b", "join_of_one")]),
    (_nodes(node("a", _retry={}, _timeout_seconds=1, _input=1)),
     [("nodes.a.input", "unused"), ("nodes.a.retry", "unused"), ("nodes.a.timeout_seconds", "unused")]),
    (_nodes(node("a"), variables={"a": {"b": "{{ input }}"}}), [("variables.a.b", "unused")]),
)  # fmt: skip
