"""The chain of events: what is sealed, in which order, by whom, and what verifying finds when somebody has been at it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.records import insert_rows
from aasim_core.events import anchors
from aasim_core.events.anchors import SEAL, EventAnchor, Link
from aasim_core.events.chain import ChainBroken, hash_of
from aasim_core.events.log import EventRow
from aasim_core.events.sealing import seal_everything, seal_some
from aasim_core.events.verification import Findings, verify
from aasim_core.ids import new_id
from aasim_core.testing.statements import analyze, plan_of, recorded
from aasim_core.testing.world import Person, World

from .conftest import Happen

Verified = Callable[[], Findings]
Rows = Callable[[], list[EventRow]]


def tamper(app: App, owner: Person, sequence: int, **values: Any) -> None:
    """Change an event as somebody can who writes to the database."""
    with system_scope("test"), app.database.transaction():
        here = (EventRow.organization_id == owner.organization_id) & (EventRow.sequence == sequence)
        assert EventRow.update(values).where(here).execute() == 1


def forge(app: App, owner: Person, rows: list[EventRow], *, first: int) -> None:
    """Seal events from `first` on again, as they are now."""
    link = Link(first - 1, rows[first - 2].hash if first > 1 else None)
    for row in rows[first - 1 :]:
        value = hash_of(row.row(), link.sequence + 1, link.hash)
        tamper(app, owner, link.sequence + 1, hash=value, previous_hash=link.hash)
        link = Link(link.sequence + 1, value)


def found(findings: Findings) -> list[tuple[str, int, int]]:
    return [(fault.kind, fault.sequence, fault.until) for fault in findings.faults]


def test_events_are_numbered_from_one_and_each_names_the_hash_of_the_one_before(happen: Happen, rows: Rows) -> None:
    happen(3)
    happen(2)
    chain = rows()
    assert [row.sequence for row in chain] == [1, 2, 3, 4, 5]
    assert [row.previous_hash for row in chain] == [None, *[row.hash for row in chain[:-1]]]


def test_each_organization_has_a_chain_of_its_own(app: App, world: World, happen: Happen, verified: Verified) -> None:
    other = world.organization("Other")
    other.client.post("/agents", {"name": "Theirs"})
    happen(3)
    assert verified().head.sequence == 3
    with organization_scope(other.organization_id):
        assert verify(app.keyring, other.organization_id).head.sequence == 1


def test_an_untouched_chain_is_whole(happen: Happen, verified: Verified) -> None:
    happen(450)
    findings = verified()
    assert (findings.checked, found(findings), findings.next_after) == (450, [], None)


def test_a_chain_is_verified_in_stretches(app: App, owner: Person, happen: Happen) -> None:
    happen(25)
    after: int | None = 0
    stretches = []
    with organization_scope(owner.organization_id):
        while after is not None:
            findings = verify(app.keyring, owner.organization_id, after=after, limit=10)
            stretches.append((findings.checked, found(findings)))
            after = findings.next_after
    assert stretches == [(10, []), (10, []), (5, [])]


@pytest.mark.parametrize(
    "values", [{"subject_label": "Innocent"}, {"data": None}, {"outcome": "denied"}, {"hash": "0" * 64}, {"actor_ip": "::1"}]
)
def test_a_changed_event_is_found(app: App, owner: Person, happen: Happen, verified: Verified, values: dict[str, Any]) -> None:
    happen(5)
    tamper(app, owner, 3, **values)
    assert found(verified()) == [("changed", 3, 3)]


def test_a_changed_event_with_a_hash_that_fits_is_found_by_the_next_one(
    app: App, owner: Person, happen: Happen, verified: Verified, rows: Rows
) -> None:
    happen(5)
    tamper(app, owner, 3, subject_label="Innocent")
    changed = rows()[2]
    tamper(app, owner, 3, hash=hash_of(changed.row(), 3, changed.previous_hash))
    assert found(verified()) == [("changed", 3, 3)]


@pytest.mark.parametrize(("sequence", "fault"), [(1, (1, 1)), (3, (3, 3)), (5, (5, 5))])
def test_a_removed_event_is_found(
    app: App, owner: Person, happen: Happen, verified: Verified, sequence: int, fault: tuple[int, int]
) -> None:
    happen(5)
    with system_scope("test"), app.database.transaction():
        EventRow.delete().where(EventRow.sequence == sequence).execute()
    assert found(verified()) == [("removed", *fault)]


def test_an_inserted_event_is_found(app: App, owner: Person, happen: Happen, verified: Verified, rows: Rows) -> None:
    happen(5)
    last = rows()[-1]
    forged = {**last.row(), "id": new_id("evt"), "sequence": 6, "previous_hash": last.hash}
    forged["hash"] = hash_of(forged, 6, last.hash)
    with system_scope("test"), app.database.transaction():
        insert_rows(EventRow, [forged])
    assert found(verified()) == [("inserted", 6, 6)]


def test_an_event_in_the_place_of_another_is_found(
    app: App, owner: Person, happen: Happen, verified: Verified, rows: Rows
) -> None:
    happen(5)
    third = rows()[2]
    with system_scope("test"), app.database.transaction():
        EventRow.delete().where(EventRow.id == third.id).execute()
        insert_rows(EventRow, [{**third.row(), "id": new_id("evt")}])
    assert found(verified()) == [("changed", 3, 3)]


def test_a_chain_that_was_sealed_anew_without_the_key_is_found(
    app: App, owner: Person, happen: Happen, verified: Verified, rows: Rows
) -> None:
    happen(5)
    tamper(app, owner, 3, subject_label="Innocent")
    forge(app, owner, rows(), first=3)
    assert found(verified()) == [("changed", 1, 5)]


def test_an_old_anchor_says_before_which_events_a_forged_chain_was_whole(
    app: App, owner: Person, happen: Happen, verified: Verified, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anchors, "EVERY", 5)
    for _ in range(3):
        happen(5)
    tamper(app, owner, 12, subject_label="Innocent")
    forge(app, owner, rows(), first=12)
    assert found(verified()) == [("changed", 11, 15)]


def test_an_anchor_that_was_copied_or_changed_is_found(app: App, owner: Person, happen: Happen, verified: Verified) -> None:
    happen(5)
    with system_scope("test"), app.database.transaction():
        EventAnchor.update(sequence=4).where(EventAnchor.kind == SEAL).execute()
    assert ("unsigned", 4, 4) in found(verified())


def test_nothing_is_sealed_after_an_end_that_was_forged(app: App, owner: Person, happen: Happen, verified: Verified) -> None:
    happen(5)
    with system_scope("test"), app.database.transaction():
        EventAnchor.delete().execute()
    with pytest.raises(ChainBroken, match="anchors of the chain are gone"):
        happen(1)
    assert found(verified()) == [("unsigned", 5, 5)]


def test_sealing_that_is_cut_short_leaves_nothing_half_done(
    app: App, owner: Person, happen: Happen, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(anchors, "write", die)
        with pytest.raises(KeyboardInterrupt):
            happen(3)
    assert [row.sequence for row in rows()] == [None, None, None]
    seal_everything(app)
    assert [row.sequence for row in rows()] == [1, 2, 3]


def test_several_workers_seal_every_event_once(
    app: App, owner: Person, happen: Happen, verified: Verified, monkeypatch: pytest.MonkeyPatch
) -> None:
    with organization_scope(owner.organization_id), app.database.transaction():
        rows = [event(owner.organization_id, number) for number in range(1000)]
        insert_rows(EventRow, rows)

    def work() -> int:
        with app.database.connected(), system_scope("test"):
            count = 0
            while sealed := seal_some(app, owner.organization_id):
                count += sealed
        return count

    with ThreadPoolExecutor(4) as workers:
        counts = [each.result() for each in [workers.submit(work) for _ in range(4)]]
    assert sum(counts) == 1000
    assert (verified().checked, found(verified())) == (1000, [])


def test_sealing_finds_events_by_their_ids_however_long_the_log_is(app: App, owner: Person) -> None:
    with organization_scope(owner.organization_id), app.database.transaction():
        insert_rows(EventRow, [event(owner.organization_id, number) for number in range(1000)])
    with recorded(app.database) as seen, system_scope("test"):
        seal_some(app, owner.organization_id)
    index = "core_event_pkey" if app.database.for_update else "sqlite_autoindex_core_event_1 (id=?)"
    with system_scope("test"):
        if app.database.for_update:
            app.database.execute_sql("SET enable_seqscan = off")  # it has no statistics yet
        plans = [plan_of(app.database, statement) for statement in seen if 'UPDATE "core_event"' in statement.sql]
    assert plans
    assert all(index in plan for plan in plans), plans


def test_sealing_does_not_walk_past_what_is_sealed_when_the_database_believes_that_hardly_anything_is(
    app: App, owner: Person
) -> None:
    with organization_scope(owner.organization_id), app.database.transaction():
        insert_rows(EventRow, [event(owner.organization_id, number) for number in range(4000)])
    analyze(app.settings.database.url)
    with recorded(app.database) as seen, system_scope("test"):
        seal_some(app, owner.organization_id)
    reading = next(statement for statement in seen if "sequence IS NULL" in statement.sql)
    with organization_scope(owner.organization_id):
        plan = plan_of(app.database, reading)
    assert "core_event_unsealed" in plan
    assert "Sort" not in plan and "TEMP B-TREE" not in plan, plan


def event(organization_id: str, number: int) -> dict[str, Any]:
    """The row of an event that is not sealed yet."""
    return EventRow(
        organization_id=organization_id, at="2026-01-31T09:00:00Z", actor_type="system", actor_label="system",
        name="core.plugin_switched", subject_type="plugin", subject_label=f"Plugin {number}",
    ).row()  # fmt: skip


def test_a_chain_is_whole_after_the_keys_were_rotated(app: App, owner: Person, happen: Happen, verified: Verified) -> None:
    happen(3)
    app.keyring = app.keyring.rotated()
    happen(3)
    assert (verified().checked, found(verified())) == (6, [])


def test_what_happens_while_a_chain_is_verified_is_no_fault(app: App, owner: Person, happen: Happen, verified: Verified) -> None:
    happen(5)
    before = verified()
    happen(5)
    assert (found(before), found(verified())) == ([], [])
