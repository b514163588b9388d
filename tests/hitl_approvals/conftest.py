"""An organization with people who ask and decide, and approvals without a run behind them."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.jobs.leases import Leases
from aasim_core.jobs.worker_liveness import Presence
from aasim_core.testing.world import Person, World
from aasim_core.worker.maintenance import Maintenance
from aasim_core.worker.runner import work_off
from aasim_plugins.hitl_approvals.models import Approval
from aasim_plugins.hitl_approvals.policies.rules import PolicyDecision
from aasim_plugins.hitl_approvals.service import Approvals, Asked

from ..executions.conftest import scripted, shed

__all__ = ["approver", "ask", "owner", "read", "requester", "scripted", "shed", "work"]

#: What is asked for, unless a test asks for something else.
REFUND = {"amount": 50, "to": {"name": "Grace", "account": "AT1"}, "items": ["a", "b"]}


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def requester(world: World, owner: Person) -> Person:
    """Who has started the run that asks."""
    return world.member(owner, "operator")


@pytest.fixture
def approver(world: World, owner: Person) -> Person:
    """Somebody who may decide everywhere."""
    return world.member(owner, "approver")


@pytest.fixture
def ask(app: App, owner: Person, requester: Person) -> Callable[..., str]:
    """Asks for an approval, put to the assignees as (type, id); returns its id."""

    def act(*assignees: tuple[str, str | None], payload: Any = REFUND, **more: Any) -> str:
        ruling_names = ("quorum", "due_seconds", "own_requests", "editable")
        settled: Mapping[str, Any] = {name: more.pop(name) for name in ruling_names if name in more}
        put = {"assignees": [{"type": kind, "id": subject_id} for kind, subject_id in assignees]} if assignees else {}
        asked = Asked(**{"title": "Refund", "payload": payload, "initiator_id": requester.user_id, **more})
        with organization_scope(owner.organization_id), app.database.transaction():
            return str(Approvals(app).request(asked, PolicyDecision(**put, **settled)).id)

    return act


@pytest.fixture
def read(owner: Person) -> Callable[[str], Approval]:
    """The approval as it is in the database."""

    def act(approval_id: str) -> Approval:
        with organization_scope(owner.organization_id):
            return Approval.get_by_id(approval_id)

    return act


@pytest.fixture
def work(app: App) -> Callable[[], int]:
    """Does every job that is due now, those too that had to wait; returns how many there were."""
    maintenance = Maintenance(app, Leases(app.database, "test"), Presence(app.settings.data_dir))

    def act() -> int:
        maintenance.make_ready()
        return work_off(app)

    return act
