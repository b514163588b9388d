"""An object of every resource that has PATCH, in no field as it would be by default, and what is changed of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..processes.client import Client

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """What is created at `collection`, and the changes that are tried, one after the other.

    ``{agent_id}`` in a text stands for the object of an earlier case, by the name of its path parameter.
    """

    collection: str
    create: Body
    changes: Sequence[Body] = field(default=({"name": "Renamed"},))


CASES: Sequence[Case] = (
    Case(
        "/organizations/{organization_id}",
        {
            "name": "Acme", "slug": "acme-and-co", "timezone": "Europe/Vienna",
            "settings": {"api_keys": {"max_age_days": 90}, "activities": {"retention_days": 3650}},
        },
        ({"name": "Acme and Sons"}, {"settings": {"api_keys": {"max_age_days": 30}}}),
    ),
    Case(
        "/branches/{branch_id}",
        {
            "name": "Vienna", "code": "VIE", "timezone": "Europe/Vienna", "holidays": ["2026-12-25"], "status": "inactive",
            "manager_id": "{member_id}",
            "address": {"street": "Main Street 1", "city": "Vienna", "country": "AT"},
            "business_hours": [{"day": "monday", "opens": "09:00", "closes": "17:00"}],
        },
        ({"name": "Vienna West"}, {"address": {"street": "Main Street 2"}}),
    ),
    Case(
        "/departments/{department_id}",
        {
            "name": "Customer care", "code": "CARE", "cost_center": "4711", "status": "inactive", "branch_id": "{home_id}",
            "head_id": "{member_id}", "parent_id": "{parent_id}",
        },
        ({"name": "Service"},),
    ),
    Case(
        "/projects/{project_id}",
        {
            "name": "Website", "key": "WEB", "description": "The shop.", "tags": ["shop"],
            "budget": {"amount": 5000, "currency": "EUR", "period": "month"}, "lead_id": "{member_id}",
            "branch_id": "{home_id}", "department_id": "{department_id}",
        },
        ({"name": "Shop"}, {"budget": {"amount": 6000}}),
    ),
    Case(
        "/users/{user_id}",
        {
            "name": "Grace Hopper", "email": "grace@example.org", "timezone": "Europe/Vienna", "locale": "de-AT",
            "branch_id": "{home_id}", "department_id": "{department_id}", "manager_id": "{member_id}",
        },
        ({"name": "Grace B. Hopper"},),
    ),
    Case(
        "/teams/{team_id}",
        {"name": "Support", "description": "Answers.", "slug": "first-line", "lead_id": "{member_id}"},
        ({"name": "First line"},),
    ),
    Case("/roles/{role_id}", {"name": "Reader", "description": "Reads.", "permissions": ["agents:read"]}, ({"name": "Readers"},)),
    Case(
        "/api-keys/{api_key_id}",
        {
            "name": "Backend", "description": "The shop's.", "scopes": ["agents:read"], "allowed_ips": ["127.0.0.0/8"],
            "rate_limit": 50, "expires_at": "2026-12-24T00:00:00Z", "project_id": "{project_id}",
        },
        ({"name": "Shop"},),
    ),
    Case(
        "/engines/{engine_id}",
        {
            "name": "OpenAI", "provider": "openai_compatible", "model": "gpt-x", "status": "disabled", "context_tokens": 4096,
            "default_parameters": {"temperature": 0.1}, "limits": {"rpm": 10, "tpm": 1000, "concurrency": 2},
            "capabilities": {"streaming": True, "judge": True},
            "prices": [{"input": 1, "output": 2, "currency": "EUR", "valid_from": "2026-01-01"}],
            "fallback_engine_ids": ["{fallback_id}"], "api_key": "a-key", "base_url": "https://x.invalid",
        },
        ({"name": "The script"}, {"limits": {"rpm": 20}}, {"capabilities": {"judge": False}}),
    ),
    Case(
        "/engines/{engine_id}/rubrics/{rubric_id}",
        {
            "name": "Short", "description": "Is it short?", "aggregation": "all", "threshold": 0.9, "min_coverage": 1, "on_fail": "retry",
            "criteria": [{"key": "short", "weight": 1, "grader": "length", "parameters": {"max": 9}, "must_pass": True}],
            "status": "disabled", "applies_to": "named", "judge_engine_id": "{engine_id}",
        },
        ({"name": "Brief"},),
    ),
    Case(
        "/engines/{engine_id}/rubrics/{rubric_id}/examples/{example_id}",
        {"name": "The first", "input": {"question": "?"}, "expected": "!", "source": {"type": "approval", "id": "1"}},
        ({"name": "The second"},),
    ),
    Case(
        "/agents/{agent_id}",
        {
            "name": "Clerk", "slug": "the-clerk", "description": "Refunds.", "tags": ["shop"], "instructions": "Refund what is asked for.",
            "engine_id": "{engine_id}", "parameters": {"seed": 7}, "status": "paused", "visibility": "private",
            "input_schema": {"type": "object"}, "output_schema": {"type": "object"}, "rubric_ids": ["{rubric_id}"],
            "project_id": "{project_id}", "tools": [{"ref": "agent:{helper_id}", "approval": "always"}],
            "memory": {"mode": "none", "limit": 3}, "limits": {"max_steps": 5, "max_tokens": 999, "timeout_seconds": 60},
        },
        ({"name": "Renamed"}, {"limits": {"max_steps": 6}}, {"memory": {"limit": 4}}),
    ),
    Case(
        "/workflows/{workflow_id}",
        {
            "name": "Refunds", "description": "Of the shop.", "project_id": "{project_id}", "tags": ["shop"], "status": "paused",
            "definition": {"language": 1, "nodes": [{"id": "greet", "type": "transform", "config": {"value": "Hello."}}], "edges": []},
        },
        ({"name": "Renamed"}, {"description": "Of all shops."}),
    ),
    Case(
        "/job-flows/{flow_id}",
        {
            "name": "Every weekday", "description": "Reports.", "project_id": "{project_id}", "input": {"question": "What is new?"},
            "target": {"type": "agent", "id": "{agent_id}", "version": 1}, "jitter_seconds": 60, "auto_pause_after": 3,
            "expect_within_seconds": 100_000,
            "trigger": {"type": "cron", "expression": "0 9 * * *", "timezone": "Europe/Vienna", "dst_gap": "skip", "dst_fold": "both"},
            "calendar": {"only": "business_hours", "country": "AT", "excluded_dates": ["2030-12-24"]},
            "misfire": {"policy": "run_all", "max": 5, "window_seconds": 3600}, "overlap": {"policy": "queue", "max": 3},
            "starts_at": "2030-01-01T00:00:00Z", "ends_at": "2040-01-01T00:00:00Z",
        },
        ({"name": "Every day"}, {"jitter_seconds": 30}, {"misfire": {"max": 3}}, {"overlap": {"max": 5}}),
    ),
    Case(
        "/marketplace/{listing_id}",
        {
            "agent_id": "{agent_id}", "title": "Invoice clerk", "summary": "Reads invoices.", "description": "It reads invoices.",
            "category": "finance", "tags": ["invoices"], "license": "For yourselves.", "visibility": "instance",
            "price": {"type": "one_time", "amount": 5000, "currency": "credits"}, "status": "draft",
            "agent_version": 1, "effects": ["read", "write", "delete"], "examples": [{"input": "An invoice.", "expected": "Its sum."}],
        },
        ({"title": "Clerk"}, {"price": {"amount": 6000}}),
    ),
    Case(
        "/budgets/{budget_id}",
        {
            "name": "Monthly", "place": {"type": "agent", "id": "{agent_id}"}, "period": "week", "timezone": "Europe/Vienna",
            "max_cost": 1000, "currency": "EUR", "max_tokens": 5000, "unpriced": "allow", "warn_percents": [50, 90], "status": "disabled",
        },
        ({"name": "Weekly"},),
    ),
    Case(
        "/connected-apps/{connected_app_id}",
        {
            "name": "Shop", "description": "Orders.", "provider": "http", "auth_type": "bearer", "config": {"base_url": "https://x.invalid"},
            "credentials": {"token": "a-token"}, "scopes": ["orders.read"], "project_id": "{project_id}",
            "shared_with": [{"type": "user", "id": "{member_id}"}],
        },
        ({"name": "Orders"},),
    ),
    Case(
        "/webhooks/{webhook_id}",
        {
            "url": "https://x.invalid/hook", "events": ["agents.*"], "description": "Back office", "payload": "thin",
            "filter": "event.version > 1", "format": "cloudevents", "headers": {"Authorization": "a-token"}, "order": "by_subject",
        },
        ({"description": "The shop"}, {"filter": "event.version > 2  // A comment."}),
    ),
    Case(
        "/hitl-approvals/policies/{policy_id}",
        {
            "name": "Refunds", "position": 7, "status": "disabled", "required": False, "kinds": ["tool_call"], "tool": "orders_*",
            "effects": ["pay"], "verdicts": ["fail"], "condition": "risk == 'high'",
            "assignees": [{"type": "role", "id": "{role_id}"}], "quorum": 2, "due_seconds": 60, "own_requests": True,
            "editable": ["/arguments/amount"],
        },
        ({"name": "Large refunds"},),
    ),
    Case(
        "/hitl-approvals/delegations/{delegation_id}",
        {"to_user_id": "{member_id}", "expires_at": "2099-01-31T09:00:00.000Z", "reason": "On holiday.", "from_user_id": "{owner_id}"},
        ({"reason": "On leave."},),
    ),
)  # fmt: skip


def created(owner: Client) -> Mapping[str, Mapping[str, str]]:
    """Create the object of each case; returns the ids of its path, by the case's collection."""
    known, made = _others(owner), {}
    for case in CASES:
        collection, _, last = case.collection.rpartition("/")
        answer = owner.post(_filled(collection, known), _filled(case.create, known))
        assert answer.status == 201, (case.collection, answer)
        known[last.strip("{}")] = answer.data["id"]
        made[case.collection] = {name: known[name] for name in re.findall(r"\{(\w+)\}", case.collection)}
    return made


def _others(owner: Client) -> dict[str, str]:
    """The ids of what the objects of the cases name and is in no case before them; a service user needs no invitation."""
    asked: Mapping[str, tuple[str, Body]] = {
        "member_id": ("/users", {"name": "A service", "kind": "service"}),
        "home_id": ("/branches", {"name": "Head office", "code": "HEAD"}),
        "parent_id": ("/departments", {"name": "Everything", "code": "ALL", "branch_id": "{home_id}"}),
        "fallback_id": ("/engines", {"name": "Another one", "provider": "scripted", "model": "scripted-1"}),
        "helper_id": ("/agents", {"name": "Helper", "description": "Helps.", "engine_id": "{fallback_id}"}),
    }
    known: dict[str, str] = {"owner_id": owner.get("/auth/me").data["user"]["id"]}
    for name, (collection, body) in asked.items():
        answer = owner.post(collection, _filled(body, known))
        assert answer.status == 201, answer
        known[name] = str(answer.data["id"])
    return known


def _filled(value: Any, known: Mapping[str, str]) -> Any:
    """The value with the ids of objects that are there."""
    if isinstance(value, Mapping):
        return {name: _filled(each, known) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, known) for each in value]
    return re.sub(r"\{(\w+)\}", lambda match: known[match[1]], value) if isinstance(value, str) else value
