"""Which keys are needed: counted over all organizations and plugins, and looked at when a process starts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from aasim_core.app import App
from aasim_core.bootstrap import build_app
from aasim_core.clock import now
from aasim_core.context import system_scope
from aasim_core.errors import StartupError
from aasim_core.key_rotation import key_usage as usage
from aasim_core.key_rotation.key_usage import KeyUse, refuse_missing, survey
from aasim_core.key_rotation.records import KeyRow
from aasim_plugins.engines.models import Engine

from .conftest import lose_all_keys, rotate, use_ring

Make = Callable[[int], list[str]]
COLUMN = "engines_engine.api_key"


def use_of(app: App, key_id: str) -> KeyUse:
    return next(use for use in survey(app) if use.key_id == key_id)


def forget_when_keys_came(app: App, *, hours_ago: int) -> None:
    """Make every known key one of so many hours ago."""
    with app.database.transaction():
        KeyRow.update(known_since=now() - timedelta(hours=hours_ago)).execute()


def test_the_values_of_each_key_are_counted_over_all_organizations(app: App, make_engines: Make) -> None:
    old = app.keyring.key_ids[0]
    make_engines(3)
    new = rotate(app)
    assert [(use.key_id, use.values) for use in survey(app)] == [(new, {}), (old, {COLUMN: 3})]


def test_the_values_of_a_plugin_that_is_off_are_counted_too(app: App, make_engines: Make) -> None:
    make_engines(1)
    refuse_missing(app)
    plugins = replace(app.settings.plugins, disabled=(*app.settings.plugins.disabled, "engines", "engine_openai"))
    without = build_app(replace(app.settings, plugins=plugins), database=app.database)
    assert "engines_engine" not in without.database.tenant_tables
    assert use_of(without, app.keyring.key_ids[0]).values == {COLUMN: 1}


def test_a_key_that_nobody_knows_is_found_by_what_it_sealed(app: App, make_engines: Make) -> None:
    old = app.keyring.key_ids[0]
    make_engines(2)
    lose_all_keys(app)
    assert use_of(app, old).values == {COLUMN: 2}


def test_a_value_that_was_never_sealed_is_no_keys(app: App, make_engines: Make) -> None:
    make_engines(1)
    with system_scope("test"):
        Engine.update(api_key="nonsense").execute()
    assert [use.values for use in survey(app)] == [{}]


def test_the_newest_key_of_the_ring_is_known_after_a_start(app: App) -> None:
    new = rotate(app)
    refuse_missing(app)
    assert [row.id for row in KeyRow.select()] == [new]


def test_a_start_is_refused_while_stored_values_need_a_key_that_is_missing(app: App, make_engines: Make) -> None:
    refuse_missing(app)
    make_engines(2)
    old = app.keyring.key_ids[0]
    lose_all_keys(app)
    with pytest.raises(StartupError) as refused:
        refuse_missing(app)
    assert refused.value.problems == (
        f"the key {old} is not in the key file {app.settings.secrets.key_file}, and 2 stored values need it ({COLUMN} 2); "
        f"put it back, or continue without it: aasim secrets forget {old}",
    )


def test_a_start_is_refused_with_other_keys_than_those_that_the_processes_use(app: App) -> None:
    refuse_missing(app)
    old = app.keyring.key_ids[0]
    lose_all_keys(app)
    with pytest.raises(StartupError, match=f"the key {old} is not in .*, and it is the one in use; put it back"):
        refuse_missing(app)


def test_a_start_is_refused_while_what_a_missing_key_signed_is_good(app: App) -> None:
    refuse_missing(app)
    old, new = app.keyring.key_ids[0], rotate(app)
    refuse_missing(app)
    use_ring(app, app.keyring.without(old))
    with pytest.raises(StartupError, match=f"the key {old} is not in .*, and what it signed is good until "):
        refuse_missing(app)
    forget_when_keys_came(app, hours_ago=25)
    with app.database.transaction():
        KeyRow.update(known_since=now() - timedelta(hours=26)).where(KeyRow.id == old).execute()
    refuse_missing(app)
    assert [row.id for row in KeyRow.select()] == [new]


def test_a_key_that_was_forgotten_may_be_missing(app: App, make_engines: Make) -> None:
    refuse_missing(app)
    make_engines(1)
    old = app.keyring.key_ids[0]
    lose_all_keys(app)
    usage.forget([old])
    refuse_missing(app)
    assert use_of(app, old).values == {COLUMN: 1}
