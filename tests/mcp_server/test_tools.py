"""Agents as tools: who is shown which, what they take, and what a call answers."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.testing.world import Client, Person, World
from aasim_core.user_code.json_schema import violations
from aasim_plugins.executions.models import Execution
from aasim_plugins.mcp_server.tools import RESULT

Make = Callable[..., dict[str, Any]]
Call = Callable[..., dict[str, Any]]
PLACE = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}


@pytest.fixture
def names(rpc: Any) -> Callable[[Client], list[str]]:
    """The names of the agents among somebody's tools."""
    return lambda client: [tool["name"] for tool in rpc(client, "tools/list").body["result"]["tools"] if tool["name"] != RESULT]


def said(result: dict[str, Any]) -> str:
    return str(result["content"][0]["text"])


def test_an_agent_is_a_tool_that_takes_text(rpc: Any, owner: Person, make_agent: Make) -> None:
    make_agent("Word Counter", description="Counts words.")

    (tool,) = [tool for tool in rpc(owner.client, "tools/list").body["result"]["tools"] if tool["name"] == "word-counter"]

    assert (tool["title"], tool["description"]) == ("Word Counter", "Counts words.")
    assert tool["inputSchema"] == {
        "type": "object",
        "properties": {"input": {"type": "string", "minLength": 1, "description": "What the agent is asked."}},
        "required": ["input"],
        "additionalProperties": False,
    }


def test_an_agents_schema_is_that_of_its_tool(rpc: Any, owner: Person, make_agent: Make) -> None:
    make_agent("Place", input_schema=PLACE)
    make_agent("Numbers", input_schema={"type": "array", "items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": "integer"}}})

    tools = {tool["name"]: tool["inputSchema"] for tool in rpc(owner.client, "tools/list").body["result"]["tools"]}

    assert tools["place"] == PLACE
    assert tools["numbers"]["properties"]["input"]["items"] == {"$ref": "#/$defs/n"}
    assert tools["numbers"]["$defs"] == {"n": {"type": "integer"}}


OUTPUT = {"type": "object", "properties": {"found": {"$ref": "#/$defs/count"}}, "$defs": {"count": {"type": "integer"}}}


def test_results_are_described_by_the_agents_output_schema(rpc: Any, owner: Person, make_agent: Make) -> None:
    make_agent("Finder", output_schema=OUTPUT)
    make_agent("Poet", output_schema={"type": "string"})
    make_agent("Tree", output_schema={"type": "object", "additionalProperties": {"$ref": "#"}})

    schemas = {tool["name"]: tool.get("outputSchema") for tool in rpc(owner.client, "tools/list").body["result"]["tools"]}
    assert (schemas["poet"], schemas["tree"], schemas["get_execution_result"]) == (None, None, None)
    assert violations(schemas["finder"], {"found": 3}) == []
    assert violations(schemas["finder"], {"execution_id": "exec_1", "status": "queued"}) == []
    assert violations(schemas["finder"], {"found": "three"}) != []


def test_what_is_answered_meets_the_output_schema_before_and_after_the_end(
    rpc: Any, owner: Person, make_agent: Make, call: Call, work: Callable[[], int]
) -> None:
    make_agent("Finder", {"text": {"found": 3}}, output_schema=OUTPUT)
    [schema] = [t["outputSchema"] for t in rpc(owner.client, "tools/list").body["result"]["tools"] if t["name"] == "finder"]

    begun = call(owner.client, "finder", input="x")
    work()
    ended = call(owner.client, "get_execution_result", execution_id=begun["_meta"]["execution_id"])
    assert begun["structuredContent"] == {"execution_id": begun["_meta"]["execution_id"], "status": "queued"}
    assert ended["structuredContent"] == {"found": 3}
    assert violations(schema, begun["structuredContent"]) == violations(schema, ended["structuredContent"]) == []


def test_annotations_tell_whether_an_agent_can_have_effects(rpc: Any, owner: Person, make_agent: Make) -> None:
    helper = make_agent("Helper")
    make_agent("Boss", tools=[{"ref": f"agent:{helper['id']}"}])

    told = {tool["name"]: tool["annotations"] for tool in rpc(owner.client, "tools/list").body["result"]["tools"]}
    assert told["helper"] == {"readOnlyHint": True, "openWorldHint": False}
    assert told["boss"] == {"readOnlyHint": False, "openWorldHint": True}


def test_a_call_begins_a_run_of_the_callers(owner: Person, make_agent: Make, call: Call, work: Callable[[], int]) -> None:
    agent = make_agent("Greeter", "Hello!")

    begun = call(owner.client, "greeter", input="Hi")
    execution = owner.client.get(f"/executions/{begun['_meta']['execution_id']}").data
    assert (execution["agent_id"], execution["input"], execution["status"]) == (agent["id"], "Hi", "queued")
    assert RESULT in said(begun) and execution["id"] in said(begun)
    work()

    ended = call(owner.client, RESULT, execution_id=execution["id"])
    assert ended["content"] == [{"type": "text", "text": "Hello!"}]
    assert "isError" not in ended


def test_an_object_is_answered_as_text_and_as_it_is(owner: Person, make_agent: Make, call: Call, work: Callable[[], int]) -> None:
    make_agent("Finder", {"text": {"found": 3}}, input_schema=PLACE, output_schema={"type": "object"})
    begun = call(owner.client, "finder", place="sea")
    work()

    ended = call(owner.client, RESULT, execution_id=begun["_meta"]["execution_id"])

    assert ended["structuredContent"] == {"found": 3}
    assert json.loads(said(ended)) == {"found": 3}


def test_a_run_that_failed_is_told_to_the_model(owner: Person, make_agent: Make, call: Call, work: Callable[[], int]) -> None:
    make_agent("Broken", {"fault": "refused"})
    begun = call(owner.client, "broken", input="x")
    work()

    ended = call(owner.client, RESULT, execution_id=begun["_meta"]["execution_id"])

    assert ended["isError"] is True
    assert "engine_refused" in said(ended)


def test_what_is_wrong_with_a_call_is_told_to_the_model(owner: Person, make_agent: Make, call: Call) -> None:
    make_agent("Place", input_schema=PLACE)
    make_agent("Text")

    for name, arguments, told in (
        ("place", {}, "place"),
        ("place", {"place": 5}, "input.place"),
        ("text", {}, "Write the argument input"),
        ("text", {"input": "x", "more": 1}, "Write the argument input"),
        ("text", {"input": 5}, "must be text"),
        ("text", {"input": " "}, "not empty"),
        (RESULT, {}, "no such run"),
        (RESULT, {"execution_id": 5}, "no such run"),
    ):
        result = call(owner.client, name, **arguments)
        assert result["isError"] is True
        assert told in said(result)
    assert owner.client.get("/executions").data["items"] == []


def test_names_and_arguments_of_the_wrong_kind_are_errors_of_the_protocol(rpc: Any, owner: Person) -> None:
    for params in ({}, {"name": 5}, {"name": "nobody"}, {"name": RESULT, "arguments": [1]}):
        assert rpc(owner.client, "tools/call", params).body["error"]["code"] == -32602
    for cursor in (5, "guessed"):
        assert rpc(owner.client, "tools/list", {"cursor": cursor}).body["error"]["code"] == -32602


def test_agents_that_do_not_run_are_no_tools(
    owner: Person, make_agent: Make, names: Callable[[Client], list[str]], rpc: Any
) -> None:
    for status in ("active", "paused", "draft", "archived"):
        make_agent(status, status=status)
    gone = make_agent("Gone")
    owner.client.delete(f"/agents/{gone['id']}")

    listed = names(owner.client)

    assert "active" in listed
    assert not {"paused", "draft", "archived", "gone"} & set(listed)
    assert "error" in rpc(owner.client, "tools/call", {"name": "paused", "arguments": {"input": "x"}}).body


def test_agents_are_tools_of_those_who_may_run_them(
    world: World, owner: Person, make_agent: Make, names: Callable[[Client], list[str]], rpc: Any
) -> None:
    here, there = world.node(owner, "project"), world.node(owner, "project")
    make_agent("Everybody's")
    make_agent("Here", visibility="project", project_id=here)
    make_agent("There", visibility="project", project_id=there)
    make_agent("Private", visibility="private")
    operator, stranger = world.member(owner, "operator", here), world.organization("Other")

    assert {"everybody-s", "here"} == {name for name in names(operator.client) if not name.startswith("summariser")}
    assert {"there", "private"} <= set(names(owner.client))
    assert not {"everybody-s", "here", "there", "private"} & set(names(stranger.client))
    for person, name in ((operator, "there"), (operator, "private"), (stranger, "everybody-s")):
        answer = rpc(person.client, "tools/call", {"name": name, "arguments": {"input": "x"}})
        nothing = rpc(person.client, "tools/call", {"name": "nothing", "arguments": {"input": "x"}})
        assert answer.body["error"] == {"code": -32602, "message": nothing.body["error"]["message"].replace("nothing", name)}


def test_a_run_is_told_to_whoever_began_it_only(world: World, owner: Person, make_agent: Make, call: Call) -> None:
    make_agent("Greeter", "Hello!")
    begun = call(owner.client, "greeter", input="Hi")["_meta"]["execution_id"]

    for person in (world.member(owner, "admin"), world.organization("Other")):
        assert said(call(person.client, RESULT, execution_id=begun)).startswith("There is no such run of yours")


def test_an_agent_of_an_archived_project_is_not_run(world: World, owner: Person, make_agent: Make, call: Call) -> None:
    project = owner.client.post("/projects", {"name": "Old"}).data
    make_agent("Old agent", "x", project_id=project["id"])
    assert owner.client.put(f"/projects/{project['id']}/status", {"status": "archived", "reason": "Done."}).status == 200

    result = call(owner.client, "old-agent", input="x")

    assert result["isError"] is True
    assert "archived" in said(result)


@pytest.mark.long
def test_every_tool_is_listed_once_over_many_pages(rpc: Any, owner: Person, make_agent: Make) -> None:
    made = {make_agent(f"Agent {number:03}")["slug"] for number in range(101)}
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        result = rpc(owner.client, "tools/list", {"cursor": cursor} if cursor else {}).body["result"]
        seen += [tool["name"] for tool in result["tools"]]
        cursor = result.get("nextCursor")

    assert len(seen) == len(set(seen))
    assert made | {RESULT} <= set(seen)


def test_a_run_is_begun_by_the_key_that_calls(app: App, owner: Person, make_agent: Make, call: Call) -> None:
    make_agent("Greeter", "Hello!")
    scopes = ["agents:read", "agents:execute", "executions:read"]
    made = owner.client.post("/api-keys", {"name": "Assistant", "scopes": scopes}).data

    call(Client(owner.client.wsgi, made["key"]), "greeter", input="Hi")

    with organization_scope(owner.organization_id):
        assert [execution.api_key_id for execution in Execution.select()] == [made["id"]]
