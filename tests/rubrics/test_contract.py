"""The contract that every plugin keeps, kept by rubrics."""

from collections.abc import Mapping
from typing import Any

from aasim_core.context import organization_scope
from aasim_core.data import records
from aasim_core.testing.contract import PluginContract
from aasim_core.testing.world import Person, World
from aasim_plugins.rubrics.models import DONE, Evaluation, Score

_UNDER = "/engines/{engine_id}/rubrics/{rubric_id}"
_CRITERION = {"key": "short", "weight": 1, "grader": "length", "parameters": {"max": 500}}


def _score(world: World, person: Person, ids: Mapping[str, str]) -> str:
    """A score as a run would get it."""
    with world.app.database.transaction(), organization_scope(person.organization_id):
        facts = {"key": "short", "grader": "length", "score": 1.0, "verdict": "pass", "reason": "It has 3 characters."}
        return str(records.create(Score, rubric_id=ids["rubric_id"], rubric_version=1, **facts).id)


def _evaluate(world: World, person: Person, ids: Mapping[str, str]) -> str:
    path = f"/engines/{ids['engine_id']}/rubrics/{ids['rubric_id']}"
    assert person.client.post(f"{path}/examples", {"input": "Hello"}).status == 201
    first, second = (person.client.post(f"{path}/evaluations", _agent(world, person)).data for _ in range(2))
    with world.app.database.transaction(), organization_scope(person.organization_id):
        Evaluation.update(status=DONE).where(Evaluation.id == first["id"]).execute()
    return str(second["id"])  # which can be compared with the one before


def _agent(world: World, person: Person) -> Mapping[str, Any]:
    items = person.client.get("/agents").data["items"]
    agent = items[0] if items else person.client.post("/agents", {"name": "Echo"}).data
    return {"agent_id": agent["id"]}


def _rubric(world: World, person: Person, ids: Mapping[str, str]) -> str:
    engine = person.client.get("/engines?provider=scripted").data["items"][0]["id"]
    return str(person.client.post(f"/engines/{engine}/rubrics", {"name": "Listed", "criteria": [_CRITERION]}).data["id"])


class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "rubrics"
    companions = ("engine_scripted", "agents", "executions")
    samples = {
        "POST /engines": {"name": "Mine", "provider": "scripted"},
        "POST /engines/{engine_id}/rubrics": {"name": "Quality", "criteria": [_CRITERION]},
        f"PUT {_UNDER}/examples/{{example_id}}": {"input": "Something else"},
        f"PATCH {_UNDER}/examples/{{example_id}}": {"expected": "Something else"},
        f"POST {_UNDER}/score": {"input": "Summarize this.", "output": "Short."},
        f"POST {_UNDER}/evaluations": _agent,
    }
    members = {f"{_UNDER}/scores/{{score_id}}": _score, f"{_UNDER}/evaluations/{{evaluation_id}}": _evaluate}
    rows = {"GET /rubrics": _rubric, f"GET {_UNDER}/scores": _score, f"GET {_UNDER}/evaluations": _evaluate}
    before = {
        f"POST {_UNDER}/evaluations": lambda client, path: client.post(
            path.replace("/evaluations", "/examples"), {"input": "Hello"}
        )
    }
    everywhere = {
        f"{method} {path}": "rubrics belong to engines, which whoever has an agent somewhere may read"
        for method, path in (
            ("GET", "/rubrics"),
            ("GET", "/engines/{engine_id}/rubrics"),
            ("GET", _UNDER),
            ("GET", f"{_UNDER}/versions"),
            ("GET", f"{_UNDER}/agreement"),
            ("GET", f"{_UNDER}/examples"),
            ("GET", f"{_UNDER}/examples/{{example_id}}"),
            ("GET", f"{_UNDER}/scores"),
            ("GET", f"{_UNDER}/evaluations"),
            ("POST", f"{_UNDER}/evaluations"),
        )
    }
    silent = {f"POST {_UNDER}/score": "it tries a rubric, and keeps nothing"}
