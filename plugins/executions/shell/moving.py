"""Continue an idle run with another version of its subject."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aasim_core.context import current_actor
from aasim_core.data.records import insert_rows
from aasim_core.events.log import emit

from .. import states
from ..kernel import events
from ..log.logbook import Logbook
from ..models import ArrivalRow, Execution, WaitRow
from ..starting import origins
from . import awaited_events
from .stored_run import StoredRun

if TYPE_CHECKING:
    from aasim_core.app import App


def move(
    app: "App",
    execution: Execution,
    version: int,
    *,
    rename: Callable[[str], str] | None,
    wakes: bool,
    log: Logbook | None = None,
) -> bool:
    """Continue the run of a workflow with that version, in the running transaction, with an event and a line in its log.

    Its waits have the paths then that `rename` makes of theirs, if any have others; one that `wakes` looks at once what there is to do.
    Its `log` is read, unless it is given. False, and nothing is changed, where somebody works on the run, it is over, or it was changed
    since it was read.
    """
    former, moved = execution.subject_version, origins.subject(execution.subject_type, execution.subject_id, version)
    if execution.status in (*states.AT_WORK, *states.TERMINAL) or not states.write(execution, moved):
        return False
    if rename is not None:
        _rename_waits(execution, rename)
    _write_line(Logbook(app, execution) if log is None else log, former, version)
    emit(
        "executions.moved",
        states.subject(execution),
        data=states.told(execution),
        changes={"workflow_version": [former, version]},
    )
    if wakes:
        StoredRun.of(execution).apply(events.Woken())
    return True


def _rename_waits(execution: Execution, rename: Callable[[str], str]) -> None:
    waits = [row for row in WaitRow.select().where(WaitRow.execution_id == execution.id) if rename(row.path) != row.path]
    if waits:
        former = [row.path for row in waits]
        WaitRow.delete().where(WaitRow.execution_id == execution.id, WaitRow.path.in_(former)).execute()
        insert_rows(WaitRow, [{**row.row(), "path": rename(row.path)} for row in waits])
    for row in waits:
        if row.kind == "event":  # what looks for events from before the wait knows it by its path
            awaited_events.open_wait(execution.id, rename(row.path))
    mine = ArrivalRow.execution_id == execution.id
    taken: Any = ArrivalRow.select(ArrivalRow.key, ArrivalRow.path).where(mine, ArrivalRow.path.is_null(False))
    for key, path in list(taken.tuples()):
        if rename(path) != path:
            ArrivalRow.update(path=rename(path)).where(mine, ArrivalRow.key == key).execute()


def _write_line(log: Logbook, former: int | None, version: int) -> None:
    actor = current_actor()
    message = f"{actor.label} moved the run from version {former} to version {version}."
    log.add("moved", message, at=log.last_address, data={"from_version": former, "to_version": version, "by": actor.id})
    log.write()
