"""Where the operator wants it, spans hold what was said; of the organization that said it, and no other."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from aasim_core.testing.world import Person, World

from .conftest import Receiver, Told
from .test_traces import CANARY, call, one, scripted


@pytest.fixture(scope="session")
def plugin_settings(collector: Receiver) -> Mapping[str, Any]:
    """With what is said."""
    return {"otel.endpoint": collector.url, "otel.content": True}


@pytest.mark.long
def test_what_was_said_is_in_the_spans_of_engines_and_tools(
    world: World, owner: Person, work: Callable[[], int], sent: Callable[[Person], list[Told]]
) -> None:
    other = world.organization("Other")
    for person, word in ((owner, "Tea"), (other, CANARY)):
        child = scripted(person, "Child", f"{word}, says the child.")
        boss = scripted(person, "Boss", call("child", input=f"{word}?"), f"{word}!", tools=[{"ref": f"agent:{child}"}])
        person.client.post(f"/agents/{boss}/execute", {"input": f"{word}, please."})
    work()

    spans = sent(owner)
    assert json.loads(one(spans, "execute_tool child").attributes["gen_ai.tool.call.arguments"]) == {"input": "Tea?"}
    last = [span.attributes for span in spans if span.name == "chat script"][-1]
    assert json.loads(last["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Tea!"}], "finish_reason": "stop"}
    ]
    asked = json.loads(last["gen_ai.input.messages"])
    assert {"type": "text", "content": "Tea, please."} in [part for message in asked for part in message["parts"]]
    assert "Tea, says the child." in str(asked)
    assert CANARY not in str(spans)
