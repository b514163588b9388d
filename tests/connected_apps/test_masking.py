"""What an app's secrets, and what one member's run sent, are not found in: errors of calls, and what others read of them."""

import json
from typing import Any

import pytest

from aasim_core.testing.principals import member_with
from aasim_core.testing.world import Person, World
from aasim_plugins.connected_apps.connecting import AppError

from .conftest import TOKEN, Apps
from .peers import Received, Response, Service

PASSWORD = "geheimes-passwort-lang-ü-x"
NOTE: dict[str, Any] = {
    "name": "note", "method": "POST", "path": "/notes", "arguments": {"properties": {"text": {"type": "string"}}},
}  # fmt: skip


def said_of(apps: Apps, peer: Service, body: bytes) -> str:
    """What a call is told that the service refuses with the body."""
    peer.answers["/notes"] = lambda received: Response(400, body)
    credentials = {"username": "ada", "password": PASSWORD}
    made = apps.http(peer, [NOTE], auth_type="basic", credentials=credentials)
    with pytest.raises(AppError) as caught:
        apps.call(made, "note", {"text": "x"})
    return caught.value.message


@pytest.mark.parametrize("length", [380, 399])
def test_a_secret_that_a_quotation_would_end_in_is_masked(apps: Apps, peer: Service, length: int) -> None:
    assert "gehe" not in said_of(apps, peer, b"x" * length + PASSWORD.encode())


def test_a_secret_in_another_encoding_is_masked(apps: Apps, peer: Service) -> None:
    assert said_of(apps, peer, f"not {PASSWORD}".encode("latin-1")) == "the service answered 400: not ***"


def test_a_long_answer_is_quoted_in_part(apps: Apps, peer: Service) -> None:
    assert len(said_of(apps, peer, b"x" * 100_000)) < 500


def echoed(received: Received) -> Response:
    return Response(422, {"invalid": json.loads(received.body)})


def test_what_a_call_sent_is_told_to_the_call_and_not_to_others(world: World, owner: Person, apps: Apps, peer: Service) -> None:
    peer.answers["/notes"] = echoed
    made = apps.http(peer, [NOTE])
    other = member_with(world, owner, ("connected_apps:read",))

    with pytest.raises(AppError, match="078-05-1120"):
        apps.call(made, "note", {"text": "078-05-1120"})

    told = other.client.get(f"/connected-apps/{made['id']}").data["last_error"]
    assert (told["code"], told["message"]) == ("refused", "the service answered 422")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({"token": TOKEN}, {}),
        (b"x", {"Content-Type": f"text/{TOKEN}"}),
        (None, {"Content-Type": f"text/{TOKEN[:12]}...{TOKEN[12:]}"}),
    ],
)
def test_of_an_answer_that_is_no_mcp_nothing_is_quoted(apps: Apps, peer: Service, body: Any, headers: dict[str, str]) -> None:
    peer.answers["/mcp"] = lambda received: Response(200, body, headers)
    made = apps.connect(
        name="Docs", provider="mcp", auth_type="bearer", credentials={"token": TOKEN}, config={"url": f"{peer.url}/mcp"}
    )

    step = apps.client.post(f"/connected-apps/{made['id']}/test").data["steps"][-1]

    assert step["message"] == "the server answered something that is no MCP, or takes this for none"
    assert apps.read(made)["last_error"]["code"] == "invalid_answer"
