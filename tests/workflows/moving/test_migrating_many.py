"""A thousand runs move at once, in the background, in well under a minute."""

import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.data.backends.sqlite.database import SqliteDatabase
from aasim_core.testing.statements import recorded
from aasim_core.testing.world import Person
from aasim_plugins.executions.models import Execution
from aasim_plugins.workflows import service

from ..conftest import edge, node

pytestmark = pytest.mark.long
_RUNS = int(os.environ.get("MIGRATED_RUNS", "1000"))
_NODES = [node("pack", value="{{ input }}"), node("paid", "wait", signal={"name": "paid"})]


def test_a_thousand_runs_move_in_less_than_a_minute(owner: Person, make: Any, app: App, work: Callable[[], int]) -> None:
    workflow = make(_NODES, "pack>paid")
    for start in range(0, _RUNS, 100):
        with organization_scope(owner.organization_id), app.database.transaction():
            found = service.find_live(workflow["id"])
            for number in range(start, min(start + 100, _RUNS)):
                service.start(app, found, number, owner.user_id)
        work()
    later = {"language": 1, "nodes": [*_NODES, node("then")], "edges": [edge("pack>paid"), edge("paid>then")]}
    owner.client.patch(f"/workflows/{workflow['id']}", {"definition": later})
    body = {"filter": {"workflow_id": workflow["id"]}, "to": 2}
    began = time.monotonic()
    plan = owner.client.post("/workflows/executions/migrate", {**body, "dry_run": True}).data
    told = time.monotonic()
    asked = owner.client.post("/workflows/executions/migrate", body)
    accepted = time.monotonic()
    with recorded(app.database) as sent:
        work()
    ended = time.monotonic()
    seconds = {"told": told - began, "accepted": accepted - told, "moved": ended - accepted}
    print(_RUNS, {name: round(each, 1) for name, each in seconds.items()})  # noqa: T201 - the figure, with -s
    assert plan["verdicts"] == [{"verdict": "moves", "count": _RUNS}]
    batch = owner.client.get(f"/workflows/{workflow['id']}/batches/{asked.data['batch_id']}").data
    assert (batch["status"], batch["verdicts"]) == ("done", plan["verdicts"])
    with organization_scope(owner.organization_id):
        assert Execution.select().where(Execution.subject_version == 2).count() == _RUNS
    assert ended - accepted < 60
    if not isinstance(app.database, SqliteDatabase):
        assert len(sent) < _RUNS  # many runs in one statement, as they come
