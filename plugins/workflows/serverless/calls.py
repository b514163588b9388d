"""Import call tasks: HTTP requests as HTTP nodes, and all others as tools that the mapping names."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import unquote_plus

from . import terms, values
from .building import Cursor, output_of, transform, whole
from .jq import Names
from .simple import add_call
from .tasks import Task, Way, timeout_of
from .terms import NotTranslated
from .values import plain

_VARIABLE = re.compile(r"\{([^{}]*)\}")
_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_FIELDS = frozenset({"method", "endpoint", "headers", "query", "body", "output", "redirect"})
_CREDENTIALS = "Workflows hold no credentials: make the service a connected app, and call its operation as a tool."
_NOT_ENCODED = "What is filled in for {{{}}} in its address is not encoded."


def call(task: Task) -> Sequence[Way]:
    """The nodes of a call of any kind."""
    kind, written = task.written["call"], task.written.get("with", {})
    if not isinstance(kind, str) or not isinstance(written, Mapping):
        raise NotTranslated("call names what is called, and with is an object.")
    if "authentication" in written:
        raise NotTranslated(_CREDENTIALS)
    if kind == "http":
        return [Way(_http(task, written))]
    if kind in ("asyncapi", "a2a"):
        raise NotTranslated(f"A call of {kind} has no counterpart; make it a tool, and call that.")
    ref, arguments = _tool(kind, written)
    return [Way(_called(task, kind, ref, values.filled(arguments, task.names)))]


# HTTP.


def _http(task: Task, written: Mapping[str, Any]) -> Cursor:
    if not written.keys() <= _FIELDS:
        raise NotTranslated(f"{', '.join(sorted(written.keys() - _FIELDS))} of a call have no counterpart.")
    if written.get("redirect"):
        raise NotTranslated("Redirects are not followed.")
    output, seconds = written.get("output", "content"), timeout_of(task)
    if output not in ("content", "response"):
        raise NotTranslated("The content of an answer is given as it is, or the response as a whole; raw has no counterpart.")
    config = _request(task, written)
    node = task.node("http", config, **({} if seconds is None else {"timeout_seconds": seconds}))
    after = add_call(task, node)
    if output == "response":
        return transform(task.place.scope, after, task.new_id("_response"), _response(task, config))
    return Cursor(after.links, replace(after.state, value=terms.path(f"{output_of(task.id).text}.body")))


def _request(task: Task, written: Mapping[str, Any]) -> dict[str, Any]:
    method, names = written.get("method"), task.names
    if not isinstance(method, str):
        raise NotTranslated("A call of http has a method.")
    url, query = _address(task, written.get("endpoint"))
    more = {name: values.filled(written[name], names) for name in ("headers", "body") if name in written}
    asked = values.filled(written.get("query", {}), names)
    if not isinstance(asked, Mapping):
        raise NotTranslated("query is an object.")
    query = {**query, **asked}
    return {"method": method.upper(), "url": url, **more, **({"query": query} if query else {})}


def _address(task: Task, endpoint: Any) -> tuple[str, dict[str, Any]]:
    """The URL, and those parameters of its query that are filled in as a whole, which are encoded so."""
    if isinstance(endpoint, Mapping):
        if "authentication" in endpoint:
            raise NotTranslated(_CREDENTIALS)
        endpoint = endpoint.get("uri")
    if not isinstance(endpoint, str):
        raise NotTranslated("A call of http has an endpoint with a uri.")
    if values.inner(endpoint) is not None:
        return whole(values.expression(endpoint, task.names)), {}
    start, mark, asked = endpoint.partition("?")
    parts = asked.split("&") if mark else []
    filled = [part for part in parts if _whole_variable(part)]
    rest = "&".join(part for part in parts if part not in filled)
    query = {unquote_plus(part.partition("=")[0]): _variable(_whole_variable(part), task.names) for part in filled}
    return _template(task, start + (f"?{rest}" if rest else "")), query


def _whole_variable(part: str) -> str:
    """The variable that is the value of a parameter; empty where it is none."""
    found = _VARIABLE.fullmatch(part.partition("=")[2])
    return found[1] if found else ""


def _template(task: Task, text: str) -> str:
    pieces, last = [], 0
    for found in _VARIABLE.finditer(text):
        pieces += [plain(text[last : found.start()]), _variable(found[1], task.names)]
        task.reasons.append(_NOT_ENCODED.format(found[1][:100]))
        last = found.end()
    return "".join([*pieces, plain(text[last:])])


def _variable(name: str, names: Names) -> str:
    if not _SIMPLE.fullmatch(name):
        raise NotTranslated(f"{{{name[:100]}}} in an address is no simple name.")
    return whole(terms.field(names.here, name).value)


def _response(task: Task, config: Mapping[str, Any]) -> dict[str, Any]:
    """The response as a whole, as the specification has it."""
    output = f"nodes.{task.id}.output"
    request = {"method": config["method"], "uri": config["url"], "headers": config.get("headers", {})}
    answer = {"headers": whole(f"{output}.headers"), "statusCode": whole(f"{output}.status"), "content": whole(f"{output}.body")}
    return {"request": request, **answer}


# Tools.


def _tool(kind: str, written: Mapping[str, Any]) -> tuple[str, Any]:
    """How the document names what is called, and the arguments."""
    if kind == "openapi":
        if written.get("output", "content") != "content":
            raise NotTranslated("A tool gives the content of an answer, and neither raw nor response.")
        endpoint = values.at(written, "/document/endpoint")
        endpoint = endpoint.get("uri") if isinstance(endpoint, Mapping) else endpoint
        return f"{endpoint}#{written.get('operationId')}", written.get("parameters", {})
    if kind == "grpc":
        return f"{values.at(written, '/service/name')}/{written.get('method')}", written.get("arguments", {})
    if kind == "mcp":
        asked = written.get("parameters")
        if written.get("method") != "tools/call" or not isinstance(asked, Mapping):
            raise NotTranslated("Of MCP, only tools are called.")
        return f"mcp/{asked.get('name')}", asked.get("arguments", {})
    return kind, written


def _called(task: Task, kind: str, named: str, arguments: Any) -> Cursor:
    ref = named[:200]
    found = task.place.report.stands_for(ref, "tool", task.at)
    if found is None:
        what = kind if kind in ("openapi", "grpc", "mcp") else "a function"
        task.reasons.append(f"It calls {ref} ({what}): write in mapping the ref of the tool that stands for it here.")
    if not isinstance(arguments, Mapping):
        raise NotTranslated("The arguments of a call are an object.")
    seconds = timeout_of(task)
    more = {} if seconds is None else {"timeout_seconds": seconds}
    return add_call(task, task.node("tool", {"ref": found or ref, "arguments": arguments}, **more))
