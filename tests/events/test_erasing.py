"""Erasing a person from the log: the names and addresses go, the chain stays whole, and verifying says what was erased."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import Actor, acting_as, organization_scope, system_scope
from aasim_core.events.chain import sealing
from aasim_core.events.chain.anchors import ERASED, EventAnchor
from aasim_core.events.chain.erasing import erase_some
from aasim_core.events.chain.formats import CONTENTS
from aasim_core.events.chain.sealing import seal_everything
from aasim_core.events.log import Subject, emit
from aasim_core.schemas.formats import example_id
from aasim_core.testing.world import Person

from .conftest import Rows, Verified
from .tampering import tamper
from .test_chain import found

ADA = Actor("user", example_id("user"), "ada@example.com", "192.0.2.1")
GRACE = Actor("user", "user_grace", "grace@example.com", "192.0.2.2")

#: Erases Ada from the organization's log; returns how many events lost something.
Erase = Callable[[], int]


@pytest.fixture
def erase(app: App, owner: Person) -> Erase:
    """Erases in as many steps as it takes."""

    def run() -> int:
        count = 0
        with system_scope("test"):
            while some := erase_some(app.database, app.keyring, owner.organization_id, str(ADA.id)):
                count += some
        return count

    return run


def happened(app: App, owner: Person, actor: Actor, name: str, subject: Subject, **more: Any) -> None:
    with organization_scope(owner.organization_id), acting_as(actor), app.database.transaction():
        emit(name, subject, **more)


@pytest.fixture(params=[1, 2], ids=["contents", "digests"])
def sealed(app: App, owner: Person, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """What Ada did, what was done to her, both at once, and what has nothing to do with her; sealed in each format."""
    agent, ada = Subject("agent", "agent_1", "Usher"), Subject("user", ADA.id, "Ada")
    happened(app, owner, ADA, "core.plugin_switched", agent, data={"status": "active"})
    happened(app, owner, GRACE, "users.invited", ada, changes={"name": ["Ada", "Ada L."]}, data={"name": "Ada"})
    happened(app, owner, ADA, "users.updated", ada)
    happened(app, owner, GRACE, "agents.updated", agent)
    with monkeypatch.context() as before:
        if request.param == CONTENTS:
            before.setattr(sealing, "format_of", lambda row: CONTENTS)
            before.setattr(sealing, "new_salt", lambda: None)
        seal_everything(app.database, app.keyring)


def contents(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("actor_label", "actor_ip", "subject_label", "changes", "data"))


@pytest.mark.usefixtures("sealed")
class TestSealedEvents:
    """Events in a chain, of either format."""

    def test_they_lose_the_names_and_addresses_of_the_person_and_nothing_else(self, erase: Erase, rows: Rows) -> None:
        before = rows()
        assert erase() == 4  # one of them lost what she did and what was done to her
        after = rows()
        assert [contents(row) for row in after[:4]] == [
            ("", None, "Usher", None, '{"status":"active"}'),
            ("grace@example.com", "192.0.2.2", "", None, None),
            ("", None, "", None, None),
            ("grace@example.com", "192.0.2.2", "Usher", None, None),
        ]
        for name in ("id", "at", "name", "actor_id", "subject_id", "outcome", "sequence", "version", "hash", "previous_hash"):
            assert [row[name] for row in after[:4]] == [row[name] for row in before]

    def test_the_chain_is_whole_and_says_how_many_lost_something(self, app: App, erase: Erase, verified: Verified) -> None:
        erase()
        seal_everything(app.database, app.keyring)
        assert (verified().checked, verified().erased, found(verified())) == (5, 3, [])

    def test_erasing_is_an_event_that_does_not_name_them(self, owner: Person, erase: Erase, rows: Rows) -> None:
        erase()
        told = rows()[-1]
        assert (told["name"], told["subject_id"]) == ("core.person_erased", owner.organization_id)
        assert told["data"] == f'{{"events":4,"user_id":"{ADA.id}"}}'

    def test_erasing_again_finds_nothing(self, erase: Erase) -> None:
        erase()
        assert erase() == 0

    @pytest.mark.parametrize(
        "values",
        [
            {"actor_label": "eve@example.com"},
            {"actor_ip": "::1"},
            {"subject_label": "Other"},
            {"outcome": "denied"},
            {"data": None},
        ],
    )
    def test_a_change_of_an_event_that_lost_something_is_found(
        self, app: App, owner: Person, erase: Erase, verified: Verified, values: dict[str, Any]
    ) -> None:
        erase()
        tamper(app.database, owner.organization_id, 1, **values)
        assert found(verified()) == [("changed", 1, 1)]

    def test_an_event_that_was_changed_before_is_changed_still(
        self, app: App, owner: Person, erase: Erase, verified: Verified, rows: Rows
    ) -> None:
        tamper(app.database, owner.organization_id, 1, actor_label="eve@example.com")
        erase()
        assert contents(rows()[0])[:2] == ("", None)
        assert found(verified()) == [("changed", 1, 1)]


def test_an_entry_that_no_event_can_have_stays_as_it_is(
    app: App, owner: Person, erase: Erase, verified: Verified, rows: Rows
) -> None:
    happened(app, owner, ADA, "agents.updated", Subject("agent", "agent_1", "Usher"))
    seal_everything(app.database, app.keyring)
    tamper(app.database, owner.organization_id, 1, erased={})
    erase()
    assert (contents(rows()[0])[:2], rows()[0]["erased"]) == (("", None), "{}")
    assert found(verified()) == [("changed", 1, 1)]


@pytest.mark.parametrize("sealed", [1], indirect=True, ids=["contents"])
@pytest.mark.usefixtures("sealed")
def test_only_an_anchor_tells_that_an_event_whose_contents_were_hashed_was_whole(
    app: App, erase: Erase, verified: Verified
) -> None:
    erase()
    with system_scope("test"), app.database.transaction():
        EventAnchor.update(kind="other").where(EventAnchor.kind == ERASED, EventAnchor.sequence == 3).execute()
    assert found(verified()) == [("changed", 3, 3)]


def test_events_that_are_not_sealed_yet_lose_them_too_and_are_sealed_without(
    app: App, owner: Person, erase: Erase, rows: Rows, verified: Verified
) -> None:
    happened(app, owner, ADA, "agents.updated", Subject("agent", "agent_1", "Usher"))
    assert erase() == 1
    seal_everything(app.database, app.keyring)
    assert contents(rows()[0]) == ("", None, "Usher", None, None)
    assert (verified().checked, verified().erased, found(verified())) == (2, 0, [])
