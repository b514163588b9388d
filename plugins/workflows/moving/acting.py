"""Migrate a run: rename its waits, nodes and results for the other version, in one transaction."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from aasim_core.data.records import Row, insert_rows

from ...executions import service as executions
from ...executions.models import Execution
from ..kernel.flow import Instance
from ..kernel.moving import renamed
from ..models import NodeRow, ResultRow
from ..shell.continuations import DIGEST, seal
from ..shell.questions import MOVED, open_below
from .deciding import Decided, is_gone

if TYPE_CHECKING:
    from aasim_core.app import App


def move(app: "App", execution: Execution, version: int, decided: Decided, log: executions.Logbook | None = None) -> bool:
    """Move the run, if that was decided of it, in the running transaction; False, and nothing is done, where it was changed since."""
    if decided.moves is None or decided.change is None:
        return True
    names, moves = decided.change.names, decided.moves
    asking = (
        {child: seal(app, child)[DIGEST] for child in open_below(decided.done_by_runs)} if decided.change.continuations else {}
    )
    rename = partial(renamed, names=names) if any(former != name for former, name in names.items()) else None
    if not executions.move(app, execution, version, rename=rename, wakes=moves.begins, log=log):
        return False
    if rename is not None:
        _rename(NodeRow, execution, rename, partial(_as_named, names, rename))
        _rename(ResultRow, execution, rename, lambda row: {})
    _write(execution, decided.instances, moves.flow.instances)
    for child, digest in asking.items():
        if seal(app, child)[DIGEST] != digest:
            executions.cancel(child, MOVED, 0)
    return True


def _rename(
    model: type[Row], execution: Execution, rename: Callable[[str], str], more: Callable[[Any], Mapping[str, Any]]
) -> None:
    """Write the rows of the run by their other paths; what is of no node any more goes."""
    mine: Any = model.select().where(model.execution_id == execution.id)  # type: ignore[attr-defined]
    rows = [row for row in mine if rename(row.path) != row.path]
    if not rows:
        return
    former = model.path.in_([row.path for row in rows])  # type: ignore[attr-defined]
    model.delete().where(model.execution_id == execution.id, former).execute()  # type: ignore[attr-defined]
    kept = [row for row in rows if not is_gone(rename(row.path))]
    insert_rows(model, [{**row.row(), "path": rename(row.path), **more(row)} for row in kept])


def _as_named(names: Mapping[str, str], rename: Callable[[str], str], row: NodeRow) -> dict[str, Any]:
    return {
        "scope": rename(row.scope),
        "node": names.get(row.node, row.node),
        "cause": row.cause and rename(row.cause),
        "made_as": row.made_as or row.path,
    }


def _write(execution: Execution, before: Mapping[str, Instance], after: Mapping[str, Instance]) -> None:
    """Write which edges were taken, by their current numbers, and delete what is decided again."""
    mine = NodeRow.execution_id == execution.id
    if gone := before.keys() - after.keys():
        NodeRow.delete().where(mine, NodeRow.path.in_(sorted(gone))).execute()
    for path, instance in after.items():
        if instance.taken != before[path].taken:
            NodeRow.update(taken=list(instance.taken)).where(mine, NodeRow.path == path).execute()
