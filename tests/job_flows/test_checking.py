"""What a job flow can be, and what is told to who writes one that never comes due, comes due too often, or cannot be started."""

from typing import Any

import pytest

from aasim_core.testing.world import World

from .conftest import Flows

SOME = {"type": "cron", "expression": "0 9 * * *"}


@pytest.mark.parametrize(
    ("trigger", "field", "code", "advice"),
    [
        ({"type": "cron"}, "trigger.expression", "required", "Write an expression"),
        ({"type": "interval"}, "trigger.seconds", "required", "Write how many seconds"),
        ({"type": "once"}, "trigger.due_at", "required", "Write when"),
        ({"type": "cron", "expression": "0 0 30 2 *"}, "trigger.expression", "invalid_format", "leaves no day"),
        ({"type": "cron", "expression": "0 0 9 * * *"}, "trigger.expression", "invalid_format", "use the type interval"),
        ({**SOME, "timezone": "Europe/Berlyn"}, "trigger.timezone", "invalid_choice", "Europe/Berlin"),
        ({"type": "interval", "seconds": 30}, "trigger.seconds", "out_of_range", "Write at least 60 seconds"),
        ({"type": "once", "due_at": "2026-03-02T07:29:59Z"}, "trigger.due_at", "out_of_range", "still to come"),
        (
            {**SOME, "seconds": 60},
            "trigger.seconds",
            "invalid_choice",
            "This is for the type interval; leave it out with the type cron",
        ),
        ({"type": "manual", "timezone": "UTC"}, "trigger.timezone", "invalid_choice", "This is for the type cron; leave it out"),
    ],
)
def test_a_trigger_that_is_none_is_told_what_to_write(
    flows: Flows, trigger: dict[str, Any], field: str, code: str, advice: str
) -> None:
    answer = flows.ask(trigger)
    assert answer.codes == {field: [code]}
    assert advice in answer.body["errors"][field][0]["message"]


@pytest.mark.parametrize(
    ("calendar", "codes"),
    [
        ({"country": "XX"}, {"calendar.country": ["invalid_choice"]}),
        ({"country": "DE", "subdivision": "XX"}, {"calendar.subdivision": ["invalid_choice"]}),
        ({"subdivision": "BE"}, {"calendar.country": ["required"]}),
        ({"branch_id": "branch_01h455vb4pex5vsknk084sn02q"}, {"calendar.branch_id": ["invalid_reference"]}),
    ],
)
def test_a_calendar_that_is_none_is_refused(flows: Flows, calendar: dict[str, Any], codes: Any) -> None:
    assert flows.ask(SOME, calendar=calendar).codes == codes


def test_a_calendar_that_leaves_nothing_is_refused(flows: Flows) -> None:
    answer = flows.ask({"type": "cron", "expression": "0 9 * * SUN"}, calendar={"only": "business_days"})
    assert answer.codes == {"calendar": ["out_of_range"]}
    assert "not_a_business_day" in answer.body["errors"]["calendar"][0]["message"]


def test_a_time_that_ends_before_anything_is_due_is_refused(flows: Flows) -> None:
    late = {"ends_at": "2026-03-02T07:45:00Z"}
    assert flows.ask(SOME, **late).codes == {"ends_at": ["out_of_range"]}
    assert flows.ask({"type": "interval", "seconds": 60}, **late, starts_at="2026-03-03T00:00:00Z").codes == {
        "ends_at": ["out_of_range"]
    }


@pytest.mark.parametrize(
    ("given", "field"),
    [("{{ event.id }}", "input"), ({"a": ["{{ due.at"]}, "input.a[0]"), ({"a": {"b": "{{ 1 + }}"}}, "input.a.b")],
)
def test_an_expression_that_is_none_is_named_with_its_place(flows: Flows, given: Any, field: str) -> None:
    assert flows.ask(SOME, input=given).codes == {field: ["invalid_format"]}


def test_an_input_that_the_agent_does_not_take_is_refused(flows: Flows) -> None:
    schema = {"type": "object", "properties": {"day": {"type": "string"}}, "required": ["day"]}
    agent_id = flows.make_agent("Strict", input_schema=schema)
    assert flows.ask(SOME, agent_id=agent_id, input={"day": 1}).codes == {"input.day": ["invalid_format"]}
    assert flows.ask(SOME, agent_id=agent_id, input={"day": "{{ due.date }}"}).status == 201


@pytest.mark.parametrize(
    ("target", "codes"),
    [
        ({"type": "robot", "id": "agent_01h455vb4pex5vsknk084sn02q"}, {"target.type": ["invalid_choice"]}),
        ({"type": "agent", "id": "agent_01h455vb4pex5vsknk084sn02q"}, {"target.id": ["invalid_reference"]}),
    ],
)
def test_what_cannot_be_started_is_refused(flows: Flows, target: dict[str, Any], codes: Any) -> None:
    assert flows.ask(SOME, target=target).codes == codes


def test_a_version_that_there_is_not_is_refused(flows: Flows) -> None:
    target = {"type": "agent", "id": flows.agent_id, "version": 7}
    assert flows.ask(SOME, target=target).codes == {"target.version": ["invalid_reference"]}


def test_a_name_is_unique(flows: Flows) -> None:
    flows.make(SOME)
    assert flows.ask(SOME).codes == {"name": ["not_unique"]}


def test_a_flow_is_there_for_who_may_see_its_project(flows: Flows, world: World) -> None:
    secret, other = (flows.client.post("/projects", {"name": key, "key": key}).data["id"] for key in ("SECRET", "OTHER"))
    flow_id = flows.make(SOME, project_id=secret)
    members = [world.member(flows.owner, "viewer", project_id).client for project_id in (secret, other)]
    assert [member.get(f"/job-flows/{flow_id}").status for member in members] == [200, 404]
    assert [len(member.get("/job-flows").data["items"]) for member in members] == [1, 0]


def test_a_preview_shows_what_the_clock_and_the_calendar_do(flows: Flows) -> None:
    trigger = {"type": "cron", "expression": "30 2 * * *", "timezone": "Europe/Berlin", "dst_fold": "both"}
    calendar = {"only": "any_day", "excluded_dates": ["2026-10-24"]}
    body = {"trigger": trigger, "calendar": calendar, "after_at": "2026-10-23T12:00:00Z", "count": 2}
    found = flows.client.post("/job-flows/preview", body).data["due_times"]
    assert [(due["local_time"], due["marks"], due["skipped"]) for due in found] == [
        ("2026-10-24T02:30:00+02:00", [], "excluded_date"),
        ("2026-10-25T02:30:00+02:00", ["first_of_two"], None),
        ("2026-10-25T02:30:00+01:00", ["second_of_two"], None),
    ]


def test_a_preview_of_a_manual_trigger_is_empty(flows: Flows) -> None:
    assert flows.client.post("/job-flows/preview", {"trigger": {"type": "manual"}}).data == {"due_times": []}
