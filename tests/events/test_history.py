"""Events stay as they were written: on PostgreSQL the application's own role cannot change or delete any."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import peewee
import pytest

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import system_scope
from aasim_core.data import history
from aasim_core.data.database import Database
from aasim_core.data.tenant_rows import erase_rows
from aasim_core.events.chain.entries import ChainEntry
from aasim_core.events.chain.pruning import prune_some
from aasim_core.events.records import EventRow
from aasim_core.testing.world import Person

from .conftest import Happen, Verified

EVENT = [{"subject_label": "Innocent"}, {"data": None}, {"organization_id": "organization_0"}, {"outcome": "denied"}]
ENTRY = [{"sequence": 9}, {"hash": "0"}, {"previous_hash": None}, {"version": 1}, {"salt": None}, {"erased": {}}]


@pytest.mark.postgres
@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
class TestPlainRole:
    """What the role of requests and jobs is refused."""

    @pytest.mark.parametrize(
        ("model", "values"), [*((EventRow, each) for each in EVENT), *((ChainEntry, each) for each in ENTRY)], ids=str
    )
    def test_it_changes_no_event_and_no_entry(
        self, app: App, happen: Happen, verified: Verified, model: Any, values: dict[str, Any]
    ) -> None:
        happen(3)
        self._refuses(app, model.update(values))
        assert (verified().faults, verified().checked) == ([], 3)

    @pytest.mark.parametrize("values", [{"outcome": "denied"}, {"actor_id": None}], ids=str)
    def test_it_changes_nothing_else_where_it_may_erase(self, app: App, happen: Happen, values: dict[str, Any]) -> None:
        happen(3)
        self._refuses(app, EventRow.update(**values, actor_label=""), history.allow_erasing)

    @pytest.mark.parametrize("model", [EventRow, ChainEntry])
    def test_it_deletes_none(self, app: App, happen: Happen, model: Any) -> None:
        happen(3)
        self._refuses(app, model.delete())

    def _refuses(self, app: App, query: Any, allow: Callable[[Database], None] = lambda database: None) -> None:
        with pytest.raises(peewee.DatabaseError, match="neither changed nor deleted"):
            self._do(app, query, allow)

    def _do(self, app: App, query: Any, allow: Callable[[Database], None]) -> None:
        with system_scope("test"), app.database.transaction():
            allow(app.database)
            query.execute()


def test_old_events_are_pruned_and_those_of_who_leaves_are_erased(app: App, owner: Person, happen: Happen) -> None:
    happen(3)
    with system_scope("test"):
        assert prune_some(app.database, app.keyring, owner.organization_id, now() + timedelta(seconds=1)) == 3
        happen(2)
        assert erase_rows(app.database, owner.organization_id, but=())
        for model in (EventRow, ChainEntry):
            assert model.select().where(model.organization_id == owner.organization_id).count() == 0
