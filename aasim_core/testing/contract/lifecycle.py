"""The part of the contract suite about a plugin's life: its tables come and go, and so does the plugin, without its data."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import pytest

from ...app import App
from ...bootstrap import build_app
from ...clock import now, to_text
from ...context import organization_scope, system_scope
from ...errors import StartupError
from ...http.operations import Endpoint
from ...jobs.declarations import Job
from ...jobs.leases import Leases
from ...jobs.queue import enqueue
from ...jobs.records import DONE, PARKED, QUEUED, JobRow
from ...jobs.worker_liveness import Presence
from ...plugins.declarations import table_of
from ...plugins.registry import Found
from ...worker.maintenance import Maintenance
from ...worker.runner import work_off
from ..apps import settings_in
from ..databases import Databases
from ..reporting import demand, demand_none
from ..selection import without
from ..tables import History, differences, history_of
from ..world import Person
from .hints import Hints
from .stage import TENANT, Stage, running
from .terms import provided


def _can_be_off(found: Found) -> bool:
    return not found.essential


def _is_switchable(found: Found) -> bool:
    return found.is_switchable


def _is_essential(found: Found) -> bool:
    return found.essential


def _has_tables(found: Found) -> bool:
    return bool(found.provides.tables)


def _has_jobs(found: Found) -> bool:
    return bool(found.provides.jobs) and not found.essential


def _has_any_jobs(found: Found) -> bool:
    return bool(found.provides.jobs)


class LifeContract:
    """Tables and data, on and off."""

    plugin: ClassVar[str]
    folder: ClassVar[Path | None]

    @pytest.fixture
    def stage_without(self, stage: Stage, stage_flags: Mapping[str, Any]) -> Iterator[Stage]:
        """The same installation and people, with the plugin turned off, and what requires it."""
        flags = without(stage_flags, self.plugin, self.folder)
        with running(settings_in(Path(flags["data_dir"]), flags)) as app:
            yield Stage(app, Hints(), (stage.owner, stage.stranger))
        stage.enter()

    @pytest.fixture(scope="class")
    @classmethod
    def history(cls, shared_stage: Stage, stage_databases: Databases) -> History:
        """What became of the plugin's tables in a database of their own, up, down and up again."""
        mine = [model for model in shared_stage.app.models if table_of(model) in _tables_of(shared_stage, cls.plugin)]
        return history_of(stage_databases, shared_stage.app.migration_sources, cls.plugin, mine)

    @provided(_has_tables)
    def test_its_migrations_make_what_its_records_mean(self, history: History) -> None:
        """Columns, types, nulls, keys and indexes are the same."""
        demand_none(differences(history.migrated, history.meant, "by the migrations", "by the records"))

    @provided(_has_tables)
    def test_the_first_half_of_its_migrations_is_enough_for_its_records(self, history: History) -> None:
        """So the new code works along with the old, before the second half is applied."""
        columns = {table: set(_columns(shape)) for table, shape in history.midway.items()}
        lacking = {table: sorted(set(_columns(shape)) - columns.get(table, set())) for table, shape in history.meant.items()}
        demand_none(
            [f"no migration of the first half makes {', '.join(names)} of {table}" for table, names in lacking.items() if names]
        )

    @provided(_has_tables)
    def test_its_migrations_go_down(self, history: History) -> None:
        """None of its tables is left, and no other one is missing."""
        demand_none(differences(history.left, history.before, "after going down", "before"))

    @provided(_has_tables)
    def test_its_migrations_go_up_again(self, history: History) -> None:
        """The tables are as they were the first time."""
        demand_none(differences(history.again, history.migrated, "the second time", "the first time"))

    @provided(_is_essential)
    def test_it_cannot_be_turned_off(self, stage_flags: Mapping[str, Any]) -> None:
        """The app says so instead of starting without it."""
        with pytest.raises(StartupError, match=f"{self.plugin} is essential"):
            build_app(settings_in(Path(stage_flags["data_dir"]), {**stage_flags, "plugins.disabled": [self.plugin]}))

    @provided(_can_be_off)
    def test_turned_off_its_routes_are_gone(self, stage: Stage, stage_without: Stage) -> None:
        """404 ``route_not_found``, as if they had never been there, and not a word in the reference."""
        flaws = []
        for endpoint in _operations_of(stage, self.plugin):
            exchange = stage_without.ask(endpoint.method, _path_to_nothing(endpoint, stage.owner), stage.owner)
            if exchange.codes != {"_": ["route_not_found"]}:
                flaws.append(f"{exchange}\nwhile {self.plugin} is off; it must answer 404 route_not_found")
            if stage_without.documented.operation(endpoint) is not None:
                flaws.append(f"the reference has {endpoint.template} while {self.plugin} is off")
        demand_none(flaws)

    @provided(_can_be_off)
    def test_turned_off_the_rest_runs(self, stage: Stage, stage_without: Stage) -> None:
        """What is left answers, and the list of plugins says that it is off."""
        listed = stage_without.ask("GET", "/plugins", stage.owner)
        states = {plugin["name"]: plugin["state"] for plugin in listed.data["items"]}
        demand(states[self.plugin] == "off", f"{listed}\nit must say that {self.plugin} is off")
        for other in stage_without.endpoints.values():
            if other.method == "GET" and not other.path_ids:
                exchange = stage_without.ask("GET", other.template, stage.owner)
                demand(exchange.status < 500, f"{exchange}\nwhile {self.plugin} is off")

    @provided(_has_tables)
    @provided(_can_be_off)
    def test_turned_off_and_on_again_its_data_is_there(self, stage: Stage, stage_flags: Mapping[str, Any]) -> None:
        """Not a row is touched."""
        for endpoint in _operations_of(stage, self.plugin):
            stage.ids(endpoint, stage.owner)
        before = _rows(stage, self.plugin)
        flags = without(stage_flags, self.plugin, self.folder)
        with running(settings_in(Path(flags["data_dir"]), flags)) as app:
            exchange = Stage(app, Hints(), (stage.owner, stage.stranger)).ask("GET", "/health/ready")
        stage.enter()
        demand(exchange.status == 200, f"{exchange}\nwhile {self.plugin} is off")
        changed = [table for table, rows in _rows(stage, self.plugin).items() if rows != before[table]]
        demand(not changed, f"{', '.join(changed)} changed while {self.plugin} was off")

    @provided(_has_jobs)
    def test_turned_off_its_jobs_wait_until_it_is_on_again(self, stage: Stage, stage_without: Stage) -> None:
        """Queued jobs are parked by the worker that would run them, and queued again later."""
        stage.enter()
        names = _found(stage.app, self.plugin).provides.jobs
        with organization_scope(stage.owner.organization_id), stage.app.database.transaction():
            ids = [enqueue(name, {}) for name in names]
        stage_without.enter()
        work_off(stage_without.app)
        parked = _states(ids)
        demand(set(parked.values()) == {PARKED}, f"while {self.plugin} is off its jobs are {parked}")
        stage.enter()
        Maintenance(stage.app, Leases(stage.app.database, "test"), Presence(stage.app.settings.data_dir)).unpark()
        back = _states(ids)
        _forget(stage.app, ids)
        demand(set(back.values()) == {QUEUED}, f"when {self.plugin} is on again its jobs are {back}")

    @provided(_has_any_jobs)
    def test_its_scheduled_jobs_run_to_their_end(self, stage: Stage) -> None:
        """Each is started as its schedule does, in all organizations, and is done at the first attempt."""
        stage.enter()
        before = stage.app.jobs
        mine = {name: job for name, job in before.items() if job.plugin == self.plugin and job.schedule}
        stage.app.jobs = MappingProxyType({**before, **{name: _also_for(stage.owner, job) for name, job in mine.items()}})
        with system_scope("start scheduled jobs in a test"), stage.app.database.transaction():
            ids = [enqueue(name, {"due": to_text(now())}) for name in mine]
        work_off(stage.app)
        stage.app.jobs = before
        with system_scope("look at jobs in a test"):
            undone = list(JobRow.select(JobRow.name, JobRow.state, JobRow.error).where(JobRow.id << ids, JobRow.state != DONE))
        _forget(stage.app, ids)
        demand_none([f"the job {row.name} is {row.state} after a run: {row.error or 'it lost its lease'}" for row in undone])

    @provided(_is_switchable)
    def test_an_organization_can_do_without_it(self, stage: Stage) -> None:
        """Its owner switches it off, and its routes answer 404 ``feature_disabled`` there, and nowhere else."""
        person = stage.world.organization()
        mine = [endpoint for endpoint in _operations_of(stage, self.plugin) if endpoint.needs_caller]
        stage.switch(person, self.plugin, enabled=False)
        off, elsewhere = ({_code(stage, endpoint, who) for endpoint in mine} for who in (person, stage.stranger))
        stage.switch(person, self.plugin, enabled=True)
        again = {_code(stage, endpoint, person) for endpoint in mine}
        demand(off <= {"feature_disabled"}, f"where {self.plugin} is switched off, its operations answer {off}")
        demand("feature_disabled" not in again, f"{self.plugin} is switched on again, and its operations answer {again}")
        demand("feature_disabled" not in elsewhere, f"{self.plugin} is switched off for another organization too")


def _columns(shape: Mapping[str, str]) -> list[str]:
    return [part for part in shape if part.startswith("the column ")]


def _operations_of(stage: Stage, plugin: str) -> list[Endpoint]:
    return [endpoint for endpoint in stage.endpoints.values() if endpoint.plugin == plugin]


def _path_to_nothing(endpoint: Endpoint, person: Person) -> str:
    return Stage.filled(endpoint.template, dict.fromkeys(endpoint.path_ids, "x") | {TENANT: person.organization_id})


def _code(stage: Stage, endpoint: Endpoint, person: Person) -> str | None:
    """The code with which the operation refuses an object that is not there."""
    codes = stage.ask(endpoint.method, _path_to_nothing(endpoint, person), person).codes
    return next((code for codes in codes.values() for code in codes), None)


def _found(app: App, plugin: str) -> Found:
    return next(found for found in app.plugins.found if found.name == plugin)


def _tables_of(stage: Stage, plugin: str) -> tuple[str, ...]:
    return _found(stage.app, plugin).provides.tables


def _rows(stage: Stage, plugin: str) -> dict[str, list[Any]]:
    mine = [model for model in stage.app.models if table_of(model) in _tables_of(stage, plugin)]
    with system_scope("compare rows in a test"):
        return {table_of(model): sorted(map(repr, model.select().tuples())) for model in mine}


def _states(ids: list[str]) -> dict[str, str]:
    with system_scope("look at jobs in a test"):
        return {row.name: row.state for row in JobRow.select().where(JobRow.id.in_(ids))}


def _also_for(person: Person, job: Job) -> Job:
    """The job; one that runs in each organization also runs in the person's, whether it is due there or not."""
    each = job.per_organization
    return job if each is None else replace(job, per_organization=lambda: {*each(), person.organization_id})


def _forget(app: App, ids: list[str]) -> None:
    with app.database.transaction(), system_scope("remove jobs of a test"):
        JobRow.delete().where(JobRow.id.in_(ids)).execute()
