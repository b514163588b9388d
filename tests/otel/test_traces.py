"""A trace goes from the request through the worker to the child run, the engine and the tool, and on to the service behind it."""

from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes, http_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.semconv.attributes import error_attributes
from opentelemetry.semconv.schemas import Schemas

from aasim_core.testing.world import Person, World
from aasim_plugins.otel.conventions import SCHEMA_URL

from ..connected_apps.peers import Response, Service
from .conftest import CALLER, TRACE, TRACEPARENT, Receiver, Told

Sent = Callable[[Person], list[Told]]
CANARY = "canary-5f1d"


def scripted(owner: Person, name: str, *replies: Any, tools: Any = ()) -> str:
    """The id of an agent that plays the replies."""
    engine = owner.client.get("/engines?provider=scripted").data["items"][0]["id"]
    body = {"name": name, "engine_id": engine, "parameters": {"replies": list(replies)}, "tools": list(tools)}
    return str(owner.client.post("/agents", body).data["id"])


def call(name: str, **arguments: Any) -> dict[str, Any]:
    """A turn that calls one tool."""
    return {"tool_calls": [{"name": name, "arguments": arguments}]}


def clerk(owner: Person, service: Service) -> str:
    """An agent that asks a service for an order."""
    service.answers["/orders/7"] = lambda received: Response(200, {"open": True})
    operation = {
        "name": "get_order", "description": "Read an order.", "method": "GET", "path": "/orders/{order_id}",
        "arguments": {"properties": {"order_id": {"type": "string"}}, "required": ["order_id"]},
    }  # fmt: skip
    config = {"base_url": service.url, "operations": [operation]}
    body = {"name": "Orders", "provider": "http", "auth_type": "bearer", "credentials": {"token": "t"}, "config": config}
    made = owner.client.post("/connected-apps", body).data["id"]
    tools = [{"ref": f"app:{made}/get_order"}]
    return scripted(owner, "Clerk", call("orders_get_order", order_id="7"), "It is open.", tools=tools)


def one(spans: list[Told], name: str) -> Told:
    """The only span of that name."""
    (found,) = [span for span in spans if span.name == name]
    return found


@pytest.mark.long
def test_a_trace_goes_from_the_request_to_the_service_that_a_child_run_asks(
    owner: Person, service: Service, work: Callable[[], int], sent: Sent
) -> None:
    child = clerk(owner, service)
    boss = scripted(owner, "Boss", call("clerk", input="Is 7 open?"), "Yes.", tools=[{"ref": f"agent:{child}"}])
    owner.client.post(f"/agents/{boss}/execute", {"input": "Is order 7 open?"}, traceparent=TRACEPARENT)
    work()

    spans = [span for span in sent(owner) if span.trace == TRACE]
    request = one(spans, "POST /api/v1/agents/{agent_id}/execute")
    run, tool = one(spans, "invoke_agent Boss"), one(spans, "execute_tool clerk")
    inner, last = one(spans, "invoke_agent Clerk"), one(spans, "execute_tool orders_get_order")
    assert [request.parent, run.parent, tool.parent, inner.parent, last.parent] == [
        CALLER, request.id, run.id, tool.id, inner.id,
    ]  # fmt: skip
    assert [each.parent for each in spans if each.name == "chat script"] == [run.id, inner.id, inner.id, run.id]
    assert service.received[0].headers["traceparent"] == f"00-{TRACE}-{last.id}-01"
    assert run.started_at <= inner.started_at <= last.started_at <= last.ended_at <= inner.ended_at <= run.ended_at


@pytest.mark.long
def test_a_run_that_waited_goes_on_in_the_trace_in_which_it_began(
    world: World, owner: Person, work: Callable[[], int], sent: Sent
) -> None:
    child = scripted(owner, "Clerk", "Open.")
    boss = scripted(owner, "Boss", call("clerk", input="Well?"), "Yes.", tools=[{"ref": f"agent:{child}", "approval": "always"}])
    run = owner.client.post(f"/agents/{boss}/execute", {"input": "Well?"}, traceparent=TRACEPARENT).data
    work()
    (question,) = owner.client.get("/hitl-approvals?status=pending").data["items"]
    other = f"00-{'c' * 32}-{'d' * 16}-01"
    approver = world.member(owner, "approver")
    assert approver.client.post(f"/hitl-approvals/{question['id']}/approve", {}, traceparent=other).status == 200
    work()

    assert owner.client.get(f"/executions/{run['id']}").data["status"] == "succeeded"
    spans = sent(owner)
    assert one(spans, "execute_tool clerk").trace == one(spans, "invoke_agent Clerk").trace == TRACE
    assert one(spans, "POST /api/v1/hitl-approvals/{approval_id}/approve").trace == "c" * 32


def test_spans_say_what_the_conventions_have_names_for(owner: Person, work: Callable[[], int], sent: Sent) -> None:
    agent = scripted(owner, "Clerk", "Open.")
    run = owner.client.post(f"/agents/{agent}/execute", {"input": "Well?"}).data["id"]
    work()

    spans = sent(owner)
    chat, whole = one(spans, "chat script"), one(spans, "invoke_agent Clerk")
    assert chat.kind == "SPAN_KIND_CLIENT"
    assert {name: value for name, value in chat.attributes.items() if name.startswith("gen_ai.")}.items() >= {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "scripted", "gen_ai.request.model": "script",
        "gen_ai.agent.id": agent,
    }.items()  # fmt: skip
    assert chat.attributes["gen_ai.response.finish_reasons"] == ["stop"]
    assert whole.attributes["gen_ai.agent.name"] == "Clerk"
    assert whole.attributes["aasim.execution.id"] == chat.attributes["aasim.execution.id"] == run
    assert whole.attributes["gen_ai.usage.input_tokens"] == chat.attributes["gen_ai.usage.input_tokens"] > 0
    assert {span.schema_url for span in spans} == {SCHEMA_URL}
    assert {span.resource["service.name"] for span in spans} == {"aasim"}


@pytest.mark.long
def test_every_name_is_one_of_the_conventions_of_that_version_or_begins_with_ours(
    owner: Person, service: Service, work: Callable[[], int], sent: Sent
) -> None:
    owner.client.post(f"/agents/{clerk(owner, service)}/execute", {"input": "Is order 7 open?"})
    work()

    assert SCHEMA_URL in {schema.value for schema in Schemas}
    known = {
        value
        for module in (gen_ai_attributes, http_attributes, error_attributes)
        for name, value in vars(module).items()
        if name.isupper()
    }
    used = {name for span in sent(owner) for name in span.attributes}
    assert {name for name in used if not name.startswith("aasim.")} - known == set()


def test_a_run_that_fails_and_a_request_that_is_refused_are_told_as_such(
    owner: Person, work: Callable[[], int], sent: Sent
) -> None:
    agent = scripted(owner, "Clerk", {"fault": "auth"})
    owner.client.post(f"/agents/{agent}/execute", {"input": "Well?"})
    work()
    owner.client.get("/agents/agent_01h455vb4pex5vsknk084sn02q")

    spans = sent(owner)
    failed, refused = one(spans, "invoke_agent Clerk"), one(spans, "GET /api/v1/agents/{agent_id}")
    assert (failed.is_error, failed.attributes["error.type"]) == (True, "engine_auth")
    assert one(spans, "chat script").is_error
    assert (refused.is_error, refused.attributes["http.response.status_code"]) == (False, 404)


def test_a_trace_that_its_sender_does_not_sample_is_not_sent(owner: Person, work: Callable[[], int], sent: Sent) -> None:
    agent = scripted(owner, "Clerk", "Open.")
    owner.client.post(f"/agents/{agent}/execute", {"input": "Well?"}, traceparent=f"00-{'e' * 32}-{CALLER}-00")
    work()
    assert [span for span in sent(owner) if span.trace == "e" * 32] == []


def test_nothing_that_was_said_is_in_any_span(owner: Person, service: Service, work: Callable[[], int], sent: Sent) -> None:
    child = clerk(owner, service)
    boss = scripted(owner, "Boss", call("clerk", input=CANARY), f"Yes, {CANARY}.", tools=[{"ref": f"agent:{child}"}])
    owner.client.post(f"/agents/{boss}/execute", {"input": f"Is it {CANARY}?"})
    work()
    spans = sent(owner)
    assert len(spans) > 5
    assert CANARY not in str(spans)


def test_of_an_organization_for_which_it_is_off_nothing_is_sent(
    world: World, owner: Person, work: Callable[[], int], sent: Sent
) -> None:
    other = world.organization("Other")
    other.client.put(f"/plugins/otel/organizations/{other.organization_id}", {"status": "disabled"})
    for person in (owner, other):
        agent = scripted(person, "Clerk", "Open.")
        person.client.post(f"/agents/{agent}/execute", {"input": "Well?"}, traceparent=TRACEPARENT)
    work()
    assert one(sent(owner), "invoke_agent Clerk")
    assert [span.name for span in sent(other) if "/plugins/" not in span.name] == []


def test_metrics_tell_how_long_engines_take_and_how_many_tokens_they_use(
    owner: Person, work: Callable[[], int], sent: Sent, collector: Receiver
) -> None:
    agent = scripted(owner, "Clerk", "Open.")
    owner.client.post(f"/agents/{agent}/execute", {"input": "Well?"})
    work()
    sent(owner)

    request = collector.received("metrics")[-1]
    assert request["headers"]["x-tenant"] == "aasim"
    (scope,) = request["resourceMetrics"][0]["scopeMetrics"]
    found = {metric["name"]: metric for metric in scope["metrics"]}
    known = {value for name, value in vars(gen_ai_metrics).items() if name.startswith("GEN_AI_")}
    assert found.keys() == {"gen_ai.client.operation.duration", "gen_ai.client.token.usage", "http.server.request.duration"}
    assert known >= {name for name in found if name.startswith("gen_ai.")}
    tokens = found["gen_ai.client.token.usage"]["histogram"]["dataPoints"]
    assert sorted(each["value"]["stringValue"] for point in tokens for each in point["attributes"] if "type" in each["key"]) == [
        "input", "output",
    ]  # fmt: skip
    assert scope["schemaUrl"] == SCHEMA_URL
