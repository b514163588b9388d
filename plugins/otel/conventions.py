"""Name spans by OpenTelemetry's semantic conventions for HTTP and for generative AI, of one version.

What these have no name for is under ``aasim.``.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from aasim_core import Span
from aasim_core.text.json import to_json
from aasim_core.version import VERSION

#: The version of the conventions, as it is stamped on all that is sent.
SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"
SCOPE = InstrumentationScope("aasim", VERSION, SCHEMA_URL)
Attributes = dict[str, Any]
#: What an operation is called that a run is, by its kind.
_RUNS = {"agent": "invoke_agent", "workflow": "invoke_workflow"}
_KINDS = {"request": SpanKind.SERVER, "job": SpanKind.CONSUMER, "engine": SpanKind.CLIENT}
_SERVER_FAULT = 500


def to_otel(span: Span, resource: Resource) -> ReadableSpan:
    """The span as it is sent."""
    name, attributes = _DESCRIBED[span.kind](span)
    error = error_of(span)
    every = {"aasim.organization.id": span.organization_id, "error.type": error, **attributes, **_of_content(span)}
    return ReadableSpan(
        name,
        context=_context(span.trace_id, span.id, is_remote=False),
        parent=None if span.parent_id is None else _context(span.trace_id, span.parent_id, is_remote=True),
        resource=resource,
        attributes={key: value for key, value in every.items() if value is not None},
        kind=_KINDS.get(span.kind, SpanKind.INTERNAL),
        status=Status(StatusCode.ERROR if error else StatusCode.UNSET),
        start_time=span.started_at,
        end_time=span.ended_at,
        instrumentation_scope=SCOPE,
    )


def error_of(span: Span) -> str | None:
    """What went wrong: of a request that was refused, nothing did."""
    if span.kind == "request":
        status = span.facts.get("status", 0)
        return str(status) if status >= _SERVER_FAULT else None
    return span.error


def _context(trace_id: str, span_id: str, *, is_remote: bool) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote, TraceFlags(TraceFlags.SAMPLED))


def of_request(span: Span) -> Attributes:
    """What is said of a request, in spans and in metrics."""
    told = span.facts
    return {
        "http.request.method": told.get("method"),
        "http.route": told.get("route"),
        "http.response.status_code": told.get("status"),
    }


def of_call(span: Span) -> Attributes:
    """What is said of a call of an engine, in spans and in metrics."""
    told = span.facts
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": told["provider"],
        "gen_ai.request.model": span.name,
        "gen_ai.response.model": told.get("answered_by"),
    }


def _request(span: Span) -> tuple[str, Attributes]:
    return span.name, of_request(span) | {"aasim.request.id": span.facts.get("request_id")}


def _job(span: Span) -> tuple[str, Attributes]:
    told = span.facts
    return f"job {span.name}", {"aasim.job.name": span.name, "aasim.job.id": told["job_id"], "aasim.job.attempt": told["attempt"]}


def _run(span: Span) -> tuple[str, Attributes]:
    told = span.facts
    operation = _RUNS.get(told["kind"])
    is_agent = operation == "invoke_agent"
    version = told.get("version")
    return f"{operation or told['kind']} {span.name}", {
        "gen_ai.operation.name": operation,
        "gen_ai.agent.id": told.get("subject_id") if is_agent else None,
        "gen_ai.agent.name": span.name if is_agent else None,
        "gen_ai.agent.version": str(version) if is_agent and version is not None else None,
        "gen_ai.workflow.name": span.name if operation == "invoke_workflow" else None,
        "gen_ai.response.model": told.get("model"),
        "gen_ai.usage.input_tokens": told.get("input_tokens"),
        "gen_ai.usage.output_tokens": told.get("output_tokens"),
        **{f"aasim.execution.{name}": told.get(name) for name in ("status", "trigger", "attempt", "parent_id", "subject_id")},
        "aasim.execution.id": told["execution_id"],
        "aasim.project.id": told.get("project_id"),
    }


def _engine(span: Span) -> tuple[str, Attributes]:
    told = span.facts
    finish = told.get("finish")
    return f"chat {span.name}", {
        **of_call(span),
        "gen_ai.request.temperature": told.get("temperature"),
        "gen_ai.request.max_tokens": told.get("max_output_tokens"),
        "gen_ai.request.seed": told.get("seed"),
        "gen_ai.response.finish_reasons": [finish] if finish else None,
        "gen_ai.usage.input_tokens": told.get("input_tokens"),
        "gen_ai.usage.output_tokens": told.get("output_tokens"),
        "gen_ai.usage.cache_read.input_tokens": told.get("cache_read_tokens"),
        "gen_ai.usage.cache_creation.input_tokens": told.get("cache_write_tokens"),
        "gen_ai.agent.id": told.get("agent_id"),
        "aasim.engine.id": told["engine_id"],
        "aasim.execution.id": told.get("execution_id"),
    }


def _tool(span: Span) -> tuple[str, Attributes]:
    told = span.facts
    return f"execute_tool {span.name}", {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": span.name,
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": told.get("call_id"),
        "aasim.tool.ref": told.get("ref"),
        "aasim.tool.effect": told.get("effect"),
        "aasim.execution.id": told["execution_id"],
    }


_DESCRIBED: Mapping[str, Callable[[Span], tuple[str, Attributes]]] = {
    "request": _request,
    "job": _job,
    "run": _run,
    "engine": _engine,
    "tool": _tool,
    "work": lambda span: (span.name, {f"aasim.{name}": fact for name, fact in span.facts.items()}),
}


def _of_content(span: Span) -> Attributes:
    said = span.content
    found: Attributes = {}
    if "messages" in said:
        found["gen_ai.input.messages"] = _text([_message(message) for message in said["messages"]])
    if "reply" in said:
        found["gen_ai.output.messages"] = _text([_message(said["reply"]) | {"finish_reason": span.facts.get("finish")}])
    if "arguments" in said:
        found["gen_ai.tool.call.arguments"] = _text(said["arguments"])
    if "result" in said:
        found["gen_ai.tool.call.result"] = _text(said["result"])
    return found


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message as the conventions have it: a role, and parts."""
    return {"role": message["role"], "parts": list(_parts(message))}


def _parts(message: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    if message["role"] == "tool":
        return [{"type": "tool_call_response", "id": message["tool_call_id"], "response": message["content"]}]
    calls = [{"type": "tool_call", **call} for call in message["tool_calls"]]
    return [*([{"type": "text", "content": message["content"]}] if message["content"] else []), *calls]


def _text(value: Any) -> str:
    return to_json(value).decode()
