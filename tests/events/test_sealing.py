"""Sealing: each event gets one place, whenever it was committed and however many workers are at it, and none is written again."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.database import Database
from aasim_core.data.records import insert_rows
from aasim_core.events.chain import anchors, sealing
from aasim_core.events.chain.sealing import MARGIN, seal_events, seal_everything
from aasim_core.events.log import Subject, emit
from aasim_core.events.records import EventRow
from aasim_core.ids import first_id
from aasim_core.testing.statements import Sent, analyze, plan_of, recorded
from aasim_core.testing.world import Person, World

from .conftest import Happen, Rows, Verified

#: Walks along the log once, as a worker does every minute; returns how many events it sealed.
Walk = Callable[[], int]


@pytest.fixture
def walk(app: App) -> Walk:
    """A walk that begins where the last one lets it."""

    def run() -> int:
        with app.database.connected(), system_scope("test"):
            return seal_events(app.database, app.keyring)

    return run


def event(organization_id: str, number: int, **values: Any) -> dict[str, Any]:
    """The row of an event that is not sealed yet."""
    return EventRow(
        organization_id=organization_id, at="2026-01-31T09:00:00Z", actor_type="system", actor_label="system",
        name="core.plugin_switched", subject_type="plugin", subject_label=f"Plugin {number}", **values,
    ).row()  # fmt: skip


def put(app: App, *rows: dict[str, Any]) -> None:
    """Write events that are not sealed yet."""
    with system_scope("test"), app.database.transaction():
        insert_rows(EventRow, rows)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the clock of sealing."""
    return lambda moment: monkeypatch.setattr(sealing, "now", lambda: moment)


def test_sealing_that_is_cut_short_leaves_nothing_half_done(
    app: App, happen: Happen, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(anchors, "write", die)
        with pytest.raises(KeyboardInterrupt):
            happen(3)
    assert [row["sequence"] for row in rows()] == [None, None, None]
    seal_everything(app.database, app.keyring)
    assert [row["sequence"] for row in rows()] == [1, 2, 3]


@pytest.mark.long
def test_several_workers_seal_every_event_once(app: App, owner: Person, walk: Walk, verified: Verified) -> None:
    put(app, *(event(owner.organization_id, number) for number in range(1000)))
    with ThreadPoolExecutor(4) as workers:
        counts = [each.result() for each in [workers.submit(walk) for _ in range(4)]]
    assert sum(counts) == 1000
    assert (verified().checked, verified().faults) == (1000, [])


def test_an_event_that_is_committed_after_later_ones_were_sealed_is_sealed_by_the_next_walk(
    app: App, owner: Person, walk: Walk, happen: Happen, verified: Verified, rows: Rows
) -> None:
    emitted, overtaken = Barrier(2, timeout=20), Barrier(2, timeout=20)

    def slow() -> str:
        with app.database.connected(), organization_scope(owner.organization_id), app.database.transaction():
            late = emit("core.plugin_switched", Subject("plugin", None, "Late"), data={"status": "active"})
            if app.database.for_update:  # where others can write meanwhile, the row is there already, and its commit is late
                other_id = late.id[:-1] + ("1" if late.id.endswith("0") else "0")
                insert_rows(EventRow, [event(owner.organization_id, 0, id=other_id)])
                app.database.execute_sql("SELECT 1")
            emitted.wait()
            overtaken.wait()
            return str(late.id)

    with ThreadPoolExecutor(1) as other:
        running = other.submit(slow)
        emitted.wait()
        happen(3)
        assert [row["subject_label"] for row in rows()] == ["Plugin 0", "Plugin 1", "Plugin 2"]
        overtaken.wait()
        late = running.result()
    assert walk() == len(rows()) - 3 >= 1
    assert late in [row["id"] for row in rows()[3:]]
    assert all(late < row["id"] for row in rows()[:3])
    assert (verified().checked, verified().faults) == (len(rows()), [])


def test_a_walk_finds_what_came_late_up_to_the_margin_and_the_first_one_of_a_day_everything(
    app: App, owner: Person, walk: Walk, later: Callable[[datetime], None], verified: Verified
) -> None:
    noon = now().replace(hour=12)
    later(noon)
    assert walk() == 0
    within, beyond = (first_id("evt", noon - MARGIN + timedelta(seconds=seconds)) for seconds in (1, -1))
    put(app, event(owner.organization_id, 1, id=within), event(owner.organization_id, 2, id=beyond))
    later(noon + timedelta(minutes=1))
    assert walk() == 1
    later(noon + timedelta(days=1))
    assert walk() == 1
    assert (verified().checked, verified().faults) == (2, [])


def test_a_walk_that_has_to_stop_is_taken_up_again_where_the_last_whole_one_began(
    app: App, owner: Person, walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "MARGIN", timedelta())
    walk()
    put(app, event(owner.organization_id, 1))
    with system_scope("test"):
        assert seal_events(app.database, app.keyring, should_stop=lambda: True) == 0
    assert walk() == 1


def sealing_statements(app: App, walk: Walk) -> list[Sent]:
    with recorded(app.database) as seen:
        walk()
    return [statement for statement in seen if "core_event" in statement.sql]


def test_sealing_updates_and_deletes_no_event_and_no_entry(app: App, owner: Person, walk: Walk) -> None:
    put(app, *(event(owner.organization_id, number) for number in range(10)))
    sent = [statement.sql for statement in sealing_statements(app, walk)]
    assert any('INSERT INTO "core_event_entry"' in sql for sql in sent)
    assert not any(f'{verb} "{table}"' in sql for sql in sent for verb in ("UPDATE", "DELETE FROM") for table in TABLES), sent


TABLES = ("core_event", "core_event_entry")


def test_organizations_that_have_nothing_to_seal_are_not_looked_at(app: App, world: World, owner: Person, walk: Walk) -> None:
    other = world.organization("Other")
    walk()
    put(app, event(owner.organization_id, 1))
    sent = sealing_statements(app, walk)
    assert any(owner.organization_id in statement.parameters for statement in sent)
    assert not any(other.organization_id in statement.parameters for statement in sent)


@pytest.mark.long
def test_a_walk_reads_only_what_is_new_whatever_is_sealed(app: App, owner: Person, walk: Walk) -> None:
    put(app, *(event(owner.organization_id, number, id=f"evt_0{number:025}") for number in range(4000)))
    walk()
    put(app, event(owner.organization_id, 1))
    analyze(app.settings.database.url)
    reading = [statement for statement in sealing_statements(app, walk) if statement.sql.startswith("SELECT")]
    events = [statement for statement in reading if '"core_event"' in statement.sql]
    with system_scope("test"):
        plans = [plan_of(app.database, statement) for statement in events]
    assert events
    assert all(by_id(app.database) in plan and "Seq Scan" not in plan and "SCAN t" not in plan for plan in plans), plans


def by_id(database: Database) -> str:
    """How a plan says that it looks for events by their ids."""
    return "core_event_pkey" if database.for_update else "sqlite_autoindex_core_event_1 (id"
