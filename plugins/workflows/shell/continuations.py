"""The continuation of a question to people, sealed with it: so a decision is for exactly that."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson

from aasim_core.data.records import find_or_none
from aasim_core.errors import Refused
from aasim_core.user_code.values import places

from ...executions.hookspecs import ToolError, principal_of
from ...executions.models import Execution
from ...executions.service import startable
from .. import service
from ..definition import Definition, all_nodes
from ..following import following, preceding
from ..hookspecs import NodeType
from ..kernel.flow import RUN
from ..models import GIVEN, NodeRow, ResultRow
from .data import Data
from .results import Results
from .stored_flow import flow_of

if TYPE_CHECKING:
    from aasim_core.app import App

#: The field of an action in which it stands what follows.
DIGEST = "continuation_digest"
#: How deep workflows can start each other.
_DEEPEST = 5


def seal(app: "App", execution: Execution) -> dict[str, Any]:
    """What the action of a question holds of what follows, of the run that does the node which asks.

    It is the version of the workflow, and in ``continuation_digest`` the SHA-256 of what follows the node there, and in the workflows that
    started that one: the definition, the values that it reads, and the tools, agents and workflows that it uses, as they are now.
    """
    levels = list(_levels(app, execution))
    digest = sha256(orjson.dumps([level for _, level in levels], option=orjson.OPT_SORT_KEYS)).hexdigest()
    return {"workflow_version": levels[0][0] if levels else None, DIGEST: digest}


def _levels(app: "App", execution: Execution) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The version and what follows in each of the workflows around, from the inside out."""
    while (run := find_or_none(Execution, execution.parent_id or "")) is not None and run.kind == service.KIND:
        rows = {row.path: row for row in NodeRow.select().where(NodeRow.execution_id == run.id, NodeRow.is_live)}
        row = next((row for row in rows.values() if row.child_id == execution.id), None)
        definition = service.pinned_definition(run.subject_id or "", run.subject_version or 0)
        if row is None or row.path == RUN or definition is None:
            return
        yield run.subject_version or 0, _level(app, run, definition, rows, row)
        execution = run


def _level(app: "App", run: Execution, definition: Definition, rows: Mapping[str, NodeRow], row: NodeRow) -> Mapping[str, Any]:
    follows = following(definition, row.node)
    data = Data(run, definition, flow_of(rows.values(), definition.graph), Results(run), row.scope, row.node)
    read = data.named_by(list(_texts(follows)))
    before = preceding(definition, row.node)
    # What else is read ends whenever it does, so only what a rerun was given of it is the same at any time.
    read["nodes"] = {id_: value for id_, value in read.get("nodes", {}).items() if id_ in before}
    uses = _uses(app, run, [definition.nodes[id_] for id_ in follows["nodes"]])
    return {"follows": follows, "reads": read, "edits": _edits(run), "uses": list(uses)}


def _texts(value: Any) -> Iterator[str]:
    """The expressions in a part of a definition: of texts that can be one as a whole, these."""
    if isinstance(value, str):
        yield from (place.expression for place in places(value)) if "{{" in value else (value,)
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(each)


def _edits(run: Execution) -> dict[str, Any]:
    """The outputs that somebody wrote for a rerun, by path."""
    given = ResultRow.select().where(ResultRow.execution_id == run.id, ResultRow.kind == GIVEN)
    return {row.path: row.value["output"] for row in given if row.value["edited_by"] is not None}


def _uses(app: "App", run: Execution, nodes: Iterable[Mapping[str, Any]], depth: int = 0) -> Iterator[list[Any]]:
    """The tools, agents, workflows and apps that these nodes use: by the id of the node, with what tells when one is another."""
    for node in sorted(all_nodes({"nodes": nodes}), key=lambda node: str(node["id"])):
        for written in filter(None, (node, node.get("compensate"))):
            kind: NodeType | None = app.offers.here("node_types").get(written["type"])
            if kind is not None:
                yield [node["id"], *_used(app, run, kind, written.get("config") or {}, depth)]


def _used(app: "App", run: Execution, kind: NodeType, config: Mapping[str, Any], depth: int) -> Iterator[Any]:
    if kind.bind is not None:
        yield kind.bind(app, config).digest
    if kind.call is not None and (used := kind.uses(app, config)) is not None:
        yield used.contract
    for type_, id_, version in kind.references(config):
        yield [type_, id_, *_version_of(app, run, type_, id_, version, depth)]


def _version_of(app: "App", run: Execution, type_: str, id_: str, version: int | None, depth: int) -> Iterator[Any]:
    """The version that is run now, and of a workflow what its nodes use; nothing for what is not there for the run's starter."""
    with suppress(Refused, ToolError):
        target = startable(app, type_).find(id_, version, principal_of(run.initiator_id, run.api_key_id))
        yield target.version
        if type_ == service.KIND and depth < _DEEPEST:
            definition = service.pinned_definition(target.id, target.version)
            if definition is not None:
                yield list(_uses(app, run, definition.written["nodes"], depth + 1))
