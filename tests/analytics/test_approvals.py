"""Approvals are counted when they are decided: how many were approved, and how long that took."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import from_text
from aasim_core.context import organization_scope, system_scope
from aasim_core.testing.world import Person, World
from aasim_core.worker.runner import work_off
from aasim_plugins.analytics.models import Quarter
from aasim_plugins.analytics.rollups import facts, rollup, verification
from aasim_plugins.analytics.rollups.cube import read, text_of
from aasim_plugins.executions.log import retention
from aasim_plugins.hitl_approvals.models import Approval

from ..executions.conftest import Shed, scripted, shed
from .conftest import AGENT, Decided, Ended, approve

__all__ = ["scripted", "shed"]

Go = Callable[[], None]
AT = "2026-01-31T10:00:00Z"
_SINCE, _UNTIL = from_text("2026-01-01T00:00:00Z"), from_text("2026-03-01T00:00:00Z")
_RANGE = "from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z"


def total(person: Person, query: str = "") -> list[dict[str, Any]]:
    """The rows of two months, or of each group."""
    return list(person.client.get(f"/analytics/executions?{_RANGE}&interval=total{query}").data["rows"])


def test_the_rate_is_of_what_was_decided_or_expired_and_the_time_of_what_people_decided(decided: Decided, owner: Person) -> None:
    for seconds in range(1, 101):
        decided(AT, status="approved" if seconds % 4 else "rejected", seconds=seconds)
    for _ in range(25):
        decided(AT, status="expired", seconds=9_999)
        decided(AT, status="cancelled", seconds=9_999)
    [row] = total(owner)
    assert (row["approved"], row["rejected"], row["expired"], row["approval_rate"]) == (75, 25, 25, 0.6)
    assert row["decision_ms"]["mean"] == 50_500
    assert abs(row["decision_ms"]["p50"] - 50_000) <= 500
    assert abs(row["decision_ms"]["p95"] - 95_000) <= 950
    assert (row["runs"], row["calls"]) == (0, 0)


def test_where_nothing_was_decided_there_is_no_rate(ended: Ended, owner: Person) -> None:
    ended(AT)
    [row] = total(owner)
    assert (row["approved"], row["approval_rate"], row["decision_ms"]) == (0, None, None)


def test_approvals_are_grouped_as_calls_are(ended: Ended, decided: Decided, owner: Person) -> None:
    run = ended(AT, subject_version=3, trigger_type="schedule")
    decided(AT, of_run=run)
    decided(AT, status="rejected")
    by = {name: total(owner, f"&group_by={name}") for name in ("agent,version", "trigger", "status", "engine")}
    assert [(*row["group"].values(), row["approved"]) for row in by["agent,version"]] == [(AGENT, 3, 1), (None, None, 0)]
    assert [(*row["group"].values(), row["approval_rate"]) for row in by["trigger"]] == [("schedule", 1.0), (None, 0.0)]
    assert [(row["approved"], row["approval_rate"], row["decision_ms"]) for row in by["status"]] == [(None, None, None)]
    assert [row["approved"] for row in by["engine"]] == [0, 1]  # the engine of the run, and none


def test_a_table_has_them_too(decided: Decided, owner: Person) -> None:
    decided(AT, seconds=2)
    decided(AT, status="rejected", seconds=4)
    text = owner.client.get(f"/analytics/executions?{_RANGE}&interval=total&format=csv").body
    [row] = csv.DictReader(io.StringIO(text))
    assert [row[name] for name in ("approved", "rejected", "expired", "approval_rate", "decision_ms_mean")] == [
        "1", "1", "0", "0.5", "3000",
    ]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_what_people_decide_is_counted_once_with_the_time_that_it_took(
    app: App, world: World, owner: Person, scripted: Any, shed: Shed, verb: str
) -> None:
    reply = {"tool_calls": [{"name": "hammer", "arguments": {"what": "nail"}}]}
    agent = scripted(reply, "done", tools=[{"ref": shed.add("hammer", effect="pay")}])
    owner.client.post(f"/agents/{agent['id']}/execute", {"input": "Go."})
    work_off(app)
    approver = world.member(owner, "approver")
    [asked] = approver.client.get("/hitl-approvals/pending").data["items"]
    answer = approver.client.post(f"/hitl-approvals/{asked['id']}/{verb}", {"comment": "So be it."})
    assert answer.status == 200
    work_off(app)
    [row] = owner.client.get("/analytics/agents").data["rows"]
    assert (row["group"], row["runs"]) == ({"agent_id": agent["id"]}, 1)
    assert (row["approved"], row["rejected"]) == ((1, 0) if verb == "approve" else (0, 1))
    took = from_text(answer.data["decision"]["decided_at"]) - from_text(asked["created_at"])
    assert row["decision_ms"]["mean"] == took / timedelta(milliseconds=1)


def test_what_is_written_and_what_is_not_yet_give_one_answer(decided: Decided, roll_up: Go, owner: Person) -> None:
    for seconds, at in enumerate((AT, "2026-01-31T10:14:59Z", "2026-01-31T10:15:00Z")):
        decided(at, seconds=seconds)
    before = total(owner, "&group_by=agent")
    roll_up()
    with organization_scope(owner.organization_id):
        assert Quarter.select().count() == 2
    assert total(owner, "&group_by=agent") == before


def test_what_has_no_approvals_is_written_as_before_there_were_any(app: App, ended: Ended, owner: Person) -> None:
    ended(AT)
    with organization_scope(owner.organization_id):
        entries = read(text_of(facts.counted(app, _SINCE, _UNTIL)[from_text(AT)]))
    assert [(len(sums), len(rest)) for _, sums, *rest in entries] == [(12, 3)] * 2  # the call, and the run


def test_a_verification_finds_what_is_not_as_the_approvals_say(app: App, decided: Decided, roll_up: Go, owner: Person) -> None:
    approval = decided(AT)
    roll_up()
    with organization_scope(owner.organization_id):
        assert verification.verify(app, _SINCE, _UNTIL).differing == []
        with app.database.transaction():
            Approval.update(status="rejected").where(Approval.id == approval.id).execute()
        assert verification.verify(app, _SINCE, _UNTIL).differing == [from_text(AT)]


def test_an_organization_in_which_only_something_was_decided_is_counted(app: App, decided: Decided, owner: Person) -> None:
    decided(AT)
    with system_scope("test"):
        assert rollup.organizations(app) == [owner.organization_id]


def test_what_is_counted_stays_when_approvals_go_with_their_runs(
    app: App, ended: Ended, decided: Decided, roll_up: Go, owner: Person
) -> None:
    long_ago = "2024-01-31T10:00:00Z"
    decided(long_ago, of_run=ended(long_ago))
    with organization_scope(owner.organization_id):
        retention.prune_some(app, owner.organization_id)
        assert not Approval.select().exists()
    roll_up()
    [row] = owner.client.get("/analytics/executions?from=2024-01-01T00:00:00Z&interval=total").data["rows"]
    assert (row["runs"], row["approved"]) == (1, 1)


def test_approvals_of_another_organization_are_in_no_answer(app: App, world: World, owner: Person) -> None:
    canary = world.organization("Canary")
    approve(app, canary, AT)
    assert total(owner) == []
    assert [row["approved"] for row in total(canary)] == [1]
