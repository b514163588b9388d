"""``aasim secrets``: keys are listed, rotated, removed and given up, with the database beside the key file."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.commands.secrets import secrets
from aasim_core.context import system_scope
from aasim_core.data.backends.connect import bind
from aasim_core.jobs.records import DONE, JobRow
from aasim_core.key_rotation import resealing
from aasim_core.key_rotation.key_usage import refuse_missing
from aasim_core.key_rotation.records import KeyRow
from aasim_core.secrets import load_keyring
from aasim_core.worker.runner import work_off

from .conftest import lose_all_keys, opened, rotate

Make = Callable[[int], list[str]]
Invoke = Callable[..., Result]


@pytest.fixture
def invoke(app: App) -> Invoke:
    """Run ``aasim secrets`` with these arguments; `answer` is typed in."""

    def invoke(*arguments: str, answer: str | None = None) -> Result:
        result = CliRunner().invoke(secrets, arguments, obj=app.settings, input=answer)
        bind(app.database, app.models)  # the command had an app of its own
        return result

    return invoke


def ids_in_file(app: App) -> tuple[str, ...]:
    return load_keyring(app.settings.secrets.key_file).key_ids


def let_days_pass(app: App) -> None:
    """Keys were in use one after the other, the newest since the day before yesterday."""
    with app.database.transaction():
        for number, row in enumerate(KeyRow.select().order_by(KeyRow.known_since.desc())):
            KeyRow.update(known_since=now() - timedelta(days=2 + number)).where(KeyRow.id == row.id).execute()


def work_off_all(app: App) -> None:
    """Do the waiting jobs also before their time."""
    with system_scope("test"):
        JobRow.update(delayed=False, run_at=now()).execute()
        work_off(app)
        JobRow.update(delayed=False, run_at=now()).where(JobRow.state != DONE).execute()
        work_off(app)


@pytest.mark.long
def test_a_rotated_key_is_no_longer_needed_once_a_worker_has_been_at_it_and_its_signatures_are_old(
    app: App, make_engines: Make, invoke: Invoke
) -> None:
    refuse_missing(app)
    make_engines(3)
    old = app.keyring.key_ids[0]
    assert invoke("rotate").exit_code == 0
    new, *rest = ids_in_file(app)
    assert rest == [old]
    app.keyring = load_keyring(app.settings.secrets.key_file)
    assert "3 values are still sealed with older keys" in invoke("list").output
    assert "3 stored values need it" in str(invoke("remove", old).exception)
    work_off_all(app)
    assert "what it signed is good until" in str(invoke("remove", old).exception)
    let_days_pass(app)
    assert f"No longer needed; run: aasim secrets remove {old}" in invoke("list").output
    assert invoke("remove", old).exit_code == 0
    assert ids_in_file(app) == (new,)
    app.keyring = load_keyring(app.settings.secrets.key_file)
    refuse_missing(app)
    assert opened(app) == ["sk-0", "sk-1", "sk-2"]


@pytest.mark.long
def test_the_key_in_use_and_one_that_nobody_knows_are_not_removed(app: App, invoke: Invoke) -> None:
    new = rotate(app)
    told = str(invoke("remove", new, "k0").exception)
    assert f'{new} is the key in use; put another one before it with "aasim secrets rotate"' in told
    assert "there is no key k0 in the key file" in told
    assert len(ids_in_file(app)) == 2


@pytest.mark.long
def test_a_lost_key_is_forgotten_after_a_question(app: App, make_engines: Make, invoke: Invoke) -> None:
    refuse_missing(app)
    make_engines(1)
    old = app.keyring.key_ids[0]
    assert "that key is in the key file" in str(invoke("forget", old).exception)
    lose_all_keys(app)
    assert invoke("forget", old, answer="n\n").exit_code == 1
    assert [row.id for row in KeyRow.select()] == [old]
    asked = invoke("forget", old, answer="y\n")
    assert f"The key {old} is lost: 1 stored value needs it (engines_engine.api_key 1). Continue without it?" in asked.output
    refuse_missing(app)
    assert f"{old}" in invoke("list").output


def test_a_rotation_that_was_cut_short_is_taken_up_again(app: App, make_engines: Make, invoke: Invoke) -> None:
    make_engines(1)
    new = rotate(app)
    assert invoke("reseal").exit_code == 0
    with system_scope("test"):
        assert JobRow.get(JobRow.name == resealing.NAME).unique_key == new
    assert [row.id for row in KeyRow.select()] == [new]
