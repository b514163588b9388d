"""Stored values are sealed anew with the newest key: all of them, in pieces, without a conflict with whoever changes them."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from aasim_core.app import App
from aasim_core.bootstrap import build_app
from aasim_core.clock import now
from aasim_core.context import system_scope
from aasim_core.jobs.leases import Leases
from aasim_core.jobs.queue import enqueue
from aasim_core.jobs.records import DONE, QUEUED, JobRow
from aasim_core.key_rotation import resealing
from aasim_core.key_rotation.key_usage import refuse_missing, survey
from aasim_core.key_rotation.sealed_columns import columns_of
from aasim_core.tenancy.records import Organization
from aasim_core.worker.runner import Runner, work_off
from aasim_plugins.engines.models import Engine

from .conftest import opened, rotate

Make = Callable[[int], list[str]]


def reseal(app: App, key_id: str) -> JobRow:
    """Do the job once; returns it as it is then."""
    leases = Leases(app.database, "test")
    with system_scope("test"):
        with app.database.transaction():
            job_id = enqueue(resealing.NAME, {"key_id": key_id})
        while (lease := leases.claim()) is not None and lease.job_id != job_id:
            Runner(app, leases).run(lease)
        assert lease is not None
        Runner(app, leases).run(lease)
        job: JobRow = JobRow.get_by_id(job_id)
    return job


def counts(app: App) -> Mapping[str, int]:
    return {use.key_id: sum(use.values.values()) for use in survey(app)}


def test_every_value_is_sealed_with_the_newest_key_and_opens(
    app: App, make_engines: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "_ROWS_AT_ONCE", 2)
    make_engines(5)
    old, new = app.keyring.key_ids[0], rotate(app)
    reseal(app, new)
    assert counts(app) == {new: 5, old: 0}
    assert opened(app) == [f"sk-{number}" for number in range(5)]


def test_what_is_remembered_of_an_organization_whose_values_were_sealed_anew_is_read_anew(app: App, make_engines: Make) -> None:
    make_engines(1)
    with system_scope("test"):
        before = {each.id: each.authz_epoch for each in Organization.select()}
        reseal(app, rotate(app))
        changed = [each.id for each in Organization.select() if each.authz_epoch != before[each.id]]
        assert changed == [Engine.get().organization_id]


def test_the_versions_of_the_rows_stay(app: App, make_engines: Make) -> None:
    make_engines(1)
    with system_scope("test"):
        before = Engine.get()
        reseal(app, rotate(app))
        assert (Engine.get().version, Engine.get().updated_at) == (before.version, before.updated_at)


def test_it_looks_again_after_it_changed_something_and_ends_when_nothing_is_left(app: App, make_engines: Make) -> None:
    make_engines(1)
    new = rotate(app)
    first = reseal(app, new)
    assert (first.state, first.delayed, first.attempt) == (QUEUED, True, 0)
    assert first.run_at > now()
    assert reseal(app, new).state == DONE


def test_values_of_a_plugin_that_is_off_are_sealed_anew(app: App, make_engines: Make) -> None:
    make_engines(2)
    refuse_missing(app)
    plugins = replace(app.settings.plugins, disabled=(*app.settings.plugins.disabled, "engines", "engine_openai"))
    without = build_app(replace(app.settings, plugins=plugins), database=app.database)
    old, new = without.keyring.key_ids[0], rotate(without)
    reseal(without, new)
    assert counts(without) == {new: 2, old: 0}
    app.keyring = without.keyring
    assert opened(app) == ["sk-0", "sk-1"]


def test_a_value_that_somebody_changed_meanwhile_is_left_to_them(app: App, make_engines: Make) -> None:
    make_engines(1)
    with system_scope("test"):
        [column] = [column for column in columns_of(app) if column.table == "engines_engine"]
        [sealed] = column.not_sealed_by("another", "", 10)
        Engine.update(api_key="v1.another.changed").execute()
        assert not column.replace(sealed, "v1.another.resealed")
        assert Engine.get().api_key == "v1.another.changed"


def test_a_value_that_cannot_be_opened_is_left_and_holds_up_nothing(app: App, make_engines: Make) -> None:
    first, *_ = make_engines(3)
    with system_scope("test"):
        Engine.update(api_key="v1.lost.AAAA").where(Engine.id == first).execute()
    new = rotate(app)
    reseal(app, new)
    assert reseal(app, new).state == DONE
    assert counts(app)[new] == 2
    assert counts(app)["lost"] == 1


def test_a_worker_without_the_new_key_leaves_the_work_to_others(app: App, make_engines: Make) -> None:
    make_engines(1)
    old = app.keyring.key_ids[0]
    job = reseal(app, "elsewhere")
    assert job.state == QUEUED
    assert "the key file of this machine lacks the key elsewhere; copy the file here" in job.error
    assert counts(app)[old] == 1


def test_a_worker_that_is_to_stop_hands_the_rest_back(app: App, make_engines: Make) -> None:
    make_engines(2)
    new = rotate(app)
    app.draining.set()
    assert reseal(app, new).state == QUEUED
    assert counts(app)[new] == 0
    app.draining.clear()
    with system_scope("test"):
        work_off(app)
    assert counts(app)[new] == 2
