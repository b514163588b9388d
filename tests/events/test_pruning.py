"""Pruning the log from its beginning, and beginning a chain anew."""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Thread
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import from_text, now
from aasim_core.context import system_scope
from aasim_core.events.chain import pruning
from aasim_core.events.chain.anchors import EventAnchor
from aasim_core.events.chain.faults import ChainBroken
from aasim_core.events.chain.pruning import prune_some
from aasim_core.events.chain.restarting import restart
from aasim_core.events.chain.sealing import seal_everything
from aasim_core.events.records import EventRow
from aasim_core.testing.world import Person
from aasim_core.worker.runner import work_off

from .conftest import Happen, Rows, Verified
from .tampering import take_out, tamper, tampering
from .test_chain import found

Prune = Callable[[datetime], int]


@pytest.fixture
def prune(app: App, owner: Person) -> Prune:
    """Prunes the organization's events from before a time; returns how many."""

    def run(before: datetime) -> int:
        with system_scope("test"):
            return prune_some(app.database, app.keyring, owner.organization_id, before)

    return run


def test_what_is_left_after_pruning_is_a_whole_chain(
    app: App, happen: Happen, prune: Prune, verified: Verified, rows: Rows
) -> None:
    happen(5)
    moment = now() + timedelta(milliseconds=1)
    assert prune(moment) == 5
    happen(3)
    findings = verified()
    assert [row["sequence"] for row in rows()] == [6, 7, 8]
    assert (findings.begins_after, findings.checked, found(findings)) == (5, 3, [])


def test_pruning_stops_at_the_first_event_that_is_to_be_kept(
    app: App, owner: Person, happen: Happen, prune: Prune, rows: Rows
) -> None:
    happen(6)
    moment = from_text(rows()[0]["at"])
    for sequence in (4, 5, 6):
        tamper(app.database, owner.organization_id, sequence, at=moment + timedelta(days=1))
    assert prune(moment + timedelta(seconds=60)) == 3
    assert [row["sequence"] for row in rows()] == [4, 5, 6]


def test_pruning_goes_on_in_small_batches(
    app: App, happen: Happen, prune: Prune, verified: Verified, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "AT_ONCE", 4)
    happen(10)
    moment = now() + timedelta(milliseconds=1)
    assert [prune(moment) for _ in range(4)] == [4, 4, 2, 0]
    assert (verified().begins_after, found(verified())) == (10, [])


def test_a_beginning_that_somebody_else_removed_is_found_after_pruning(
    app: App, owner: Person, happen: Happen, prune: Prune, verified: Verified
) -> None:
    happen(5)
    prune(now() + timedelta(milliseconds=1))
    happen(5)
    take_out(app.database, owner.organization_id, 1, 7)
    assert found(verified()) == [("removed", 6, 7)]


def test_events_that_are_not_as_they_were_sealed_are_not_pruned(
    app: App, owner: Person, happen: Happen, prune: Prune, rows: Rows
) -> None:
    happen(5)
    tamper(app.database, owner.organization_id, 2, subject_label="Innocent")
    with pytest.raises(ChainBroken, match="Event 2 is not as it was sealed"):
        prune(now() + timedelta(milliseconds=1))
    assert len(rows()) == 5


def test_what_is_pruned_while_a_chain_is_verified_is_no_fault(app: App, happen: Happen, prune: Prune, verified: Verified) -> None:
    happen(5)
    pruned: list[int] = []

    def work() -> None:
        with app.database.connected():
            pruned.append(prune(now() + timedelta(milliseconds=1)))

    worker = Thread(target=work)

    def prune_meanwhile(event: Any) -> None:
        """When some of the events have been read."""
        if "INNER JOIN" in event.sql and worker.ident is None:
            worker.start()
            worker.join(60)

    app.database.query_hooks.append(prune_meanwhile)
    findings = verified()
    assert (pruned, findings.checked, findings.begins_after, found(findings)) == ([5], 5, 0, [])


def test_events_that_are_not_sealed_yet_are_not_pruned(app: App, owner: Person, prune: Prune, rows: Rows) -> None:
    owner.client.post("/agents", {"name": "New"})
    assert prune(now() + timedelta(milliseconds=1)) == 0
    assert len(rows()) == 1


def test_a_chain_that_was_begun_anew_is_whole_from_there_on_and_says_so(
    app: App, owner: Person, happen: Happen, verified: Verified, rows: Rows
) -> None:
    happen(5)
    tamper(app.database, owner.organization_id, 2, subject_label="Innocent")
    with system_scope("test"):
        assert restart(app.database, app.keyring, owner.organization_id) == 5
    seal_everything(app.database, app.keyring)
    happen(2)
    findings = verified()
    assert (findings.begins_after, findings.checked, found(findings)) == (5, 3, [])
    assert (rows()[5]["name"], rows()[5]["data"]) == ("core.event_chain_restarted", '{"after":5}')


def test_what_is_before_a_new_beginning_is_pruned_too(
    app: App, owner: Person, happen: Happen, prune: Prune, verified: Verified, rows: Rows
) -> None:
    happen(5)
    tamper(app.database, owner.organization_id, 2, subject_label="Innocent")
    with system_scope("test"):
        restart(app.database, app.keyring, owner.organization_id)
    seal_everything(app.database, app.keyring)
    moment = from_text(rows()[5]["at"])
    for sequence in range(1, 6):
        tamper(app.database, owner.organization_id, sequence, at=moment - timedelta(days=1))
    with tampering(app.database):  # an event that is gone leaves its entry
        EventRow.delete().where(EventRow.id == rows()[2]["id"]).execute()
    assert prune(moment) == 5
    assert ([row["sequence"] for row in rows()], found(verified())) == ([6], [])


def test_what_happened_while_the_end_was_broken_is_sealed_after_a_new_beginning(
    app: App, owner: Person, happen: Happen, verified: Verified
) -> None:
    happen(5)
    with system_scope("test"), app.database.transaction():
        EventAnchor.delete().execute()
    happen(2)
    with system_scope("test"):
        restart(app.database, app.keyring, owner.organization_id)
    work_off(app)
    findings = verified()
    assert (findings.begins_after, findings.checked, found(findings)) == (5, 3, [])
