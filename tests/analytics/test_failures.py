"""Failures are counted by their kind, over numbers, names and versions that differ, for whoever may see them."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import time_machine

from aasim_core.app import App
from aasim_core.context import organization_scope, system_scope
from aasim_core.tenancy.organizations_with import organizations_with
from aasim_core.testing.world import Person, World
from aasim_core.worker.runner import work_off
from aasim_plugins.executions.log import fingerprints
from aasim_plugins.executions.log.fingerprints import normalized
from aasim_plugins.executions.models import WITHOUT_FINGERPRINT, Execution

NOW = "2026-02-01T08:05:00Z"


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    """It is soon after eight o'clock, and stays so."""
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


def agent(person: Person, name: str, *replies: Any, **body: Any) -> str:
    """The id of an agent that plays the replies."""
    engine = person.client.get("/engines?provider=scripted").data["items"][0]["id"]
    made = person.client.post("/agents", {"name": name, "engine_id": engine, "parameters": {"replies": list(replies)}, **body})
    return str(made.data["id"])


def run(app: App, person: Person, agent_id: str) -> str:
    """The id of a run of it that is over."""
    execution = person.client.post(f"/agents/{agent_id}/execute", {"input": "Well?"}).data["id"]
    work_off(app)
    return str(execution)


def failures(person: Person, query: str = "") -> Mapping[str, Any]:
    """The answer."""
    answer = person.client.get(f"/analytics/failures?{query}")
    assert answer.status == 200, answer
    return dict(answer.data)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It took 31.5 s, and 30 s is the limit.", "It took 7 s, and 60 s is the limit."),
        ('The field "name" is missing.', 'The field "street" is missing.'),
        ("There is no agent_01h455vb4pex5vsknk084sn02q.", "There is no agent_01h455vb4pex5vsknk084sn02r."),
        ("https://one.example/a answered 500.", "https://two.example/b?c=d answered 502."),
    ],
)
def test_what_differs_from_run_to_run_makes_no_other_kind(one: str, other: str) -> None:
    assert normalized(one) == normalized(other)
    assert normalized(one) != normalized("Something else went wrong.")


@pytest.mark.long
def test_runs_that_failed_before_there_were_kinds_get_theirs(
    app: App, owner: Person, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprints, "_AT_ONCE", 2)
    clerk = agent(owner, "Clerk", {"fault": "refused"})
    for _ in range(5):
        run(app, owner, clerk)
    succeeded = run(app, owner, agent(owner, "Fine", "yes"))
    before = failures(owner)["rows"]
    with organization_scope(owner.organization_id), app.database.transaction():
        Execution.update(error_fingerprint=None).execute()
    assert failures(owner)["rows"] == []
    world.organization("Without failures")
    with system_scope("test"):
        assert organizations_with(Execution, WITHOUT_FINGERPRINT) == [owner.organization_id]
    with organization_scope(owner.organization_id):
        fingerprints.fill(lambda: False)
        assert Execution.get_by_id(succeeded).error_fingerprint is None
    assert failures(owner)["rows"] == before
    with system_scope("test"):
        assert organizations_with(Execution, WITHOUT_FINGERPRINT) == []


def test_failures_of_one_kind_are_one_row_with_its_versions_and_samples(app: App, owner: Person) -> None:
    clerk = agent(owner, "Clerk", {"fault": "refused"})
    first = run(app, owner, clerk)
    owner.client.patch(f"/agents/{clerk}", {"instructions": "Try harder."})
    last = run(app, owner, clerk)
    run(app, owner, agent(owner, "Other", {"fault": "auth"}))
    run(app, owner, agent(owner, "Good", "Yes."))

    told = failures(owner)
    assert (told["failures"], told["kinds"]) == (3, 2)
    row = told["rows"][0]
    assert (row["count"], row["code"], row["path"], row["tool"]) == (2, "engine_refused", "engine", None)
    assert row["subjects"] == [{"subject_id": clerk, "count": 2, "first_version": 1, "last_version": 2}]
    assert {sample["execution_id"] for sample in row["samples"]} == {first, last}
    assert row["first_at"] == row["last_at"] == NOW.replace("Z", ".000Z")


def test_the_link_leads_to_all_runs_of_the_kind_each_of_which_can_be_repeated(app: App, owner: Person) -> None:
    clerk = agent(owner, "Clerk", {"fault": "refused"})
    runs = {run(app, owner, clerk) for _ in range(2)}
    run(app, owner, agent(owner, "Other", {"fault": "auth"}))

    row = failures(owner)["rows"][0]
    listed = owner.client.get(row["executions"].removeprefix("/api/v1")).data["items"]
    assert {execution["id"] for execution in listed} == runs
    for execution in listed:
        assert owner.client.post(f"/executions/{execution['id']}/retry", {}).status == 202
    work_off(app)
    assert failures(owner)["rows"][0]["count"] == 4


def test_nobody_sees_failures_of_projects_that_are_not_theirs(app: App, world: World, owner: Person) -> None:
    projects = [owner.client.post("/projects", {"name": name}).data["id"] for name in ("One", "Two")]
    for number, project in enumerate(projects):
        run(app, owner, agent(owner, f"Clerk {number}", {"fault": "refused"}, project_id=project))
    other = world.organization("Elsewhere")
    run(app, other, agent(other, "Clerk", {"fault": "refused"}))
    viewer = world.member(owner, "viewer", node_id=projects[0])
    assert failures(owner)["failures"] == 2
    assert failures(viewer)["failures"] == 1


def test_failures_before_or_after_the_range_do_not_count(app: App, owner: Person, clock: Any) -> None:
    clerk = agent(owner, "Clerk", {"fault": "refused"})
    run(app, owner, clerk)
    clock.shift(600)
    run(app, owner, clerk)
    assert failures(owner, "from=2026-02-01T08:15:00Z")["failures"] == 1
    assert failures(owner, "from=2026-02-01T08:00:00Z&to=2026-02-01T08:15:00Z")["failures"] == 1
    assert failures(owner, "limit=1")["rows"][0]["count"] == 2
