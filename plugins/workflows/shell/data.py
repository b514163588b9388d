"""The data that a run's expressions can name: input, variables, earlier nodes, and the item of a loop."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from aasim_core.tenancy.principal import Principal
from aasim_core.user_code import expressions, json_schema, values
from aasim_core.user_code.cel_text import variables

from ...executions.hookspecs import principal_of
from ...executions.models import Execution
from ..definition import Definition
from ..kernel import flow as f
from ..kernel.flow import Flow
from ..models import ERROR, ITEMS, OUTPUT, SCOPE
from .failures import NodeFailed
from .results import Results

#: The names that every expression of a workflow can use.
NAMES = ("input", "vars", "nodes", "item", "index", "run")
EXPRESSION_FAILED = "expression_failed"


class Fillable(Protocol):
    """What filling in a config needs of the type of a node, see `NodeType`."""

    @property
    def config(self) -> Mapping[str, Any]: ...

    @property
    def expressions(self) -> Sequence[str]: ...

    @property
    def filters(self) -> Sequence[str]: ...


class Data:
    """The data of a `node` in one scope of a run; expressions and values see the nodes of the scope and of those around it, and `more`."""

    def __init__(
        self,
        execution: Execution,
        definition: Definition,
        flow: Flow,
        results: Results,
        scope: str,
        node: str = "",
        item: tuple[Any, int] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        self.execution, self._definition, self._flow, self._results, self._scope = execution, definition, flow, results, scope
        self.node, self._of_loop, self._more = node, item, dict(more or {})

    @property
    def principal(self) -> Principal:
        """The run's starter, or the API key that started it, with current rights; ToolError if they may no longer act."""
        return principal_of(self.execution.initiator_id, self.execution.api_key_id)

    def evaluate(self, expression: str, *, loops: bool = False) -> Any:
        """The value of an expression, which with `loops` may go through lists; raises NodeFailed where it has none."""
        try:
            return expressions.evaluate(expression, self._context([expression]), loops=loops)
        except ValueError as error:
            raise NodeFailed(EXPRESSION_FAILED, f"{expression} has no value: {error}") from error

    def is_true(self, expression: str) -> bool:
        """The same for a condition."""
        value = self.evaluate(expression)
        if not isinstance(value, bool):
            raise NodeFailed(EXPRESSION_FAILED, f"{expression} is {type(value).__name__}, and a condition is true or false.")
        return value

    def fill(self, value: Any, *, loops: bool = False) -> Any:
        """The value with all expressions in it replaced, which with `loops` may go through lists.

        Raises NodeFailed where one has no value, or the whole is too large.
        """
        try:
            return values.fill(value, self._context([place.expression for place in values.places(value)]), loops=loops)
        except values.NoValue as error:
            raise NodeFailed(EXPRESSION_FAILED, str(error)) from error
        except values.TooLarge as error:
            raise NodeFailed("output_too_large", str(error)) from error

    def fill_config(self, config: Mapping[str, Any], schema: Any) -> Any:
        """The config with all expressions in it replaced; raises NodeFailed also where that does not meet the schema."""
        filled = self.fill(config)
        if filled != config:  # or else it has been checked before
            refuse_misfit(schema, filled)
        return filled

    def fill_for(self, kind: Fillable, config: Mapping[str, Any]) -> dict[str, Any]:
        """The config of a node of that type, with all expressions in it replaced but those of filters; raises as `fill_config` does."""
        filled = {name: self._filled_for(kind, name, value) for name, value in config.items()}
        if filled != config:  # or else it has been checked before
            refuse_misfit(kind.config, filled)
        return filled

    def _filled_for(self, kind: Fillable, name: str, value: Any) -> Any:
        if name in kind.filters:
            return value
        return self.evaluate(value) if name in kind.expressions else self.fill(value)

    def named_by(self, texts: Collection[str]) -> dict[str, Any]:
        """The values that expressions name, and no more of them than that: of ``input.order.id`` an input that has an order with an id."""
        context, named = self._context(list(texts)), dict[str, Any]()
        for each in dict.fromkeys(each for text in texts for each in variables(text)):
            _copy(context, named, (each.name, *each.fields))
        return named

    def outputs(self, node_ids: list[str]) -> dict[str, Any]:
        """The outputs of nodes of the scope."""
        paths = [f.path_in(self._scope, node_id) for node_id in node_ids]
        return dict(zip(node_ids, self._results.many(paths, OUTPUT), strict=True))

    def arrived(self) -> list[str]:
        """The nodes from which an edge to this one was taken."""
        graph, there = self._flow.graph_of(self._scope), self._flow.of_scope(self._scope)
        sources = [(n, graph.edges[n].source) for n in graph.incoming[self.node]]
        return list(dict.fromkeys(source for n, source in sources if source in there and n in there[source].taken))

    def _context(self, texts: list[str]) -> dict[str, Any]:
        named = {each.fields[0] for text in texts for each in variables(text) if each.name == "nodes" and each.fields}
        item, index = self._of_loop or self._item() if any("item" in text or "index" in text for text in texts) else (None, None)
        execution = self.execution
        return {
            "input": execution.input,
            "vars": dict(self._definition.variables),
            "nodes": {name: self._node(name) for name in named},
            "item": item,
            "index": index,
            "run": {"id": execution.id, "workflow_id": execution.subject_id, "version": execution.subject_version},
            **self._more,
        }

    def _node(self, node_id: str) -> Mapping[str, Any]:
        """What an expression sees of a node: what it gave or why it failed; nothing of one that has not ended, or was skipped."""
        if (path := self._path_of(node_id)) is None:
            return {}
        kept = {kind: self._results.get(path, kind) for kind in (OUTPUT, ERROR) if self._results.has(path, kind)}
        instance = self._flow.instances.get(path)
        return kept | ({"outcome": instance.outcome} if instance and instance.outcome else {})

    def _path_of(self, node_id: str) -> str | None:
        """The node of that id in the scope, or in the next one around it that has it."""
        scope = self._scope
        while node_id not in self._flow.graph_of(scope).nodes:
            if scope == f.RUN:
                return None
            scope = self._flow.instances[f.loop_of(scope)].scope
        return f.path_in(scope, node_id)

    def _item(self) -> tuple[Any, int | None]:
        """The item of the innermost loop over items, and its place in the list; of another loop, the last output and how many there are."""
        if self._scope == f.RUN:
            return None, None
        loop, last = f.loop_of(self._scope), self._scope.rpartition(".")[2]
        if "[" in last:
            index = int(last.partition("[")[2].rstrip("]"))
            return self._results.get(loop, ITEMS)[index], index
        number = int(last.partition("#")[2] or 1)
        return round_output(self._results, loop, number - 1), number - 1


def _copy(source: Mapping[str, Any], target: dict[str, Any], path: Sequence[str]) -> None:
    """Copy what is at the path in the source, as far as there is anything."""
    name, rest = path[0], path[1:]
    if name in source and rest and isinstance(source[name], Mapping):
        _copy(source[name], target.setdefault(name, {}), rest)
    elif name in source:
        target[name] = source[name]


def round_output(results: Results, loop: str, number: int) -> Any:
    """The output of a round of a loop, from 1; None for 0."""
    return results.get(f.round_scope(loop, number), SCOPE) if number else None


def refuse_misfit(schema: Any, filled: Any) -> None:
    """NodeFailed where a filled config does not meet the schema of its type."""
    if broken := json_schema.violations(schema, filled):
        path, message = broken[0]
        raise NodeFailed("invalid_config", f"config {path}: {message}")
