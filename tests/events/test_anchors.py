"""Anchors: one that is forged, or whose key is gone, is found, and nothing is sealed or pruned on its word."""

from datetime import timedelta
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.events.chain import anchors
from aasim_core.events.chain.anchors import SEAL, START, EventAnchor
from aasim_core.events.chain.faults import ChainBroken
from aasim_core.events.chain.pruning import prune_some
from aasim_core.events.chain.verification import logged_organizations, verify
from aasim_core.secrets import Keyring, new_key
from aasim_core.testing.world import Person, World

from .conftest import Happen, Rows, Verified
from .tampering import tamper
from .test_chain import found


def prune(app: App, owner: Person) -> int:
    with system_scope("test"):
        return prune_some(app.database, app.keyring, owner.organization_id, now() + timedelta(milliseconds=1))


def forge(app: App, kind: str, sequence: int) -> None:
    """Write another hash into the anchor."""
    with system_scope("test"), app.database.transaction():
        here = (EventAnchor.kind == kind) & (EventAnchor.sequence == sequence)
        assert EventAnchor.update(hash="0" * 64).where(here).execute() == 1


def test_an_anchor_is_genuine_only_with_the_key_that_it_was_sealed_with(app: App, owner: Person, happen: Happen) -> None:
    happen(1)
    with system_scope("test"):
        anchor: Any = anchors.head_of(owner.organization_id)
    assert [anchors.is_genuine(keyring, anchor) for keyring in (app.keyring, Keyring([new_key()]))] == [True, False]


def test_nothing_is_sealed_after_an_end_whose_anchor_is_forged(app: App, happen: Happen, verified: Verified, rows: Rows) -> None:
    happen(5)
    forge(app, SEAL, 5)
    happen(1)
    assert rows()[-1]["sequence"] is None
    assert ("unsigned", 5, 5) in found(verified())


def test_nothing_is_pruned_after_a_beginning_whose_anchor_is_forged(
    app: App, owner: Person, happen: Happen, verified: Verified, rows: Rows
) -> None:
    happen(5)
    prune(app, owner)
    happen(3)
    forge(app, START, 5)
    with pytest.raises(ChainBroken, match="the anchor of the chain's beginning is forged"):
        prune(app, owner)
    assert len(rows()) == 3
    assert found(verified())[0] == ("unsigned", 5, 5)


def test_a_forged_anchor_between_beginning_and_end_is_found(
    app: App, happen: Happen, verified: Verified, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anchors, "EVERY", 5)
    happen(5)
    happen(5)
    forge(app, SEAL, 5)
    assert found(verified()) == [("unsigned", 5, 5)]


def test_organizations_have_a_log_when_there_is_a_chain_or_an_event_that_was_sealed(
    app: App, world: World, owner: Person, happen: Happen
) -> None:
    happen(1)
    with_anchors_gone = world.organization("Other")
    with_anchors_gone.client.post("/agents", {"name": "Theirs"})
    world.organization("Silent")
    happen(1)
    with system_scope("test"), app.database.transaction():
        EventAnchor.delete().where(EventAnchor.organization_id == with_anchors_gone.organization_id).execute()
        assert logged_organizations() == sorted([owner.organization_id, with_anchors_gone.organization_id])


def test_stretches_of_a_chain_are_told_as_one_with_each_fault_once(
    app: App, owner: Person, happen: Happen, verified: Verified
) -> None:
    happen(25)
    tamper(app.database, owner.organization_id, 12, subject_label="Innocent")
    forge(app, SEAL, 25)
    with organization_scope(owner.organization_id):
        told = verify(app.keyring, owner.organization_id, limit=10)
        while told.next_after is not None:
            told = told.with_next(verify(app.keyring, owner.organization_id, after=told.next_after, limit=10))
    assert found(told) == found(verified()) == [("unsigned", 25, 25), ("changed", 12, 12)]
    assert told.checked == 25
