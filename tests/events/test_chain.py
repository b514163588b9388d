"""The chain of events: what is sealed, in which order, by whom, and what verifying finds when somebody has been at it."""

from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.records import insert_rows
from aasim_core.events.chain import anchors
from aasim_core.events.chain.anchors import SEAL, EventAnchor, Link
from aasim_core.events.chain.entries import ChainEntry
from aasim_core.events.chain.formats import hash_of
from aasim_core.events.chain.verification import Findings, verify
from aasim_core.events.records import EventRow
from aasim_core.ids import new_id
from aasim_core.testing.world import Person, World

from .conftest import Happen, Rows, Verified
from .tampering import take_out, tamper, tampering


def forge(app: App, owner: Person, rows: list[dict[str, Any]], *, first: int) -> None:
    """Seal events from `first` on again, as they are now."""
    link = Link(first - 1, rows[first - 2]["hash"] if first > 1 else None)
    for row in rows[first - 1 :]:
        value = hash_of({**row, "previous_hash": link.hash})
        tamper(app.database, owner.organization_id, row["sequence"], hash=value, previous_hash=link.hash)
        link = Link(row["sequence"], value)


def found(findings: Findings) -> list[tuple[str, int, int]]:
    return [(fault.kind, fault.sequence, fault.until) for fault in findings.faults]


def test_events_are_numbered_from_one_and_each_names_the_hash_of_the_one_before(happen: Happen, rows: Rows) -> None:
    happen(3)
    happen(2)
    chain = rows()
    assert [row["sequence"] for row in chain] == [1, 2, 3, 4, 5]
    assert [row["previous_hash"] for row in chain] == [None, *[row["hash"] for row in chain[:-1]]]


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
    "values",
    [
        {"subject_label": "Innocent"},
        {"data": None},
        {"outcome": "denied"},
        {"hash": "0" * 64},
        {"actor_ip": "::1"},
        {"salt": "0" * 32},
        {"salt": None},
        {"version": 1},
        {"version": 3},
        {"subject_revision": 7},
        {"erased": {}},
    ],
    ids=str,
)
def test_a_changed_event_is_found(app: App, owner: Person, happen: Happen, verified: Verified, values: dict[str, Any]) -> None:
    happen(5)
    tamper(app.database, owner.organization_id, 3, **values)
    assert found(verified()) == [("changed", 3, 3)]


def test_a_changed_event_with_a_hash_that_fits_is_found_by_the_next_one(
    app: App, owner: Person, happen: Happen, verified: Verified, rows: Rows
) -> None:
    happen(5)
    tamper(app.database, owner.organization_id, 3, subject_label="Innocent")
    tamper(app.database, owner.organization_id, 3, hash=hash_of(rows()[2]))
    assert found(verified()) == [("changed", 3, 3)]


@pytest.mark.parametrize(("sequence", "fault"), [(1, (1, 1)), (3, (3, 3)), (5, (5, 5))])
def test_a_removed_event_is_found(
    app: App, owner: Person, happen: Happen, verified: Verified, sequence: int, fault: tuple[int, int]
) -> None:
    happen(5)
    take_out(app.database, owner.organization_id, sequence, sequence)
    assert found(verified()) == [("removed", *fault)]


@pytest.mark.parametrize("pruned", [0, 2])
def test_a_chain_of_which_every_event_was_removed_is_found(
    app: App, owner: Person, happen: Happen, verified: Verified, pruned: int
) -> None:
    happen(5)
    with tampering(app.database):
        if pruned:
            anchors.move_start(app.keyring, owner.organization_id, Link(pruned, "0" * 64))
        EventRow.delete().execute()
    findings = verified()
    assert (findings.checked, found(findings), findings.next_after) == (0, [("removed", pruned + 1, 5)], None)


@pytest.mark.parametrize("model", [EventRow, ChainEntry])
def test_an_event_or_an_entry_that_is_gone_alone_is_found(
    app: App, owner: Person, happen: Happen, verified: Verified, rows: Rows, model: Any
) -> None:
    happen(5)
    with tampering(app.database):
        model.delete().where(model._meta.primary_key == rows()[2]["id"]).execute()
    assert found(verified()) == [("removed", 3, 3)]


def test_an_inserted_event_is_found(app: App, owner: Person, happen: Happen, verified: Verified, rows: Rows) -> None:
    happen(5)
    last = rows()[-1]
    forged = {**last, "id": new_id("evt"), "sequence": 6, "previous_hash": last["hash"]}
    put(app, {**forged, "hash": hash_of(forged)})
    assert found(verified()) == [("inserted", 6, 6)]


def test_an_event_in_the_place_of_another_is_found(
    app: App, owner: Person, happen: Happen, verified: Verified, rows: Rows
) -> None:
    happen(5)
    third = rows()[2]
    take_out(app.database, owner.organization_id, 3, 3)
    put(app, {**third, "id": new_id("evt")})
    assert found(verified()) == [("changed", 3, 3)]


def put(app: App, row: dict[str, Any]) -> None:
    """Write an event with its entry."""
    with system_scope("test"), app.database.transaction():
        insert_rows(EventRow, [row])
        insert_rows(ChainEntry, [{**row, "event_id": row["id"]}])


def test_a_chain_that_was_sealed_anew_without_the_key_is_found(
    app: App, owner: Person, happen: Happen, verified: Verified, rows: Rows
) -> None:
    happen(5)
    tamper(app.database, owner.organization_id, 3, subject_label="Innocent")
    forge(app, owner, rows(), first=3)
    assert found(verified()) == [("changed", 1, 5)]


def test_an_old_anchor_says_before_which_events_a_forged_chain_was_whole(
    app: App, owner: Person, happen: Happen, verified: Verified, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anchors, "EVERY", 5)
    for _ in range(3):
        happen(5)
    tamper(app.database, owner.organization_id, 12, subject_label="Innocent")
    forge(app, owner, rows(), first=12)
    assert found(verified()) == [("changed", 11, 15)]


def test_an_anchor_that_was_copied_or_changed_is_found(app: App, owner: Person, happen: Happen, verified: Verified) -> None:
    happen(5)
    with system_scope("test"), app.database.transaction():
        EventAnchor.update(sequence=4).where(EventAnchor.kind == SEAL).execute()
    assert ("unsigned", 4, 4) in found(verified())


def test_nothing_is_sealed_after_an_end_that_was_forged(
    app: App, owner: Person, happen: Happen, verified: Verified, rows: Rows
) -> None:
    happen(5)
    with system_scope("test"), app.database.transaction():
        EventAnchor.delete().execute()
    happen(1)
    assert rows()[-1]["sequence"] is None
    assert found(verified()) == [("unsigned", 5, 5)]


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
