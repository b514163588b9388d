"""The approvals that a run waits for, its own and those of the runs that it has started, and lists of runs by them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import peewee
from peewee import fn

from aasim_core.data.conditions import Condition
from aasim_core.lists.render_plan import Derived, Together, Viewer

from .. import service
from ..models import OF_ANOTHER, Execution, WaitRow
from ..shell.rows import WAITING_FOR

#: How many approvals of a run are named.
MOST_NAMED = 10
_APPROVAL, _ADMISSION = WAITING_FOR["approval"], WAITING_FOR["admission"]
#: What is shown instead of what a run waits for itself where a run below it waits for an approval; see `OpenApprovals`.
FIELDS = ("waiting_for", "approval_id", "approvals")


class _Open(NamedTuple):
    """Open approvals of a tree: the first ids that the viewer may see, and how many there are."""

    ids: list[str]
    total: int


class OpenApprovals(Together):
    """What each run of a page waits for: an approval if a run below it waits for one. One statement finds those of all waiting runs.

    An approval is named to viewers who may see the run that asks; `may_see` tells that of a run's starter and place.
    """

    def __init__(self, may_see: Callable[[Execution], bool] = lambda execution: False) -> None:
        super().__init__("id", "waiting_for", "approval_id")
        self._may_see = may_see

    def seen_by(self, viewer: Viewer) -> Derived:
        """With the ids of those approvals whose runs the viewer may see."""
        rights, user_id = viewer.rights, viewer.principal.user_id
        return OpenApprovals(lambda execution: service.allows(rights, "executions:read", execution, user_id))

    def fields(self, name: str, held: Mapping[str, Sequence[Any]]) -> Mapping[str, Sequence[Any]]:
        rows = list(zip(*(held[column] for column in self.columns), strict=True))
        below = self._below([id_ for id_, what, _ in rows if what not in (None, _APPROVAL, _ADMISSION)])
        told = [_told(what, approval_id, below.get(id_)) for id_, what, approval_id in rows]
        return dict(zip(FIELDS, zip(*told, strict=True) if told else ((),) * len(FIELDS), strict=True))

    def _below(self, execution_ids: Collection[str]) -> Mapping[str, _Open]:
        found: dict[str, _Open] = {}
        for above_id, approval_id, total, *whose in _first_below(execution_ids) if execution_ids else ():
            asks = Execution(**dict(zip(("initiator_id", "project_id"), whose, strict=True)))
            known = found.setdefault(above_id, _Open([], total))
            known.ids.extend([approval_id] if self._may_see(asks) else [])
        return found


def _told(what: str | None, approval_id: str | None, below: _Open | None) -> tuple[str | None, str | None, dict[str, Any] | None]:
    if below is not None:
        return _APPROVAL, next(iter(below.ids), None), {"ids": below.ids, "more": below.total - len(below.ids)}
    own = None if approval_id is None else {"ids": [approval_id], "more": 0}
    return what, approval_id, own


def _first_below(execution_ids: Collection[str]) -> Any:
    """Return rows of the run above, the approval, how many there are below that run, and the starter and place of the run that asks."""
    above, asks = Execution.alias("above"), Execution.alias("asks")
    by_age = [WaitRow.since, WaitRow.correlation]
    ranked = (
        above.select(
            above.id.alias("above_id"), WaitRow.correlation, asks.initiator_id, asks.project_id,
            fn.ROW_NUMBER().over(partition_by=[above.id], order_by=by_age).alias("place"),
            fn.COUNT(WaitRow.correlation).over(partition_by=[above.id]).alias("total"),
        )
        .join(WaitRow, on=(WaitRow.organization_id == above.organization_id) & (WaitRow.root_id == above.root_id))
        .join(asks, on=(asks.organization_id == above.organization_id) & (asks.id == WaitRow.execution_id))
        .where(above.id.in_(list(execution_ids)), _is_below(asks, above))
    )  # fmt: skip
    c = ranked.c
    query = peewee.Select([ranked], [c.above_id, c.correlation, c.total, c.initiator_id, c.project_id])
    return query.where(c.place <= MOST_NAMED).order_by(c.above_id, c.place).bind(Execution._meta.database).tuples()


def _is_below(run: Any, above: Any) -> Any:
    """Whether the run is one that the other has started, or one of these has: its chain then names it."""
    named = peewee.Value("%").concat(above.id).concat("%")
    return (run.parent_id == above.id) | peewee.NodeList((run.chain, peewee.SQL("LIKE"), named))


def waits_for(operator: str, values: Collection[str]) -> Condition:
    """The condition that a run waits for one of these, as answers show it; with the operator ``ne``, for something else."""
    binds = {f"value{n}": value for n, value in enumerate(values)}
    return Condition(_is_other if operator == "ne" else _is_one_of, True, **binds)


def _is_one_of(**values: Any) -> Any:
    return Execution.waiting_for.is_null(False) & _shown().in_(list(values.values()))


def _is_other(**values: Any) -> Any:
    return Execution.waiting_for.is_null(False) & _shown().not_in(list(values.values()))


def _shown() -> Any:
    """What answers show that a run waits for."""
    asks = Execution.alias("asks")
    waits = WaitRow.select(WaitRow.execution_id).join(asks, on=(asks.id == WaitRow.execution_id))
    below = (Execution.waiting_for != _ADMISSION) & fn.EXISTS(
        waits.where(WaitRow.root_id == Execution.root_id, _is_below(asks, Execution))
    )
    return peewee.Case(None, ((below, _APPROVAL),), Execution.waiting_for)


def in_tree_of(root_id: str) -> Condition:
    """The condition that a run has this root: it is that run, or comes of it."""
    return Condition(_of_root, True, root=root_id)


def _of_root(root: Any) -> Any:
    alone = Execution.select(Execution.id).where(Execution.id == root, Execution.root_id == root)
    return Execution.id.in_(alone.union_all(Execution.select(Execution.id).where(Execution.root_id == root, OF_ANOTHER)))
