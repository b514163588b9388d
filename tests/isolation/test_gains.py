"""Nobody gains what they do not hold: whatever somebody does with one permission, they and their accounts may do no more afterwards.

The operations are those of the table; each is tried by somebody who holds its permission and no other one, with every object, address,
role, place and choice that its schema takes. What they may do is read from the records, before and after. So is what would run, as
whom: what they arrange runs as themselves, for they would decide what somebody else's rights are used for.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from aasim_core.bootstrap import build_app
from aasim_core.data.backends.connect import bind
from aasim_core.http.operations import Endpoint
from aasim_core.testing.apps import settings_in
from aasim_core.testing.contract.stage import Stage, name_of, running
from aasim_core.testing.databases import SqliteFolder

from .ground import HERE, all_hints
from .scene import Scene
from .standing import DONE, OF_WHAT_WAS_DONE, acting, foreign, standing
from .trials import Trials

pytestmark = pytest.mark.long
#: Operations that the caller never gets to carry out here, and why.
UNDONE = {
    "DELETE /api-keys/{api_key_id}/assignments/{grant_id}": "No key has a role.",
    "DELETE /hitl-approvals/delegations/{delegation_id}": "Delegations are their maker's.",
    "DELETE /engines/{engine_id}/rubrics/{rubric_id}/examples/{example_id}": "It needs rubrics:update for the examples of others.",
    "DELETE /organizations/{organization_id}": "It is for owners.",
    "PATCH /hitl-approvals/delegations/{delegation_id}": "Delegations are their maker's.",
    "POST /agents/{agent_id}/versions/{number}/restore": "There is one version, which is the present one.",
    "POST /auth/accept-invitation": "The token is in a mail.",
    "POST /auth/change-password": "The people of tests have no passwords.",
    "POST /connected-apps/{connected_app_id}/authorize": "No app here is authorized by people.",
    "POST /connected-apps/{connected_app_id}/refresh-token": "No app here has tokens.",
    "POST /engines/{engine_id}/rubrics/{rubric_id}/evaluations": "It needs agents:execute, too.",
    "POST /executions/{execution_id}/retry": "No run has failed.",
    "POST /job-flows/{flow_id}/rotate-token": "It needs agents:execute, too.",
    "POST /hitl-approvals/{approval_id}/approve": "No approval is put to the caller.",
    "POST /hitl-approvals/{approval_id}/escalate": "No approval is put to the caller.",
    "POST /hitl-approvals/{approval_id}/example": "No approval is decided.",
    "POST /hitl-approvals/{approval_id}/reject": "No approval is put to the caller.",
    "POST /hitl-approvals/{approval_id}/withdraw": "The caller has no vote on an approval.",
    "POST /marketplace/{listing_id}/purchase": "No other organization offers anything.",
    "POST /marketplace/{listing_id}/reviews": "The listing is the organization's own.",
    "POST /marketplace/{listing_id}/try": "The listing is the organization's own.",
    "POST /organizations/{organization_id}/restore": "It is for owners.",
    "POST /sessions/{session_id}/terminate": "It needs sessions:manage, too.",
    "PUT /hitl-approvals/delegations/{delegation_id}": "Delegations are their maker's.",
}


@cache
def _operations() -> list[str]:
    """The names of the operations that change something."""
    with TemporaryDirectory() as folder:
        endpoints = build_app(settings_in(Path(folder), {})).endpoints
        return [name_of(endpoint) for endpoint in endpoints if endpoint.in_api and endpoint.writes and endpoint.needs_caller]


@pytest.fixture(scope="module")
def stage(sqlite_folder: SqliteFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The full app, without limits of rates."""
    folder = tmp_path_factory.mktemp("gains")
    sources = build_app(settings_in(folder, {})).migration_sources
    with sqlite_folder.lent(sources) as database, running(settings_in(folder, {**HERE, **database})) as app:
        hints = all_hints(app)  # which makes apps of its own
        bind(app.database, app.models)
        yield Stage(app, hints)


@pytest.fixture(autouse=True)
def _bound(stage: Stage) -> None:
    stage.enter()


def test_every_record_whose_rights_are_used_later_is_looked_at(stage: Stage) -> None:
    assert acting(stage.app.models).keys() == DONE.keys() | OF_WHAT_WAS_DONE.keys()


def gained(scene: Scene, endpoint: Endpoint) -> tuple[int, str | None]:
    """How many trials of the operation succeeded, and the first one by which the caller gained something, or used others' rights."""
    trials = list(Trials(scene, endpoint))  # makes what they are tried with
    before, arranged, done = scene.control.rights(), standing(scene.control), 0
    for path, content in trials:
        exchange = scene.stage.ask(endpoint.method, path, scene.caller, **content)
        if exchange.status == 401:
            scene.caller = scene.stage.world.again(scene.caller)
        if not exchange.succeeded:
            continue
        done += 1
        if isinstance(exchange.data, dict) and "key" in exchange.data and "scopes" in exchange.data:
            scene.control.shown_keys.add(exchange.data["id"])
        if more := scene.control.rights() - before:
            return done, f"{exchange}\n    sent {content}\n    and gained {sorted(more)[:5]}"
        if others := foreign(scene.control, arranged):
            return done, f"{exchange}\n    sent {content}\n    and arranged that {others[0]}"
    return done, None


@pytest.mark.parametrize("narrow", [False, True], ids=["everywhere", "in one project"])
@pytest.mark.parametrize("name", _operations())
def test_who_holds_one_permission_gains_no_other(stage: Stage, name: str, narrow: bool) -> None:
    endpoint = stage.endpoints[name]
    done, flaw = gained(Scene(stage, endpoint.permission, narrow=narrow), endpoint)
    assert flaw is None, flaw
    assert done or narrow or name in UNDONE, "no trial of it succeeded, so nothing is known of it"
