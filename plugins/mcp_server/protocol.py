"""The Model Context Protocol over HTTP for a server of tools: versions, messages and errors.

Clients of the revision 2026-07-28 say in each request which version they speak; earlier ones agree on it by a handshake. Neither has
a session here: every request stands for itself. The version that a request asks for decides by which rules it is answered.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from aasim_core.errors import Refused
from aasim_core.version import VERSION

MODERN = ("2026-07-28",)
HANDSHAKE = ("2025-11-25", "2025-06-18", "2025-03-26")

INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32600, -32601, -32602
#: The methods of one of the two lifecycles; the others belong to both.
ONLY_HANDSHAKE, ONLY_MODERN = frozenset({"initialize", "ping"}), frozenset({"server/discover"})
_HEADER_MISMATCH, _UNSUPPORTED_VERSION = -32020, -32022

#: The headers that a client of the protocol sends, for the API reference.
HEADERS: Mapping[str, str] = {
    "MCP-Protocol-Version": "The revision of the protocol that the client speaks.",
    "Mcp-Method": "The method of the message, from the revision 2026-07-28 on.",
    "Mcp-Name": "The name of the tool that is called, from the revision 2026-07-28 on.",
}

_VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
_CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"
#: Lists of kinds that this server has none of, with the field that they are in.
EMPTY_LISTS = {"resources/list": "resources", "resources/templates/list": "resourceTemplates", "prompts/list": "prompts"}
_SERVER = {"name": "aasim", "title": "Aasim", "version": VERSION}
# Resources, prompts and completions are there as empty lists.
_CAPABILITIES: Mapping[str, Any] = {"tools": {}, "resources": {}, "prompts": {}, "completions": {}}
_ENCODED = re.compile(r"=\?base64\?(.*)\?=")
# What the header Mcp-Name repeats, by method.
_NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}


class RpcError(Exception):
    """The answer to a request that cannot be carried out, as JSON-RPC has it."""

    def __init__(self, code: int, message: str, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.error = {"code": code, "message": message, **({} if data is None else {"data": data})}


@dataclass(frozen=True)
class Request:
    """One request of a client; `modern` for the revisions without a handshake."""

    id: str | int
    method: str
    params: Mapping[str, Any]
    modern: bool

    def answer(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """The message that answers with `result`."""
        told = {"resultType": "complete", **result} if self.modern else result
        return {"jsonrpc": "2.0", "id": self.id, "result": told}

    def cacheable(self, result: Mapping[str, Any]) -> Mapping[str, Any]:
        """`result`, marked as one that holds for this caller and this moment."""
        return {**result, "cacheScope": "private", "ttlMs": 0} if self.modern else result

    def text(self, name: str) -> str | None:
        """The parameter of that name, if there is one; RpcError for one that is no text."""
        value = self.params.get(name)
        if value is not None and not isinstance(value, str):
            raise RpcError(INVALID_PARAMS, f"{name} must be text.")
        return value


def is_modern(message: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
    """Whether a message asks for a revision without a handshake, in its body or its header; `headers` have upper-case names."""
    meta = message["params"].get("_meta")
    in_body = isinstance(meta, Mapping) and _VERSION_KEY in meta
    return in_body or headers.get("MCP-PROTOCOL-VERSION") in MODERN


def status_of(error: RpcError, modern: bool) -> int:
    """The HTTP status of an error; earlier revisions have 200 for all of them."""
    if not modern:
        return 200
    return 404 if error.code == METHOD_NOT_FOUND else 400


def read(message: Mapping[str, Any], headers: Mapping[str, str]) -> Request | None:
    """Return the request in `message`, or None for a notification; `headers` have upper-case names.

    Raises RpcError, and Refused for an unsupported version in the header.
    """
    if "id" not in message:
        return None
    identity, method, params = message["id"], message["method"], message["params"]
    if isinstance(identity, bool) or not isinstance(identity, str | int):
        raise RpcError(INVALID_REQUEST, "The id of a request is text or a whole number.")
    modern = is_modern(message, headers)
    if modern:
        _check_modern(method, params, headers)
    else:
        _check_header(headers)
    return Request(identity, method, params, modern)


def failed(identity: Any, error: RpcError) -> dict[str, Any]:
    """The message that answers with an error; an id that is none is null."""
    known = identity if isinstance(identity, str | int) and not isinstance(identity, bool) else None
    return {"jsonrpc": "2.0", "id": known, "error": error.error}


def initialized(request: Request, instructions: str) -> dict[str, Any]:
    """The server's part of the handshake: the version that the client wants, if it can be spoken, or else the newest."""
    wanted = request.text("protocolVersion")
    version = wanted if wanted in HANDSHAKE else HANDSHAKE[0]
    return {"protocolVersion": version, "capabilities": _CAPABILITIES, "serverInfo": _SERVER, "instructions": instructions}


def discovered(request: Request, instructions: str) -> Mapping[str, Any]:
    """What the server is and speaks, for clients that do without a handshake."""
    told = {"supportedVersions": list(MODERN), "capabilities": _CAPABILITIES, "instructions": instructions}
    return request.cacheable({**told, "_meta": {"io.modelcontextprotocol/serverInfo": _SERVER}})


def refuse_name(request: Request, parameter: str, kind: str) -> NoReturn:
    """RpcError for the name of something that this server has none of."""
    name = request.text(parameter) or ""
    raise RpcError(INVALID_PARAMS, f"There is no {kind} {name[:200]}; this server has tools only.", {parameter: name[:1000]})


def _check_header(headers: Mapping[str, str]) -> None:
    version = headers.get("MCP-PROTOCOL-VERSION")
    if version is not None and version not in HANDSHAKE:
        message = f"The version {version[:40]} is not supported; there are {', '.join((*MODERN, *HANDSHAKE))}."
        raise Refused("invalid_parameter", message, field="MCP-Protocol-Version")


def _check_modern(method: str, params: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    """The body and the headers that repeat it must agree, so that a reader of only one of them is not deceived."""
    version = _meta_of(params)[_VERSION_KEY]
    repeated = [("MCP-Protocol-Version", version), ("Mcp-Method", method)]
    if method in _NAMED:
        repeated.append(("Mcp-Name", params.get(_NAMED[method])))
    for name, value in repeated:
        if _decoded(headers.get(name.upper())) != value:
            raise RpcError(_HEADER_MISMATCH, f"The header {name} does not say what the body says.")
    if version not in MODERN:
        data = {"supported": list(MODERN), "requested": version}
        raise RpcError(_UNSUPPORTED_VERSION, "Unsupported protocol version", data)


def _meta_of(params: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = params.get("_meta")
    told: Mapping[str, Any] = meta if isinstance(meta, Mapping) else {}
    for key in (_VERSION_KEY, _CAPABILITIES_KEY):
        if key not in told:
            raise RpcError(INVALID_PARAMS, f"params._meta needs {key}.")
    return told


def _decoded(value: str | None) -> str | None:
    """What a header says; text that no header can hold is in base64."""
    match = _ENCODED.fullmatch(value or "")
    if match is None:
        return value
    try:
        return base64.b64decode(match[1], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
