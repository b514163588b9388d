"""The part of the contract suite about one organization that has the plugin off: there it does nothing, and elsewhere it works."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

import pytest

from ...app import App
from ...context import organization_scope, system_scope
from ...events.delivery import enqueue_deliveries
from ...events.log import owner_of
from ...events.records import EventRow
from ...ids import new_id
from ...jobs.leases import Leases
from ...jobs.queue import enqueue
from ...jobs.records import PARKED, QUEUED, JobRow
from ...jobs.worker_liveness import Presence
from ...plugins.registry import Found
from ...worker.maintenance import Maintenance
from ...worker.runner import work_off
from ..reporting import demand, demand_none
from ..world import Person
from .stage import Stage
from .terms import provided

#: When a listener is called in the transaction of the change.
_AT_ONCE = ("when_emitted", "before_commit")


def _can_be_off(found: Found) -> bool:
    return found.is_switchable


class FeatureContract:
    """Off for one organization, and on for the others."""

    plugin: ClassVar[str]

    @pytest.fixture
    def without_it(self, stage: Stage) -> Iterator[Person]:
        """The owner of an organization that has switched the plugin off."""
        person = stage.world.organization()
        stage.switch(person, self.plugin, enabled=False)
        yield person
        stage.switch(person, self.plugin, enabled=True)

    @provided(_can_be_off)
    def test_where_it_is_off_what_it_brings_for_other_plugins_is_not_used(self, stage: Stage, without_it: Person) -> None:
        """No tool, engine, grader, connector, meter or whatever else it brings for the hooks of others."""
        flaws = []
        for hook, name in stage.app.offers.brought_by(self.plugin):
            if _has(stage.app, without_it, hook, name):
                flaws.append(f"{hook} has {name} of {self.plugin} where that is off")
            if not _has(stage.app, stage.stranger, hook, name):
                flaws.append(f"{hook} has no {name} of {self.plugin} where that is on")
        demand_none(flaws)

    @provided(_can_be_off)
    def test_where_it_is_off_its_listeners_are_not_called_before_a_commit(self, stage: Stage, without_it: Person) -> None:
        """Its listeners neither refuse nor accompany a change there."""
        flaws = []
        for name in stage.app.events:
            heard = {person.organization_id: _heard_by(stage.app, person, name) for person in (without_it, stage.stranger)}
            if self.plugin in heard[without_it.organization_id]:
                flaws.append(f"{self.plugin} hears {name} where it is off")
            if self.plugin not in heard[stage.stranger.organization_id] and _listens(stage.app, self.plugin, name):
                flaws.append(f"{self.plugin} does not hear {name} where it is on")
        demand_none(flaws)

    @provided(_can_be_off)
    def test_where_it_is_off_its_jobs_and_deliveries_wait_until_it_is_on_again(self, stage: Stage, without_it: Person) -> None:
        """They are parked, and afterwards back in the queue."""
        with _waiting(stage.app, self.plugin, without_it) as states:
            work_off(stage.app)
            waiting = states()
            stage.switch(without_it, self.plugin, enabled=True)
            with stage.app.database.connected():
                Maintenance(stage.app, Leases(stage.app.database, "test"), Presence(stage.app.settings.data_dir)).unpark()
            back = states()
        demand(waiting <= {PARKED}, f"where {self.plugin} is off its jobs and deliveries are {waiting}; they must be parked")
        demand(back <= {QUEUED}, f"where {self.plugin} is on again its jobs and deliveries are {back}")


def _has(app: App, person: Person, hook: str, name: str) -> bool:
    with organization_scope(person.organization_id):
        return name in app.offers.here(hook)


def _heard_by(app: App, person: Person, event: str) -> set[str]:
    return {owner_of(key) for moment in _AT_ONCE for key in app.deliveries.called(moment, event, person.organization_id)}


def _listens(app: App, plugin: str, event: str) -> bool:
    return any(plugin in map(owner_of, app.deliveries.listening(moment, event)) for moment in _AT_ONCE)


@contextmanager
def _waiting(app: App, plugin: str, person: Person) -> Iterator[Callable[[], set[str]]]:
    """One of each job of the plugin, and a delivery to each of its listeners; says in which states they are."""
    ids = []
    deliveries = [key for key, one in app.listeners.items() if owner_of(key) == plugin and one.moment == "after_commit"]
    with organization_scope(person.organization_id), app.database.transaction():
        ids += [enqueue(name, {}) for name, job in app.jobs.items() if job.plugin == plugin]
        event = EventRow(id=new_id("evt"), organization_id=person.organization_id)
        ids += enqueue_deliveries((event, key) for key in deliveries)

    def states() -> set[str]:
        with system_scope("look at jobs in a test"):
            return {row.state for row in JobRow.select().where(JobRow.id.in_(ids))}

    yield states
    with system_scope("remove jobs of a test"), app.database.transaction():
        JobRow.delete().where(JobRow.id.in_(ids)).execute()
