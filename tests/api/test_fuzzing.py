"""Whatever is sent, the API answers with the envelope and a status that it documents."""

from collections.abc import Iterator
from secrets import token_hex
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.checks import CHECKS

from aasim_core.app import build_app
from aasim_core.data import migrations
from aasim_core.http.application import make_wsgi
from aasim_core.testing.apps import settings_in
from aasim_core.testing.world import Person, World

pytestmark = pytest.mark.long

_CASES_PER_OPERATION = 100
#: What a schema cannot say (which values the rules of a feature refuse), and what the isolation matrix tries with more credentials.
_NOT_SAID = ("positive_data_acceptance", "negative_data_rejection", "ignored_auth")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The application over a database of its own."""
    app = build_app(settings_in(tmp_path_factory.mktemp("fuzzed"), {}, **{"database.durability": "normal"}))
    migrations.migrate(app.database, app.migration_sources)
    with app.database.connected():
        yield World(app, make_wsgi(app))


def _operations(wsgi: Any) -> Iterator[Any]:
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", wsgi)
    for result in schema.get_all_operations():
        if "/docs" not in result.ok().path:
            yield result.ok()


def _real_ids(world: World, person: Person) -> dict[str, str]:
    """Ids of objects that are there, by the names of path parameters: what random ids never hit."""
    agent = person.client.post("/agents", {"name": f"Agent {token_hex(8)}"}).data["id"]
    execution = person.client.post(f"/agents/{agent}/execute", {"input": "x"}).data["id"]
    engine = person.client.get("/engines").data["items"][0]["id"]
    criterion = {"key": "short", "weight": 1, "grader": "length", "params": {"max": 9}}
    rubric = person.client.post(f"/engines/{engine}/rubrics", {"name": f"Rubric {token_hex(8)}", "criteria": [criterion]}).data[
        "id"
    ]
    person.client.post(f"/engines/{engine}/rubrics/{rubric}/examples", {"input": "x"})
    key = person.client.post("/api-keys", {"name": "A key", "scopes": ["agents:read"]}).data["id"]
    user = person.client.post("/users", {"name": "A service user", "kind": "service"}).data["id"]
    app = {"provider": "http", "auth_type": "bearer", "config": {"base_url": "https://x.invalid"}, "credentials": {"token": "x"}}
    connected = person.client.post("/connected-apps", {"name": f"App {token_hex(8)}", **app}).data["id"]
    session = world.again(person).client.get("/sessions").data["items"][0]["id"]
    return {
        "agent_id": agent, "execution_id": execution, "engine_id": engine, "number": "1", "api_key_id": key, "session_id": session,
        "user_id": user, "organization_id": person.organization_id, "rubric_id": rubric, "connected_app_id": connected,
    }  # fmt: skip


def _fuzz(operation: Any, person: Person, ids: dict[str, str]) -> int:
    """Try one operation, every other time on objects that are there; returns how often."""
    checks = [check for check in CHECKS.get_all() if check.__name__ not in _NOT_SAID]
    asked = 0

    @hypothesis.given(case=operation.as_strategy())
    @hypothesis.settings(
        max_examples=_CASES_PER_OPERATION,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def every_case(case: schemathesis.Case) -> None:
        nonlocal asked
        asked += 1
        if asked % 2:
            case.path_parameters = {name: ids.get(name, value) for name, value in (case.path_parameters or {}).items()}
        response = case.call(headers={"Authorization": f"Bearer {person.client.token}"})
        case.validate_response(response, checks=checks)

    every_case()
    return asked


def test_every_answer_is_as_documented(world: World) -> None:
    asked, faults = 0, []
    for operation in _operations(world.anonymous.wsgi):
        person = world.organization()  # logging out, and deleting the organization, are among the operations
        try:
            asked += _fuzz(operation, person, _real_ids(world, person))
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - told together at the end
            told = [str(part) for part in getattr(error, "exceptions", [error])]
            faults.append(f"{operation.method.upper()} {operation.path}: {told}"[:1500])
    assert faults == []
    assert asked >= 3000
