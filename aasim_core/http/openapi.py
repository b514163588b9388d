"""The OpenAPI 3.1 document of what is on, made from the operations table and the schemas."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema

from ..errors import STATUS_OF
from ..version import VERSION
from .examples import example_of
from .operations import Endpoint
from .query import ListQuery

if TYPE_CHECKING:
    from ..app import App

BASE = "/api/v1"
_FAILURE = {"$ref": "#/components/responses/Failure"}
_REASONS = {
    200: "Done.", 201: "Created.", 202: "Accepted; the work goes on.", 304: "Not modified.", 400: "Malformed request.",
    401: "Not authenticated.", 402: "Over a limit of the plan or budget.", 403: "Not permitted.", 404: "Not found.",
    409: "In conflict with the present state.", 411: "No Content-Length.", 412: "Changed meanwhile.", 413: "Too long.",
    415: "Not JSON.", 422: "Not valid.", 429: "Too many requests.", 500: "A fault on our side.", 503: "Not now.",
}  # fmt: skip


def document(app: "App") -> dict[str, Any]:
    """The document: every operation with its permission, parameters, bodies, examples and all its statuses."""
    spec = APISpec(
        title="Aasim", version=VERSION, openapi_version="3.1.0", plugins=[marshmallow := MarshmallowPlugin(_name)],
        info={"description": "AI agents that organizations run themselves.", "license": {"name": "Apache-2.0"}},
        security=[{"bearer": []}], tags=[{"name": plugin.name, "description": plugin.summary} for plugin in app.plugins.found],
    )  # fmt: skip
    spec.components.security_scheme(
        "bearer", {"type": "http", "scheme": "bearer", "description": "An access token or an API key."}
    )
    spec.components.schema("Errors", _errors_schema())
    spec.components.schema("Pagination", _pagination_schema())
    spec.components.response("Failure", {"description": "What is wrong, by field.", "content": _json(_failure_schema())})
    converter = marshmallow.converter
    assert converter is not None  # noqa: S101 - apispec sets it when the spec is made
    for template in dict.fromkeys(endpoint.template for endpoint in app.endpoints):
        here = [endpoint for endpoint in app.endpoints if endpoint.template == template]
        spec.path(
            BASE + template, operations={e.method.lower(): _operation(converter, e) for e in here}, parameters=_ids(here[0])
        )
    return spec.to_dict()


def _name(schema: Any) -> str:
    """``agents.AgentIn``: the plugin (or the core's module) and the class, so that two plugins may use one name."""
    kind = schema if isinstance(schema, type) else type(schema)
    parts = kind.__module__.split(".")
    owner = parts[-2] if parts[-1] in ("schemas", "api") else parts[-1]
    partial = getattr(schema, "partial", None) is True
    return f"{owner}.{kind.__name__}{'Patch' if partial else ''}"


def _operation(converter: OpenAPIConverter, endpoint: Endpoint) -> dict[str, Any]:
    operation = endpoint.operation
    described: dict[str, Any] = {
        "operationId": endpoint.operation_id, "summary": operation.summary, "tags": [endpoint.plugin],
        "x-permission": operation.permission, "parameters": [*_query(converter, endpoint), *_headers(endpoint)],
        "responses": _responses(converter, endpoint),
    }  # fmt: skip
    if (text := (endpoint.responder.__doc__ or "").strip()) and "\n" in text:
        described["description"] = text
    if endpoint.resource.others is not None:
        described["x-permission-for-others"] = endpoint.resource.others
    if operation.own_always:
        described["x-own-always"] = True
    if operation.owners_only:
        described["x-owners-only"] = True
    if not endpoint.needs_caller:
        described["security"] = []
    if endpoint.body is not None:
        described["requestBody"] = {
            "required": True, "content": _json(_body_schema(converter, endpoint), example_of(endpoint.body))
        }  # fmt: skip
    return described


def _body_schema(converter: OpenAPIConverter, endpoint: Endpoint) -> Any:
    body = endpoint.body
    if body is not None and endpoint.method == "PATCH":
        body = type(body)(partial=True)
    return converter.resolve_nested_schema(body)


def _responses(converter: OpenAPIConverter, endpoint: Endpoint) -> dict[str, Any]:
    operation = endpoint.operation
    formats = {media_type: {"schema": {"type": "string"}} for media_type in operation.formats}
    if operation.plain:
        content = {"content": formats} if formats else {}
        plain = {str(status): {"description": _REASONS[status], **content} for status in (operation.status, *operation.also)}
        return plain | {str(status): _FAILURE for status in sorted(_failures(endpoint))}
    reply = _reply_schema(converter, endpoint)
    responses: dict[str, Any] = {
        str(status): {"description": _REASONS[status], "content": _json(_success_schema(reply))}
        for status in (operation.status, *operation.also)
    }
    if operation.stream:
        responses["200"]["content"]["text/event-stream"] = {"schema": {"type": "string"}}
    if formats:
        responses["200"]["content"] |= formats
    if endpoint.method == "GET" and endpoint.path_ids:
        responses["304"] = {"description": _REASONS[304]}
    return responses | {str(status): _FAILURE for status in sorted(_failures(endpoint))}


def _reply_schema(converter: OpenAPIConverter, endpoint: Endpoint) -> Any:
    reply = endpoint.reply
    if reply is None:
        return {"type": "null"}
    shape = converter.resolve_nested_schema(reply)
    if not endpoint.operation.many:
        return shape
    if isinstance(endpoint.query, ListQuery):
        # With fields= an item has only those that were asked for.
        shape = {"type": "object", "properties": converter.schema2jsonschema(reply)["properties"], "additionalProperties": False}
    items = {"type": "array", "items": shape}
    return _object({"items": items, "pagination": {"$ref": "#/components/schemas/Pagination"}})


def _failures(endpoint: Endpoint) -> set[int]:
    """Every status that the guard, or the operation by its own account, can refuse with."""
    found = {400, 429, 500, 503} | {STATUS_OF[code] for code in endpoint.operation.refusals}
    if endpoint.needs_caller:
        found |= {401, 403, 404}
    if endpoint.writes:
        found |= {409, 411, 413, 415, 422}
    if endpoint.path_ids:
        found |= {404}
    if _takes_if_match(endpoint):
        found |= {412}
    return found


def _takes_if_match(endpoint: Endpoint) -> bool:
    return endpoint.writes and (endpoint.method != "POST" or bool(endpoint.path_ids))


def _ids(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in endpoint.path_ids]


def _query(converter: OpenAPIConverter, endpoint: Endpoint) -> list[dict[str, Any]]:
    declared = endpoint.query
    fields = (
        declared.parameters if isinstance(declared, ListQuery) else declared.load_fields if isinstance(declared, Schema) else {}
    )
    parameters = []
    for name, field in fields.items():
        shape = converter.field2property(field)
        parameter = {"name": name, "in": "query", "required": field.required, "schema": shape}
        if shape.get("type") == "array":
            parameter |= {"style": "form", "explode": False}
        parameters.append(parameter)
    return parameters


def _headers(endpoint: Endpoint) -> Iterable[dict[str, Any]]:
    def header(name: str, shape: Mapping[str, Any], text: str) -> dict[str, Any]:
        return {"name": name, "in": "header", "required": False, "schema": shape, "description": text}

    if endpoint.method == "POST":
        text = "A key of your own: a request that is sent again with it is answered again, and done once. "
        shape = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"}
        yield header("Idempotency-Key", shape, f"{text}Kept for {endpoint.operation.keep_seconds} seconds.")
    if _takes_if_match(endpoint):
        yield header("If-Match", {"type": "string"}, "The ETag that was read; another one is 412 version_conflict.")


def _success_schema(data: Any) -> dict[str, Any]:
    return _object({"success": {"const": True}, "data": data, "message": {"type": "string"}})


def _failure_schema() -> dict[str, Any]:
    errors = {"$ref": "#/components/schemas/Errors"}
    return _object({"success": {"const": False}, "message": {"type": "string"}, "errors": errors})


def _errors_schema() -> dict[str, Any]:
    problem = _object(
        {"code": {"type": "string", "enum": sorted(STATUS_OF)}, "message": {"type": "string"}, "meta": {"type": "object"}},
        required=("code", "message"),
    )
    return {"type": "object", "additionalProperties": {"type": "array", "items": problem}, "description": "Problems by field."}


def _pagination_schema() -> dict[str, Any]:
    cursor = {"type": ["string", "null"]}
    facts = {
        "limit": {"type": "integer"}, "next_cursor": cursor, "prev_cursor": cursor, "has_more": {"type": "boolean"},
        "total": {"type": "integer"},
    }  # fmt: skip
    return _object(facts, required=("limit", "next_cursor", "prev_cursor", "has_more"))


def _object(properties: Mapping[str, Any], required: Iterable[str] | None = None) -> dict[str, Any]:
    names = list(properties if required is None else required)
    return {"type": "object", "properties": dict(properties), "required": names, "additionalProperties": False}


def _json(schema: Any, example: Any = None) -> dict[str, Any]:
    content = {"schema": schema} if example is None else {"schema": schema, "example": example}
    return {"application/json": content}
