"""The reasons why an execution is still queued, or blocked, as clients see them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from aasim_core.clock import to_text
from aasim_core.lists.render_plan import Derived, Viewer

from .. import service
from ..kernel import slots
from ..models import Execution, WaitRow
from ..shell import tickets
from ..shell.rows import moment_of

#: How many of those that hold a slot are named.
_MOST_NAMED = 10


class WaitsBehind(Derived):
    """What is ahead of each execution that waits for its admission, None of the others; a key is read once for all of a page."""

    def __init__(self, may_see: Callable[[Execution], bool] = lambda execution: False) -> None:
        super().__init__(("id", "slot", "waiting_for"), lambda row: self._told(row, {}))
        self._may_see = may_see

    def seen_by(self, viewer: Viewer) -> Derived:
        """With the ids of those executions that the viewer may see."""
        rights, user_id = viewer.rights, viewer.principal.user_id
        return WaitsBehind(lambda execution: service.allows(rights, "executions:read", execution, user_id))

    def of(self, held: Mapping[str, Sequence[Any]]) -> list[Any]:
        known: dict[str, tickets.Stored] = {}
        values = zip(*(held[column] for column in self.columns), strict=True)
        return [self._told(dict(zip(self.columns, each, strict=True)), known) for each in values]

    def _told(self, row: Mapping[str, Any], known: dict[str, tickets.Stored]) -> dict[str, Any] | None:
        if row["waiting_for"] != "admission":
            return None
        key = orjson.loads(row["slot"])["key"]
        stored = known.setdefault(key, known.get(key) or tickets.load(key))
        holders = [tickets.execution_of(ticket.id) for ticket in stored.state.held]
        position, next_slot_at = _place_of(row["id"], stored)
        return {
            "key": key,
            "position": position,
            "held": len(holders),
            "held_by": self._seen(holders[:_MOST_NAMED]),
            "next_slot_at": next_slot_at,
        }

    def _seen(self, ids: Sequence[str]) -> list[str]:
        found = Execution.select(Execution.id, Execution.initiator_id, Execution.project_id).where(Execution.id.in_(ids))
        seen = {execution.id for execution in found if self._may_see(execution)} if ids else set()
        return [execution_id for execution_id in ids if execution_id in seen]


class Missing(Derived):
    """What has to be there before a blocked execution continues, None of the others; read once for all of a page."""

    def __init__(self) -> None:
        super().__init__(("id", "waiting_for"), lambda row: _missing([row]).get(row["id"]))

    def of(self, held: Mapping[str, Sequence[Any]]) -> list[Any]:
        known = _missing([{"id": id_, "waiting_for": what} for id_, what in zip(held["id"], held["waiting_for"], strict=True)])
        return [known.get(id_) for id_ in held["id"]]


def _missing(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    blocked = [row["id"] for row in rows if row["waiting_for"] == "missing"]
    found: Any = WaitRow.select(WaitRow.execution_id, WaitRow.correlation)
    return dict(found.where(WaitRow.execution_id.in_(blocked), WaitRow.kind == "missing").tuples()) if blocked else {}


def _place_of(execution_id: str, stored: tickets.Stored) -> tuple[int | None, str | None]:
    """The execution's place in the queue, from 1, and when a rate has the next slot."""
    mine = next((ticket.id for ticket in stored.state.queued if tickets.execution_of(ticket.id) == execution_id), None)
    if mine is None or stored.rule is None:
        return None, None
    explained = slots.explain(stored.state, stored.rule, mine)
    moment = moment_of(explained.until or None)
    return len(explained.ahead) + 1, None if moment is None else to_text(moment)
