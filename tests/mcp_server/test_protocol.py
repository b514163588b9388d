"""What is spoken: versions, messages, and errors of the protocol."""

from typing import Any

import pytest

from aasim_core.testing.world import Answer, Person

MODERN = "2026-07-28"


def modern(person: Person, method: str, params: Any = None, version: Any = MODERN, **headers: str) -> Answer:
    """A request as a client of the newest revision sends it."""
    meta = {"io.modelcontextprotocol/protocolVersion": version, "io.modelcontextprotocol/clientCapabilities": {}}
    body = {"jsonrpc": "2.0", "id": "a", "method": method, "params": {**(params or {}), "_meta": meta}}
    sent = {"MCP_Protocol_Version": str(version), "Mcp_Method": method, **headers}
    return person.client.post("/mcp-server", body, **sent)


@pytest.mark.long
def test_a_client_of_the_newest_revision_needs_no_handshake(owner: Person) -> None:
    found = modern(owner, "server/discover").body

    assert (found["jsonrpc"], found["id"]) == ("2.0", "a")
    result = found["result"]
    assert result["supportedVersions"] == [MODERN]
    assert (result["resultType"], result["cacheScope"], result["ttlMs"]) == ("complete", "private", 0)
    assert result["capabilities"] == {"tools": {}, "resources": {}, "prompts": {}, "completions": {}}


@pytest.mark.parametrize(
    ("wanted", "spoken"), [("2025-06-18", "2025-06-18"), ("2024-11-05", "2025-11-25"), ("2099-01-01", "2025-11-25")]
)
def test_a_handshake_agrees_on_a_version_that_both_speak(rpc: Any, owner: Person, wanted: str, spoken: str) -> None:
    result = rpc(owner.client, "initialize", {"protocolVersion": wanted, "capabilities": {}}).body["result"]

    assert result["protocolVersion"] == spoken
    assert result["serverInfo"]["name"] == "aasim"
    assert "resultType" not in result


def test_a_notification_is_taken_without_an_answer(owner: Person) -> None:
    answer = owner.client.post("/mcp-server", {"jsonrpc": "2.0", "method": "notifications/initialized"})

    assert (answer.status, answer.body) == (202, "")


def test_a_ping_is_answered(rpc: Any, owner: Person) -> None:
    answer = rpc(owner.client, "ping")

    assert (answer.status, answer.body["result"]) == (200, {})


def test_a_method_that_is_not_there_is_an_error_of_the_protocol(rpc: Any, owner: Person) -> None:
    answer = rpc(owner.client, "logging/setLevel")

    assert (answer.status, answer.body["error"]["code"]) == (200, -32601)
    assert "tools/list" in answer.body["error"]["message"]


@pytest.mark.parametrize("method", ["initialize", "ping", "logging/setLevel", "resources/subscribe", "nothing"])
def test_the_newest_revision_has_404_for_a_method_that_it_does_not_have(owner: Person, method: str) -> None:
    answer = modern(owner, method)

    assert (answer.status, answer.body["error"]["code"]) == (404, -32601)


@pytest.mark.parametrize("ask", [modern, None], ids=["modern", "handshake"])
def test_lists_of_what_there_is_not_are_empty(rpc: Any, owner: Person, ask: Any) -> None:
    def result(method: str, params: Any = None) -> Any:
        return (ask(owner, method, params) if ask else rpc(owner.client, method, params)).body["result"]

    assert result("resources/list")["resources"] == []
    assert result("resources/templates/list")["resourceTemplates"] == []
    assert result("prompts/list")["prompts"] == []
    completed = result(
        "completion/complete", {"ref": {"type": "ref/prompt", "name": "x"}, "argument": {"name": "a", "value": ""}}
    )
    assert completed["completion"] == {"values": [], "total": 0, "hasMore": False}


@pytest.mark.parametrize(("method", "parameter"), [("resources/read", "uri"), ("prompts/get", "name")])
def test_a_resource_or_prompt_that_is_not_there_is_told(owner: Person, method: str, parameter: str) -> None:
    answer = modern(owner, method, {parameter: "test://x"}, Mcp_Name="test://x")

    assert (answer.status, answer.body["error"]["code"], answer.body["error"]["data"]) == (400, -32602, {parameter: "test://x"})


@pytest.mark.parametrize("meta", [None, {}, {"io.modelcontextprotocol/clientCapabilities": {}}, "x"])
def test_the_newest_revision_needs_its_meta_in_the_body(owner: Person, meta: Any) -> None:
    params = {} if meta is None else {"_meta": meta}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params}
    answer = owner.client.post("/mcp-server", body, MCP_Protocol_Version=MODERN, Mcp_Method="tools/list")

    assert (answer.status, answer.body["error"]["code"]) == (400, -32602)
    assert "params._meta needs io.modelcontextprotocol/protocolVersion" in answer.body["error"]["message"]


@pytest.mark.parametrize("identity", [True, 1.5, {}, []])
def test_an_id_that_is_none_is_an_error_of_the_protocol(owner: Person, identity: Any) -> None:
    answer = owner.client.post("/mcp-server", {"jsonrpc": "2.0", "id": identity, "method": "ping"})

    assert (answer.status, answer.body["id"], answer.body["error"]["code"]) == (200, None, -32600)


def test_what_is_no_message_has_the_envelope(owner: Person) -> None:
    for body, field in (
        ({"jsonrpc": "1.0", "method": "ping"}, "jsonrpc"),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, "id"),
        ({"jsonrpc": "2.0", "id": 1, "result": {}}, "method"),
    ):
        answer = owner.client.post("/mcp-server", body)
        assert answer.status == 422
        assert field in answer.codes


def test_headers_must_say_what_the_body_says(owner: Person) -> None:
    for headers in (
        {"MCP_Protocol_Version": "2025-11-25"},
        {"Mcp_Method": "ping"},
        {"Mcp_Name": "other"},
        {"Mcp_Name": "=?base64?!?="},
        {},
    ):
        answer = modern(owner, "tools/call", {"name": "this"}, **headers)
        assert (answer.status, answer.body["error"]["code"]) == (400, -32020), headers


def test_a_header_may_be_encoded(owner: Person) -> None:
    error = modern(owner, "tools/call", {"name": "w\u00e4chter"}, Mcp_Name="=?base64?d8OkY2h0ZXI=?=").body["error"]

    assert (error["code"], error["message"]) == (-32602, "There is no tool w\u00e4chter; tools/list names those that there are.")


def test_a_version_of_the_future_is_told_which_ones_there_are(owner: Person) -> None:
    answer = modern(owner, "tools/list", version="2099-01-01")

    assert (answer.status, answer.body["error"]["code"]) == (400, -32022)
    assert answer.body["error"]["data"] == {"requested": "2099-01-01", "supported": [MODERN]}


def test_the_header_of_a_version_that_nobody_speaks_is_refused(rpc: Any, owner: Person) -> None:
    for version in ("2024-11-05", "1"):
        answer = rpc(owner.client, "ping", MCP_Protocol_Version=version)
        assert (answer.status, answer.codes) == (400, {"MCP-Protocol-Version": ["invalid_parameter"]})
    assert rpc(owner.client, "ping", MCP_Protocol_Version="2025-06-18").status == 200


def test_pages_of_other_origins_are_refused(rpc: Any, owner: Person) -> None:
    for origin in ("https://evil.example.com", "null", "http://127.0.0.1:8000"):
        answer = rpc(owner.client, "ping", Origin=origin)
        assert (answer.status, answer.codes) == (403, {"Origin": ["permission_denied"]})
    assert rpc(owner.client, "ping", Origin="https://tools.example.com").status == 200


def test_there_is_no_stream_to_get(owner: Person) -> None:
    answer = owner.client.get("/mcp-server", Accept="text/event-stream")

    assert (answer.status, answer.codes) == (405, {"_": ["method_not_allowed"]})
