"""Decide an event: the flow after it, and the commands that follow. The same flow and event always give the same result.

One rule applies to all nodes: a node starts once, when its edges are resolved and enough of them are taken; if none is, it is skipped, and
so are its edges. So branches meet without a join, nothing waits for what cannot come, and nothing starts twice. After an error that no edge
takes, nothing new begins in its scope; running nodes are waited for, waiting ones are cancelled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from . import flow as f
from .flow import CANCELLED, RUN, SKIPPED, Command, Flow, Instance
from .graph import Graph, Node

Decision = tuple[Flow, tuple[Command, ...]]


def decide(flow: Flow, event: f.Event) -> Decision:
    """The flow after the event. What happens to an instance that is over or unknown changes nothing."""
    return _HANDLERS[type(event)](flow, event)


def _begin(flow: Flow, _: f.Begin) -> Decision:
    return _advance(flow, RUN)


def _resumed(flow: Flow, _: f.Resumed) -> Decision:
    follow: tuple[Command, ...] = ()
    for scope in sorted({RUN, *(each.scope for each in flow.instances.values())}, reverse=True):
        flow, more = _advance(flow, scope)
        follow += more
    begun = {command.path for command in follow if isinstance(command, f.Perform)}
    return flow, (*follow, *(f.Perform(path) for path in _unbegun(flow) if path not in begun))


def _unbegun(flow: Flow) -> Iterator[str]:
    """What was to be performed: nodes that are ready, and loops that nothing runs in."""
    for instance in flow.instances.values():
        is_loop = flow.graph_of(instance.scope).nodes[instance.node].loop is not None
        is_idle = is_loop and instance.state == "active" and not flow.scopes_in(instance.path)
        if instance.state == "ready" or is_idle:
            yield instance.path


def _started(flow: Flow, event: f.Started) -> Decision:
    instance = _open(flow, event.path)
    return (flow, ()) if instance is None else (_with(flow, replace(instance, state="active")), ())


def _retried(flow: Flow, event: f.Retried) -> Decision:
    instance = _open(flow, event.path)
    return (flow, ()) if instance is None else (_with(flow, replace(instance, attempt=instance.attempt + 1)), ())


def _ended(flow: Flow, event: f.Ended) -> Decision:
    instance = _open(flow, event.path)
    if instance is None:
        return flow, ()
    return _advance(_end(flow, instance, event.outcome, event.taken), instance.scope)


def _end(flow: Flow, instance: Instance, outcome: str, taken: tuple[int, ...] = ()) -> Flow:
    ended = replace(instance, state="ended", outcome=outcome, taken=taken, ended=flow.finished + 1)
    return replace(_with(flow, ended), finished=flow.finished + 1)


def _open(flow: Flow, path: str) -> Instance | None:
    instance = flow.instances.get(path)
    return None if instance is None or instance.state == "ended" else instance


def _with(flow: Flow, *instances: Instance) -> Flow:
    return replace(flow, instances={**flow.instances, **{each.path: each for each in instances}})


# A scope continues.


def _advance(flow: Flow, scope: str) -> Decision:
    """Start and skip what can be, and end the scope where nothing is left to do."""
    if is_stopped(flow, scope):
        return _drain(flow, scope)
    follow: tuple[Command, ...] = ()
    graph = flow.graph_of(scope)
    while (found := next(_resolved(flow, graph, scope), None)) is not None:
        node, is_enough = found
        flow, more = _begin_node(flow, graph, scope, node) if is_enough else (_skip(flow, scope, node), ())
        follow += more
    flow, more = _end_if_over(flow, scope)
    return flow, follow + more


def _resolved(flow: Flow, graph: Graph, scope: str) -> Iterator[tuple[Node, bool]]:
    """The nodes of the scope that there is no instance of yet, and of which is known whether they start."""
    there = flow.of_scope(scope)
    for node in graph.nodes.values():
        if node.id not in there and (starts := f.starts(graph, there, node)) is not None:
            yield node, starts


def _begin_node(flow: Flow, graph: Graph, scope: str, node: Node) -> Decision:
    path = f.path_in(scope, node.id)
    flow = _made(flow, Instance(path, scope, node.id, flow.made + 1))
    follow: tuple[Command, ...] = ()
    if node.join.cancels_rest:
        flow, follow = _cancel(flow, [f.path_in(scope, id_) for id_ in graph.only_for(node.id)])
    return flow, (*follow, f.Perform(path))


def _skip(flow: Flow, scope: str, node: Node) -> Flow:
    instance = Instance(f.path_in(scope, node.id), scope, node.id, flow.made + 1)
    return _end(_made(flow, instance), instance, SKIPPED)


def _made(flow: Flow, instance: Instance) -> Flow:
    return replace(_with(flow, instance), made=flow.made + 1)


def _end_if_over(flow: Flow, scope: str) -> Decision:
    mine = flow.of_scope(scope)
    if any(each.state != "ended" for each in mine.values()):
        return flow, ()
    cause = cause_of(flow, scope)
    return flow, (f.Finish(cause),) if scope == RUN else (f.Collect(scope, cause),)


# A scope stops.


def cause_of(flow: Flow, scope: str) -> str | None:
    """The path that stopped the scope: of its first error that no edge took, or of the node that ended the run."""
    graph = flow.graph_of(scope)
    stopping = [each for each in flow.of_scope(scope).values() if each.is_failure or _is_end(graph, each)]
    return min(stopping, key=lambda each: each.ended or 0).path if stopping else None


def _is_end(graph: Graph, instance: Instance) -> bool:
    return graph.nodes[instance.node].ends and instance.outcome not in (None, SKIPPED, CANCELLED)


def is_stopped(flow: Flow, scope: str) -> bool:
    """Whether nothing begins in the scope any more: it failed, or what it is part of did."""
    if cause_of(flow, scope) is not None:
        return True
    if scope == RUN:
        return False
    loop = flow.instances[f.loop_of(scope)]
    return loop.cause is not None or is_stopped(flow, loop.scope)


def _drain(flow: Flow, scope: str) -> Decision:
    """Cancel waiting and unstarted nodes in the scope and below; the scope ends when no node is running in it."""
    graph, follow = flow.graph_of(scope), tuple[Command, ...]()
    for instance in flow.of_scope(scope).values():
        node = graph.nodes[instance.node]
        if instance.state == "ended":
            continue
        if node.loop is not None:
            flow, more = _drain_loop(flow, instance)
        elif node.waits or instance.state == "ready":
            flow, more = _cancel(flow, [instance.path])
        else:
            more = ()
        follow += more
    flow, more = _end_if_over(flow, scope)
    return flow, follow + more


def _drain_loop(flow: Flow, loop: Instance) -> Decision:
    scopes = flow.scopes_in(loop.path)
    if not scopes:
        return _cancel(flow, [loop.path])
    follow: tuple[Command, ...] = ()
    for scope in sorted(scopes):
        flow, more = _drain(flow, scope)
        follow += more
    return flow, follow


def _cancel(flow: Flow, paths: list[str]) -> Decision:
    """End these, and what runs in them."""
    follow: tuple[Command, ...] = ()
    for path in paths:
        for each in [each for each in flow.instances.values() if each.path == path or f.is_within(each, path)]:
            if each.state != "ended":
                flow, follow = _end(flow, each, CANCELLED), (*follow, f.Cancel(each.path))
    return flow, follow


# Loops.


def _expanded(flow: Flow, event: f.Expanded) -> Decision:
    loop = _open(flow, event.path)
    if loop is None:
        return flow, ()
    return _go_on(_with(flow, replace(loop, state="active", count=event.count)), event.path)


def _go_on(flow: Flow, path: str) -> Decision:
    """Begin as many items of the loop as may run at a time, and end it after the last."""
    follow: tuple[Command, ...] = ()
    while (loop := flow.instances[path]).begun < (loop.count or 0) and _has_place(flow, loop) and not _must_stop(flow, loop):
        flow = _with(flow, replace(loop, begun=loop.begun + 1))
        flow, more = _advance(flow, f.item_scope(path, loop.begun))
        follow += more
    return (flow, follow) if flow.scopes_in(path) else (flow, (*follow, *_after_items(flow, loop)))


def _has_place(flow: Flow, loop: Instance) -> bool:
    return len(flow.scopes_in(loop.path)) < flow.loop(loop).concurrency


def _must_stop(flow: Flow, loop: Instance) -> bool:
    return loop.cause is not None or is_stopped(flow, loop.scope)


def _after_items(flow: Flow, loop: Instance) -> tuple[Command, ...]:
    is_over = loop.cause is not None or loop.over == loop.count
    return (f.Gather(loop.path, loop.cause),) if is_over else ()


def _checked(flow: Flow, event: f.Checked) -> Decision:
    loop = _open(flow, event.path)
    if loop is None:
        return flow, ()
    if not event.again:
        return flow, (f.Gather(event.path),)
    flow = _with(flow, replace(loop, state="active", begun=loop.begun + 1))
    return _advance(flow, f.round_scope(event.path, loop.begun + 1))


def _collected(flow: Flow, event: f.Collected) -> Decision:
    """The scope is over, with its instances; the loop continues, or ends where an error is not skipped."""
    loop = _open(flow, f.loop_of(event.scope))
    if loop is None or event.scope not in flow.scopes_in(loop.path):
        return flow, ()
    kind, failed = flow.loop(loop), cause_of(flow, event.scope) or (None if event.is_ok else event.scope)
    cause = loop.cause or (None if kind.skips_errors else failed)
    loop = replace(loop, over=loop.over + 1, cause=cause)
    flow = _with(_without(flow, event.scope), loop)
    if cause is not None:
        return _fail_loop(flow, loop)
    if is_stopped(flow, loop.scope):
        return _drain(flow, loop.scope)
    return _go_on(flow, loop.path) if kind.kind == "foreach" else (flow, (f.Check(loop.path),))


def _without(flow: Flow, scope: str) -> Flow:
    """The flow without what ran in the scope, and in loops there."""
    return replace(flow, instances={path: each for path, each in flow.instances.items() if not _ran_in(each, scope)})


def _ran_in(instance: Instance, scope: str) -> bool:
    return instance.scope == scope or instance.scope.startswith(f"{scope}.")


def _fail_loop(flow: Flow, loop: Instance) -> Decision:
    """Let nothing begin in the loop any more; it ends with its last scope."""
    follow: tuple[Command, ...] = ()
    for scope in sorted(flow.scopes_in(loop.path)):
        flow, more = _drain(flow, scope)
        follow += more
    return (flow, follow) if flow.scopes_in(loop.path) else (flow, (*follow, f.Gather(loop.path, loop.cause)))


_HANDLERS: Mapping[type, Callable[[Flow, Any], Decision]] = {
    f.Begin: _begin,
    f.Resumed: _resumed,
    f.Started: _started,
    f.Retried: _retried,
    f.Ended: _ended,
    f.Expanded: _expanded,
    f.Checked: _checked,
    f.Collected: _collected,
}
