"""Whose seats somebody may take is looked up from what they hold, however many members and grants the organization has."""

import pytest

from aasim_core.access.records import Grant
from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.data.records import insert_rows
from aasim_core.tenancy.records import Membership
from aasim_core.testing.statements import analyze, recorded
from aasim_core.testing.world import Person, World
from aasim_plugins.hitl_approvals.eligibility.rules import Eligibility
from aasim_plugins.hitl_approvals.policies.rules import PolicyDecision
from aasim_plugins.hitl_approvals.service import Approvals, Asked

from ...access.rights.test_loading_plan import buffers, large

__all__ = ["large"]


def others(*known: Person) -> list[str]:
    """The other users of the organization in scope who hold something."""
    held = Grant.select(Grant.subject_id).where(Grant.subject_type == "user")
    return [each for (each,) in held.tuples() if each not in {person.user_id for person in known}]


@pytest.mark.long
@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)  # SQLite makes one plan, whatever the values are
@pytest.mark.postgres
def test_a_seat_is_looked_up_from_what_its_holder_has(app: App, world: World, large: Person) -> None:
    approver = world.member(large, "approver")
    put = {"assignees": [{"type": "permission", "id": None}]}
    with organization_scope(large.organization_id):
        with app.database.transaction():
            insert_rows(Membership, [Membership(user_id=each, name=each, email=each).row() for each in others(approver, large)])
            approval = Approvals(app).request(
                Asked(title="Refund", payload={}, initiator_id=large.user_id), PolicyDecision(**put)
            )
        analyze(app.settings.database.url)
        with recorded(app.database) as statements:
            assert Eligibility(app).seats(approval, approver.user_id) == [approver.user_id]
    [seats] = statements
    assert buffers(app, seats) < 100
