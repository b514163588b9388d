"""Decide which nodes of an ended run a rerun repeats, and which decisions it asks for again.

A node is repeated if it is named, did not come to its end, or follows a repeated one in its scope; all others are reused as they were, also
errors that something handled. A loop that follows a repeated node starts over; one that contains a repeated node reuses the rest.

A decision is for what followed it in the run in which it was made. So before something with an effect is repeated, or begins for the first
time, all decisions before it are asked for again: those of nodes alone, with what only computes after them, and those that another run of
the node asked for together with that run, and so with what follows it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from .following import after
from .kernel import flow as f
from .kernel.decide import cause_of
from .kernel.flow import CANCELLED, RUN, SKIPPED, Flow, Instance
from .kernel.graph import Graph


@dataclass(frozen=True)
class Part:
    """The part of a run to repeat: by path what is `named`, what was `undone` since, and what was `edited`, which is not repeated.

    People `asked` at some paths, and were asked by the runs of others, `asked_below`; with `asks_all` they are asked again in any case.
    By id, `effects` are nodes that may have an effect, and `computed` those that only compute.
    """

    named: Collection[str] = ()
    undone: Collection[str] = ()
    edited: Collection[str] = ()
    asked: Collection[str] = ()
    asked_below: Collection[str] = ()
    asks_all: bool = False
    effects: Collection[str] = ()
    computed: Collection[str] = ()


@dataclass(frozen=True)
class Repeated:
    """The paths of what is repeated, and those of decisions that are asked for again although nothing before them is."""

    redone: frozenset[str]
    asked: frozenset[str]


def repeated(flow: Flow, part: Part) -> Repeated:
    """What is repeated of the flow of a whole run."""
    starts = frozenset[str]()
    while True:
        found = _Repetition(flow, part, starts)
        more = found.asked_for() & frozenset(part.asked_below) | found.uncancelled()
        if not more:
            asked = found.asked_for()
            return Repeated(found.redone | found.recomputed(asked), asked)
        starts |= more


class _Repetition:
    """What is repeated where these `starts` are, besides what the part says."""

    def __init__(self, flow: Flow, part: Part, starts: Collection[str]) -> None:
        self._flow, self._part, self._starts = flow, part, starts
        self._scopes = sorted({RUN, *(each.scope for each in flow.instances.values())}, key=lambda scope: scope.count("."))

    @cached_property
    def redone(self) -> frozenset[str]:
        """The nodes that are repeated, found scope by scope, from the outermost in."""
        redone: set[str] = set()
        for scope in self._scopes:
            is_restarted = scope != RUN and {f.loop_of(scope)} & (redone | {*self._part.named})
            mine = self._flow.of_scope(scope)
            starts = {id_ for id_, each in mine.items() if is_restarted or self._must_be_redone(each)}
            touched = {id_ for id_, each in mine.items() if self._is_touched(each)}
            ids = starts | after(self._flow.graph_of(scope), starts | touched)
            redone |= {f.path_in(scope, id_) for id_ in ids} - {*self._part.edited}
        return frozenset(redone)

    def _must_be_redone(self, instance: Instance) -> bool:
        part, path = self._part, instance.path
        if path in part.edited:
            return False
        is_own = path in part.named or path in part.undone or path in self._starts
        is_asked = part.asks_all and (path in part.asked or path in part.asked_below)
        return is_own or is_asked or not (self._is_loop(instance) or self._is_settled(instance))

    def _is_loop(self, instance: Instance) -> bool:
        return self._flow.graph_of(instance.scope).nodes[instance.node].loop is not None

    def _is_touched(self, instance: Instance) -> bool:
        """Whether something in a loop is repeated, or its outcome is another now, so that what follows the loop is repeated, too."""
        if instance.path in self._part.edited:
            return True
        below = self._below(instance) if self._is_loop(instance) else ()
        return any(self._must_be_redone(each) or each.path in self._part.edited for each in below)

    def _below(self, loop: Instance) -> Iterator[Instance]:
        return (each for each in self._flow.instances.values() if f.is_within(each, loop.path))

    # What came to its end.

    def _is_settled(self, instance: Instance) -> bool:
        """Whether the node is over, and the run continued from its end."""
        if instance.state != "ended":
            return False
        if instance.outcome == CANCELLED:
            canceller = self._canceller(instance)
            return canceller is not None and self._is_settled(canceller)
        return not instance.is_failure or self._is_handled(instance)

    def _is_handled(self, failure: Instance) -> bool:
        """Whether a loop around the failed node continued without it, or its own failure was handled."""
        if failure.scope == RUN:
            return False
        loop = self._flow.instances[f.loop_of(failure.scope)]
        return self._flow.loop(loop).skips_errors or self._is_settled(loop)

    def _canceller(self, instance: Instance) -> Instance | None:
        """What cancelled the node: a join that did not wait for it, what ended its scope, or what ended or cancelled the loop around."""
        scope, graph = instance.scope, self._flow.graph_of(instance.scope)
        for each in self._flow.of_scope(scope).values():
            if (
                graph.nodes[each.node].join.cancels_rest
                and each.outcome != SKIPPED
                and instance.node in graph.only_for(each.node)
            ):
                return each
        if (cause := cause_of(self._flow, scope)) is not None or scope == RUN:
            return self._flow.instances.get(cause or RUN)
        loop = self._flow.instances[f.loop_of(scope)]
        return self._flow.instances.get(loop.cause or "", loop) if loop.outcome != CANCELLED else self._canceller(loop)

    def uncancelled(self) -> frozenset[str]:
        """What was cancelled by something that is repeated, and so may be needed this time."""
        cancelled = (each for each in self._flow.instances.values() if each.outcome == CANCELLED and each.path not in self.redone)
        return frozenset(
            each.path for each in cancelled if (by := self._canceller(each)) is not None and by.path in self.redone
        ) - {*self._part.edited}  # fmt: skip

    # Decisions.

    def asked_for(self) -> frozenset[str]:
        """The decisions before something that has an effect and is not reused."""
        decided = {*self._part.asked, *self._part.asked_below} - self.redone - {*self._part.edited}
        return frozenset(path for path in decided if self._is_before_effect(self._flow.instances[path]))

    def _is_before_effect(self, decision: Instance) -> bool:
        for each in self._around(decision):
            graph = self._flow.graph_of(each.scope)
            if after(graph, {each.node}) & self._effects[each.scope]:
                return True
            loop = graph.nodes[each.node].loop
            if each is not decision and loop is not None and loop.kind == "while" and each.node in self._effects[each.scope]:
                return True
        return False

    def _around(self, instance: Instance) -> Iterator[Instance]:
        """The instance, and the loops that it is in, from the inside out."""
        yield instance
        while instance.scope != RUN:
            instance = self._flow.instances[f.loop_of(instance.scope)]
            yield instance

    @cached_property
    def _effects(self) -> dict[str, set[str]]:
        """By scope, the ids of the nodes that may have an effect in the rerun."""
        return {scope: set(self._effects_of(scope)) for scope in self._scopes}

    def _effects_of(self, scope: str) -> Iterator[str]:
        graph, mine = self._flow.graph_of(scope), self._flow.of_scope(scope)
        cause = self._flow.instances.get(cause_of(self._flow, scope) or RUN)
        is_over = cause is not None and cause.path not in self.redone and self._is_settled(cause)
        for id_, node in graph.nodes.items():
            path = f.path_in(scope, id_)
            if path in self._part.edited or not self._may_have_effect(graph, id_):
                continue
            is_unbegun = id_ not in mine and not is_over
            is_open = node.loop is not None and id_ in mine and self._is_open(mine[id_])
            if path in self.redone or is_unbegun or is_open:
                yield id_

    def _may_have_effect(self, graph: Graph, id_: str) -> bool:
        loop = graph.nodes[id_].loop
        return (
            id_ in self._part.effects if loop is None else any(self._may_have_effect(loop.body, each) for each in loop.body.nodes)
        )

    def _is_open(self, loop: Instance) -> bool:
        """Whether something may happen in the loop: a part of it is repeated, or it was cut off."""
        return not self._is_settled(loop) or any(each.path in self.redone for each in self._below(loop))

    def recomputed(self, asked: Collection[str]) -> frozenset[str]:
        """What only computes after these decisions."""
        found = set[str]()
        for path in asked:
            for each in self._around(self._flow.instances[path]):
                computed = after(self._flow.graph_of(each.scope), {each.node}) & {*self._part.computed}
                found |= {f.path_in(each.scope, id_) for id_ in computed}
        return frozenset(found) - {*self._part.edited}
