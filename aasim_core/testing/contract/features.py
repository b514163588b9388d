"""The part of the contract suite about one organization that has the plugin off: there it does nothing, and elsewhere it works."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, ClassVar

import pytest
from marshmallow import Schema

from ...app import App
from ...context import organization_scope, system_scope
from ...events.declarations import Listener
from ...events.delivery import enqueue_deliveries
from ...events.log import Subject, emit, owner_of
from ...events.records import EventRow
from ...ids import new_id
from ...jobs.leases import Leases
from ...jobs.queue import enqueue
from ...jobs.records import PARKED, QUEUED, JobRow
from ...jobs.worker_liveness import Presence
from ...plugins.registry import Found
from ...schemas.examples import example_of
from ...worker.maintenance import Maintenance
from ...worker.runner import work_off
from ..apps import settings_in
from ..databases import Databases
from ..reporting import demand, demand_none
from ..selection import among_all
from ..switched_off.probes import Everywhere, Probe, Trial, Use, probes_of
from ..switched_off.watching import Watch, watched_jobs, watched_listeners, watched_offers, watched_receivers
from ..world import Person
from .hints import Hints
from .stage import Stage, running, sources_of
from .terms import provided


def _can_be_off(found: Found) -> bool:
    return found.is_switchable


def _has_jobs(found: Found) -> bool:
    return bool(found.provides.jobs)


class FeatureContract:
    """Off for one organization, and on for the others; all other bundled plugins are on, so that there is who uses what this one brings."""

    plugin: ClassVar[str]
    folder: ClassVar[Path | None]
    settings: ClassVar[Mapping[str, Any]]

    @pytest.fixture(scope="class")
    @classmethod
    def shared_full_stage(cls, stage_databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
        """An app with the plugin among all others."""
        folder = tmp_path_factory.mktemp("full_stage")
        flags = {**among_all([cls.plugin], cls.folder), **cls.settings, "data_dir": str(folder)}
        with (
            stage_databases.lent(sources_of(folder, flags)) as database,
            running(settings_in(folder, {**flags, **database})) as app,
        ):
            yield Stage(app, Hints())

    @pytest.fixture
    def full_stage(self, shared_full_stage: Stage) -> Stage:
        """The same, ready for a test."""
        shared_full_stage.enter()
        return shared_full_stage

    @pytest.fixture
    def without_it(self, full_stage: Stage) -> Person:
        """The owner of an organization that has switched the plugin off."""
        person = full_stage.world.organization()
        full_stage.switch(person, self.plugin, enabled=False)
        return person

    @provided(_can_be_off)
    def test_where_it_is_off_it_is_known_how_others_use_what_it_brings(self, full_stage: Stage) -> None:
        """Of each hook for which it brings something, a plugin has a probe."""
        hooks = dict.fromkeys(hook for hook, _ in full_stage.app.offers.brought_by(self.plugin))
        demand_none(
            [
                f"{self.plugin} brings something for the hook {hook}, and no plugin has a probe of it: write one in probes.py of the "
                "plugin that uses it"
                for hook in hooks
                if not probes_of(full_stage.app, hook)
            ]
        )

    @provided(_can_be_off)
    def test_where_it_is_off_what_it_brings_for_other_plugins_is_not_used(self, full_stage: Stage) -> None:
        """No tool, engine, grader, connector, meter or whatever else it brings for the hooks of others, by any plugin that uses them."""
        off, on = (full_stage.world.organization(name) for name in ("Without", "With"))
        with watched_offers(full_stage.app, self.plugin) as watch:
            prepared = list(_prepared(full_stage, self.plugin, off, on))
            full_stage.switch(off, self.plugin, enabled=False)
            demand_none([flaw for each in prepared for flaw in each.flaws(watch, self.plugin)])

    @provided(_can_be_off)
    def test_where_it_is_off_its_listeners_are_not_called(self, full_stage: Stage, without_it: Person) -> None:
        """Neither in the transaction of a change, which they may refuse, nor after its commit."""
        app, on = full_stage.app, full_stage.stranger
        mine = {key: _heard_by(app, one) for key, one in app.listeners.items() if owner_of(key) == self.plugin}
        heard = {key: name for key, name in mine.items() if name is not None}
        with watched_listeners(app, self.plugin) as watch:
            for person in (without_it, on):
                for name in sorted(set(heard.values())):
                    _emit(app, name, person)
            work_off(app)
        demand_none(list(_flaws(watch, {key: f"the listener {key} of {name}" for key, name in heard.items()}, without_it, on)))

    @provided(_can_be_off)
    @provided(_has_jobs)
    def test_where_it_is_off_its_jobs_do_not_run(self, full_stage: Stage, without_it: Person) -> None:
        """Those of the organization wait."""
        app, on = full_stage.app, full_stage.stranger
        with watched_jobs(app, self.plugin, ()) as watch, _queued(app, self.plugin, without_it), _queued(app, self.plugin, on):
            work_off(app)
        jobs = {name: f"the job {name}" for name, job in app.jobs.items() if job.plugin == self.plugin}
        demand_none(list(_flaws(watch, jobs, without_it, on)))

    @provided(_can_be_off)
    @provided(_has_jobs)
    def test_where_it_is_off_its_jobs_for_each_organization_skip_it(self, full_stage: Stage, without_it: Person) -> None:
        """Those that a schedule starts once for all."""
        app, on = full_stage.app, full_stage.stranger
        jobs = {name: f"the job {name}" for name, job in app.jobs.items() if job.plugin == self.plugin and job.per_organization}
        with watched_jobs(app, self.plugin, (without_it.organization_id, on.organization_id)) as watch:
            with system_scope("start jobs in a test"), app.database.transaction():
                for name in jobs:
                    enqueue(name, {})
            work_off(app)
        demand_none(list(_flaws(watch, jobs, without_it, on)))

    @provided(_can_be_off)
    def test_where_it_is_off_its_receivers_of_spans_receive_nothing(self, full_stage: Stage, without_it: Person) -> None:
        """Of requests, for example."""
        on = full_stage.stranger
        with watched_receivers(full_stage.app, self.plugin) as (watch, names):
            for person in (without_it, on):
                full_stage.ask("GET", "/plugins", person)
        demand_none(list(_flaws(watch, {name: f"the receiver {name}" for name in names}, without_it, on)))

    @provided(_can_be_off)
    def test_where_it_is_off_its_jobs_and_deliveries_wait_until_it_is_on_again(
        self, full_stage: Stage, without_it: Person
    ) -> None:
        """They are parked, and afterwards back in the queue."""
        app = full_stage.app
        with _queued(app, self.plugin, without_it) as states:
            work_off(app)
            waiting = states()
            full_stage.switch(without_it, self.plugin, enabled=True)
            with app.database.connected():
                Maintenance(app, Leases(app.database, "test"), Presence(app.settings.data_dir)).unpark()
            back = states()
        demand(waiting <= {PARKED}, f"where {self.plugin} is off its jobs and deliveries are {waiting}; they must be parked")
        demand(back <= {QUEUED}, f"where {self.plugin} is on again its jobs and deliveries are {back}")


@dataclass(frozen=True)
class _Prepared:
    """What uses an offer, the `part` that is watched, in the organizations of two people."""

    part: str
    probe: Probe
    off: Person
    use_off: Use
    on: Person
    use_on: Use

    def flaws(self, watch: Watch, plugin: str) -> Iterator[str]:
        """Use it in both organizations, and say what is wrong with that."""
        watch.forget()
        told_off, told_on = self.use_off(), self.use_on()
        yield from _flaws(watch, {self.part: self.part}, self.off, self.on, told_on)
        wanted = self.probe.says.format(plugin=plugin)
        if wanted not in told_off and "feature_disabled" not in told_off:  # with the plugin, what uses the offer may be off
            yield f"where {plugin} is off, who uses {self.part} is not told {wanted!r}, but {told_off}"


def _prepared(stage: Stage, plugin: str, off: Person, on: Person) -> Iterator[_Prepared]:
    for hook, name in stage.app.offers.brought_by(plugin):
        for probe in probes_of(stage.app, hook):
            if not isinstance(probe, Everywhere):
                use_off, use_on = (probe.prepare(Trial(stage.world, person, name)) for person in (off, on))
                yield _Prepared(f"{hook} {name}", probe, off, use_off, on, use_on)


def _flaws(watch: Watch, parts: Mapping[str, str], off: Person, on: Person, told: str = "") -> Iterator[str]:
    """Which of the parts, with their names for people, were used where their plugin is off, or were not where it is on."""
    for part, name in parts.items():
        if watch.saw(part, off.organization_id):
            yield f"{name} is used in the organization that has switched its plugin off"
        if not watch.saw(part, on.organization_id):
            yield f"{name} is not used where its plugin is on{told and f'; what people are told there is {told}'}"


def _heard_by(app: App, listener: Listener) -> str | None:
    """An event that the listener hears: one that is declared, or a member of a family; None if its plugin is not there."""
    names = (name.replace("*", "probed") for name in app.events)
    return next((name for name in names if fnmatchcase(name, listener.pattern)), None)


def _emit(app: App, name: str, person: Person) -> None:
    """Let an event happen in the person's organization."""
    declared = app.events[name]
    data = example_of(Schema.from_dict(dict(declared.data))()) if declared.data else None
    with organization_scope(person.organization_id), app.database.transaction():
        emit(name, Subject(declared.subject or "probe", None, "Probe"), data=data)


@contextmanager
def _queued(app: App, plugin: str, person: Person) -> Iterator[Callable[[], set[str]]]:
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
