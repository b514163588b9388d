"""One operation of the document."""

from collections.abc import Iterator
from typing import Any

from ..http.operations import PUBLIC, SELF, TOKEN, Endpoint
from ..schemas.examples import body_example, reply_example
from .components import Components, Use, plain
from .envelopes import bare, envelope
from .failures import failures
from .headers import answered_with, headers
from .parameters import parameters

Shape = dict[str, Any]

_REASONS = {200: "Done.", 201: "Created.", 202: "Accepted; the work continues.", 304: "Not modified."}
#: Streamed responses are text for generated clients; these are examples.
_STREAMS = {
    "text/event-stream": 'id: 1\nevent: log\ndata: {"sequence": 1, "event": "started"}\n\n',
    "text/csv": '"id","created_at"\r\n"evt_01h455vb4pex5vsknk084sn02q","2026-01-31T09:00:00.000Z"\r\n',
    "application/x-ndjson": '{"id": "evt_01h455vb4pex5vsknk084sn02q"}\n',
}
_STREAM_TEXT = {
    "text/event-stream": "Server-sent events, until the connection ends.",
    "text/csv": "Comma-separated values (RFC 4180) with a line of names.",
    "application/x-ndjson": "A JSON object on each line.",
}
#: A name of its own, after which generated clients name their class.
_DOCUMENT: Shape = {"type": "object", "additionalProperties": True, "description": "A JSON document that is not in an envelope."}


def described(components: Components, endpoint: Endpoint) -> Shape:
    """Return the operation, with its permission, parameters, body, responses and refusals."""
    operation = endpoint.operation
    whole: Shape = {
        "operationId": endpoint.operation_id, "summary": plain(operation.summary).replace("`", ""), "tags": [endpoint.plugin],
        "description": "\n\n".join(_description(endpoint)), "x-permission": operation.permission,
        "parameters": list(parameters(components, endpoint)), "responses": _responses(components, endpoint),
    }  # fmt: skip
    if endpoint.resource.others is not None:
        whole["x-permission-for-others"] = endpoint.resource.others
    if operation.own_always:
        whole["x-own-always"] = True
    if operation.owners_only:
        whole["x-owners-only"] = True
    if not endpoint.needs_caller:
        whole["security"] = []
    if endpoint.body is not None:
        use = Use.PATCH if endpoint.method == "PATCH" else Use.BODY
        schema = components.schema(endpoint.body, use)
        content = _json(schema, body_example(endpoint.body, patch=use is Use.PATCH))
        whole["requestBody"] = {"required": True, "content": content}
    return whole


def _description(endpoint: Endpoint) -> Iterator[str]:
    """Return the responder's docstring, followed by the requirements for calling the operation."""
    operation = endpoint.operation
    lines = (endpoint.responder.__doc__ or operation.summary).strip().split("\n")
    yield "\n".join([plain(operation.summary), *(plain(line.strip()) for line in lines[1:])]).strip()
    if operation.permission == PUBLIC:
        yield "It needs no credential."
    elif operation.permission == TOKEN:
        yield "It needs the token in its path, and no credential."
    elif operation.permission == SELF:
        yield "It needs a credential, and no permission."
    else:
        yield f"It needs the permission `{operation.permission}`{', except for your own' if operation.own_always else ''}."
    if operation.owners_only:
        yield "It is for owners of the organization only."
    if operation.session_only:
        yield "API keys cannot call it."


def _responses(components: Components, endpoint: Endpoint) -> Shape:
    operation = endpoint.operation
    statuses = (operation.status, *operation.also, *operation.bare)
    answers = {str(status): _answer(components, endpoint, status) for status in statuses}
    if endpoint.method == "GET" and endpoint.has_version:
        answers["304"] = {"description": _REASONS[304], "headers": headers(components, answered_with(endpoint, 304))}
    return answers | failures(components, endpoint)


def _answer(components: Components, endpoint: Endpoint, status: int) -> Shape:
    operation = endpoint.operation
    answer: Shape = {"description": _REASONS[status], "headers": headers(components, answered_with(endpoint, status))}
    content: Shape = {}
    if status in operation.bare:
        content |= _json(bare(components), _told({}, operation.bare[status]))
    elif not operation.plain:
        content |= _json(envelope(components, endpoint), _example(endpoint))
    elif endpoint.reply is not None and status == 200:
        content |= _json(components.schema(endpoint.reply, Use.ANSWER), reply_example(endpoint.reply))
    if status == 200:
        streams = ("text/event-stream",) if operation.stream else ()
        kinds = (media.partition(";")[0] for media in (*streams, *operation.formats))
        content |= {kind: _stream(components, kind) for kind in kinds}
    return {**answer, "content": content} if content else answer


def _example(endpoint: Endpoint) -> Any:
    data = None if endpoint.reply is None else reply_example(endpoint.reply)
    if data is None:
        return None
    if endpoint.operation.many:
        page = {"limit": 25, "next_cursor": None, "prev_cursor": None, "has_more": False}
        data = {"items": [data], "pagination": page}
    return _told(data, endpoint.operation.message)


def _told(data: Any, message: str) -> Shape:
    return {"success": True, "data": data, "message": message}


def _stream(components: Components, kind: str) -> Shape:
    if kind == "application/json":
        return {"schema": components.refer("schemas", _DOCUMENT, "core.Document")}
    text = _STREAM_TEXT.get(kind)
    shape = {"type": "string", "maxLength": 2**53, **({"description": text} if text else {})}
    return {"schema": shape, **({"example": _STREAMS[kind]} if kind in _STREAMS else {})}


def _json(schema: Shape, example: Any) -> Shape:
    return {"application/json": {"schema": schema} if example is None else {"schema": schema, "example": example}}
