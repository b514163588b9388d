"""The Model Context Protocol over HTTP as far as a server of tools needs it: versions, messages and what is wrong with them.

Clients of the revision 2026-07-28 say in each request which version they speak; earlier ones agree on it by a handshake. Neither has
a session here: every request stands for itself.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aasim_core.errors import Refused
from aasim_core.version import VERSION

MODERN = ("2026-07-28",)
HANDSHAKE = ("2025-11-25", "2025-06-18", "2025-03-26")

INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32600, -32601, -32602
_HEADER_MISMATCH, _UNSUPPORTED_VERSION = -32020, -32022

_VERSION_KEY = "io.modelcontextprotocol/protocolVersion"
_CAPABILITIES_KEY = "io.modelcontextprotocol/clientCapabilities"
_SERVER = {"name": "aasim", "title": "Aasim", "version": VERSION}
_CAPABILITIES: Mapping[str, Any] = {"tools": {}}
_ENCODED = re.compile(r"=\?base64\?(.*)\?=")


class RpcError(Exception):
    """The answer to a request that cannot be carried out, as JSON-RPC has it."""

    def __init__(self, code: int, message: str, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
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


def read(message: Mapping[str, Any], headers: Mapping[str, str]) -> Request | None:
    """The request that `message` is, or None for a notification; `headers` have upper-case names.

    Raises RpcError, and Refused for the header of a version that nobody here speaks.
    """
    if "id" not in message:
        return None
    identity, method, params = message["id"], message["method"], message["params"]
    if isinstance(identity, bool) or not isinstance(identity, str | int):
        raise RpcError(INVALID_REQUEST, "The id of a request is text or a whole number.")
    meta = params.get("_meta")
    modern = isinstance(meta, Mapping) and _VERSION_KEY in meta
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


def _check_header(headers: Mapping[str, str]) -> None:
    version = headers.get("MCP-PROTOCOL-VERSION")
    if version is not None and version not in HANDSHAKE:
        told = "needs it in params._meta too" if version in MODERN else f"is not spoken here; there are {', '.join(HANDSHAKE)}"
        raise Refused("invalid_parameter", f"The version {version[:40]} {told}.", field="MCP-Protocol-Version")


def _check_modern(method: str, params: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    """What the body says and the headers repeat must be the same, so that whoever reads only one of them is not deceived."""
    version = params["_meta"][_VERSION_KEY]
    if _CAPABILITIES_KEY not in params["_meta"]:
        raise RpcError(INVALID_PARAMS, f"params._meta needs {_CAPABILITIES_KEY}.")
    repeated = [("MCP-Protocol-Version", version), ("Mcp-Method", method)]
    if method == "tools/call":
        repeated.append(("Mcp-Name", params.get("name")))
    for name, value in repeated:
        if _decoded(headers.get(name.upper())) != value:
            raise RpcError(_HEADER_MISMATCH, f"The header {name} does not say what the body says.")
    if version not in MODERN:
        data = {"supported": [*MODERN, *HANDSHAKE], "requested": version}
        raise RpcError(_UNSUPPORTED_VERSION, "Unsupported protocol version", data)


def _decoded(value: str | None) -> str | None:
    """What a header says; text that no header can hold is in base64."""
    match = _ENCODED.fullmatch(value or "")
    if match is None:
        return value
    try:
        return base64.b64decode(match[1], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
