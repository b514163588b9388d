"""Nodes that send HTTP requests: what they send, what comes of the answer, and what happens where there is none."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.peer import Handler, Peer, serving
from aasim_core.testing.world import Person
from aasim_plugins.executions.hookspecs import Reviewer
from aasim_plugins.workflows.nodes.http import http

from ...executions.conftest import Desk
from ..conftest import let_time_pass, node, outcomes, read

Run = Callable[..., dict[str, Any]]
Later = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def peer() -> Iterator[Peer]:
    """A service that answers every request well, until the test says otherwise."""
    with serving() as peer:
        peer.behaviour = answering(200, {"ok": True})
        yield peer


@pytest.fixture
def desk(app: App) -> Iterator[Desk]:
    """People who decide what is put to them."""
    desk, before = Desk(), app.offers("reviewers")
    app.offers.keep("reviewers", {"desk": Reviewer("desk", lambda question: False, desk.put, desk.decided.get)})
    yield desk
    app.offers.keep("reviewers", before)


def answering(status: int, body: Any = b"", **headers: str) -> Callable[[Handler], None]:
    """The behaviour of a service that answers so; what is no bytes is JSON."""
    told = {} if isinstance(body, bytes) else {"Content_Type": "application/json"}
    return lambda handler: handler.answer(status, body, **{**told, **headers})


def in_turn(*behaviours: Callable[[Handler], None]) -> Callable[[Handler], None]:
    """One behaviour after the other."""
    left = iter(behaviours)
    return lambda handler: next(left)(handler)  # noqa: PLW0108 - it is another one each time


@pytest.fixture
def later(owner: Person, work: Callable[[], int]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Lets the time come for the next attempt of what a run does; returns the run."""

    def later(told: dict[str, Any]) -> dict[str, Any]:
        let_time_pass(owner, told["execution"]["id"])
        work()
        return read(owner, told["execution"]["id"])

    return later


def fetch(peer: Peer, method: str = "GET", path: str = "/orders/7", **config: Any) -> dict[str, Any]:
    """A node that asks the service."""
    return node("fetch", "http", method=method, url=f"{peer.url}{path}", **config)


def failure(told: dict[str, Any]) -> str:
    """The code with which the run failed."""
    assert told["execution"]["status"] == "failed", told["execution"]
    return str(told["execution"]["error"]["code"])


def test_an_answer_is_given_with_its_status_headers_and_value(run: Run, peer: Peer) -> None:
    peer.behaviour = answering(201, {"id": 7}, X_Shop="Vienna")
    output = run([fetch(peer)])["execution"]["output"]
    assert (output["status"], output["body"], output["headers"]["x-shop"]) == (201, {"id": 7}, "Vienna")


@pytest.mark.parametrize(
    ("body", "content_type", "value"),
    [
        (b'{"a": 1}', "application/problem+json; charset=utf-8", {"a": 1}),
        (b'{"a": 1}', "text/plain", '{"a": 1}'),
        (b'{"a": ', "application/json", '{"a": '),
        (b"caf\xe9", "text/plain; charset=ISO-8859-1", "café"),
        (b"caf\xc3\xa9", "text/plain; charset=hex", "café"),
        (b"\xff", "text/plain", "�"),
        (b"a\0b", "text/plain", "a�b"),
        (b"", "application/json", None),
    ],
)
def test_a_body_is_json_where_it_is_and_else_text(run: Run, peer: Peer, body: bytes, content_type: str, value: Any) -> None:
    peer.behaviour = answering(200, body, Content_Type=content_type)
    assert run([fetch(peer)])["execution"]["output"]["body"] == value


def test_what_is_sent_is_filled_in(run: Run, peer: Peer) -> None:
    config = {
        "query": {"page": "{{ input.page }}", "tag": ["a b", "ü&"]},
        "headers": {"X-For": "{{ input.name }}"},
        "body": {"amount": "{{ input.amount * 2 }}"},
    }
    given = {"page": 3, "name": "Ada", "amount": 21}
    run([fetch(peer, "POST", "/orders?fixed=1", **config)], given=given)
    assert (peer.methods, peer.bodies) == (["POST"], [{"amount": 42}])
    assert peer.paths == ["/orders?fixed=1&page=3&tag=a+b&tag=%C3%BC%26"]
    assert (peer.headers[0]["x-for"], peer.headers[0]["content-type"]) == ("Ada", "application/json")


@pytest.mark.parametrize(
    ("body", "headers", "content_type", "sent"),
    [
        ("plain ü", {}, "text/plain; charset=utf-8", "plain ü".encode()),
        ("<a/>", {"Content-Type": "application/xml"}, "application/xml", b"<a/>"),
        ({"a": "1 2", "b": [3, True]}, {"content-type": "application/x-www-form-urlencoded"},
         "application/x-www-form-urlencoded", b"a=1+2&b=3&b=true"),
        ([1, None], {}, "application/json", b"[1,null]"),
    ],
)  # fmt: skip
def test_a_body_is_sent_as_its_type_says(
    run: Run, peer: Peer, body: Any, headers: dict[str, str], content_type: str, sent: bytes
) -> None:
    run([fetch(peer, "PUT", headers=headers, body=body)])
    assert (peer.headers[0]["content-type"], peer.raw_bodies) == (content_type, [sent])


@pytest.mark.parametrize(
    ("status", "code"),
    [(301, "unexpected_status"), (400, "http_4xx"), (404, "http_4xx"), (429, "http_429"), (500, "http_5xx"), (503, "http_5xx")],
)
def test_an_answer_that_is_no_success_is_an_error_with_a_code(run: Run, peer: Peer, status: int, code: str) -> None:
    peer.behaviour = answering(status, {"why": "so"}, Location=f"{peer.url}/elsewhere")
    assert (failure(run([fetch(peer)])), len(peer.paths)) == (code, 1)


def test_other_answers_can_be_expected(run: Run, peer: Peer) -> None:
    peer.behaviour = answering(404, {"why": "gone"})
    assert run([fetch(peer, expect=[200, 404])])["execution"]["output"]["status"] == 404
    peer.behaviour = answering(204)
    assert failure(run([fetch(peer, expect=[200, 404])])) == "unexpected_status"


def test_an_error_tells_what_was_answered_and_an_edge_can_take_it(run: Run, peer: Peer) -> None:
    peer.behaviour = answering(404, {"why": "gone"})
    told = run([fetch(peer), node("sorry", value="{{ nodes.fetch.error.message }}")], "fetch>sorry:error")
    assert told["execution"]["output"] == 'The answer is 404: {"why":"gone"}'


def test_what_may_pass_is_tried_again(run: Run, peer: Peer, later: Later) -> None:
    peer.behaviour = in_turn(answering(503), answering(429), answering(200, {"paid": True}))
    retry = {"max_attempts": 3, "on": ["http_5xx", "http_429"]}
    told = later(later(run([{**fetch(peer, "POST", body={}), "retry": retry}])))
    assert (told["execution"]["output"]["body"], told["nodes"][0]["attempt"]) == ({"paid": True}, 3)


def test_what_no_retry_names_is_not_tried_again(run: Run, peer: Peer) -> None:
    peer.behaviour = answering(404)
    told = run([{**fetch(peer), "retry": {"max_attempts": 3, "on": ["http_5xx"]}}])
    assert (failure(told), len(peer.paths)) == ("http_4xx", 1)


def test_items_of_a_loop_have_keys_of_their_own(run: Run, peer: Peer) -> None:
    body = {"nodes": [fetch(peer, "POST", body="{{ item }}")]}
    run([node("each", "foreach", items="input", body=body)], given=["a", "b", "c"])
    assert len({headers["idempotency-key"] for headers in peer.headers}) == 3


def test_an_address_that_is_not_allowed_is_not_reached(run: Run) -> None:
    assert failure(run([node("fetch", "http", url="http://10.0.0.1/")])) == "not_allowed"


def test_where_nobody_answers_the_connection_has_failed(run: Run) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        assert failure(run([node("pay", "http", method="POST", url=url)])) == "connection_failed"


def test_an_answer_that_is_too_large_is_an_error(run: Run, peer: Peer) -> None:
    peer.behaviour = answering(200, b"x" * 270_000, Content_Type="text/plain")
    assert failure(run([fetch(peer, "POST")])) == "output_too_large"
    peer.behaviour = answering(200, b"x" * 2_000_000, Content_Type="text/plain")
    assert failure(run([fetch(peer, "POST")])) == "output_too_large"


def test_a_request_that_cannot_be_made_is_an_error(run: Run, peer: Peer) -> None:
    assert failure(run([node("fetch", "http", url="{{ input }}")], given="http://[::1/")) == "invalid_request"
    assert failure(run([node("fetch", "http", url="{{ input }}")], given="ftp://example.com/")) == "invalid_config"
    assert failure(run([node("fetch", "http", url="{{ input }}")], given=f"{peer.url.replace('//', '//me:pw@')}/")) == (
        "invalid_config"
    )


@pytest.mark.parametrize("name", ["Authorization", "cookie", "HOST", "Idempotency-Key", "Content-Length", "a b", ""])
def test_headers_that_are_not_for_workflows_to_write_are_refused(run: Run, peer: Peer, name: str) -> None:
    headers = "{{ {'x-a': 'b', input: 'c'} }}"
    told = run([fetch(peer, headers=headers)], given=name)
    assert (failure(told), peer.paths) == ("invalid_config", [])


def test_what_is_wrong_with_it_is_told_when_it_is_written(owner: Person) -> None:
    config = {"url": "https://me:pw@example.com/", "headers": {"Authorization": "Bearer x"}, "expect": [99]}
    definition = {"language": 1, "nodes": [node("fetch", "http", **config)]}
    faults = owner.client.post("/workflows/validate", {"definition": definition}).data["faults"]
    assert {fault["path"].removeprefix("nodes.fetch.config."): fault["message"] for fault in faults} == {
        "url": "Write an address, such as https://shop.example/orders, without user and password.",
        "headers.Authorization": "This is no name for a field here. Write names of headers that the platform does not write itself; "
        "credentials are for connected apps to send.",
        "expect[0]": "Write a number of at least 200.",
    }


def test_a_request_of_a_branch_is_sent_by_a_run_of_its_own(run: Run, peer: Peer) -> None:
    other = node("other", "http", url=f"{peer.url}/other")
    told = run([node("start", "parallel"), fetch(peer), other], "start>fetch", "start>other")
    assert outcomes(told) == {"start": "done", "fetch": "done", "other": "done"}
    assert all(each["execution_id"] for each in told["nodes"][1:])
    assert sorted(peer.paths) == ["/orders/7", "/other"]


@pytest.mark.long
@pytest.mark.parametrize("in_branch", [False, True])
def test_people_are_asked_what_became_of_a_post_without_an_answer(
    run: Run, peer: Peer, desk: Desk, owner: Person, work: Callable[[], int], in_branch: bool
) -> None:
    peer.behaviour = lambda handler: handler.reset()
    nodes, edges = [fetch(peer, "POST", _name="Pay the order")], []
    if in_branch:
        nodes, edges = [node("start", "parallel"), *nodes, node("nap", "wait", seconds=0)], ["start>fetch", "start>nap"]
    told = run(nodes, *edges)
    assert [(question.kind, question.title) for question in desk.open.values()] == [
        ("unknown_outcome", "Has Pay the order been done?")
    ]
    desk.decide(approved=True, comment="It is paid.")
    work()
    ended = read(owner, told["execution"]["id"])
    [paid] = [each for each in ended["nodes"] if each["node"] == "fetch"]
    assert (ended["execution"]["status"], paid["output"], len(peer.paths)) == ("succeeded", "It is paid.", 1)


@pytest.mark.long
def test_what_people_say_was_not_done_can_be_tried_again(
    run: Run, peer: Peer, desk: Desk, work: Callable[[], int], later: Later
) -> None:
    peer.behaviour = in_turn(lambda handler: handler.reset(), answering(200, {"paid": True}))
    told = run([{**fetch(peer, "POST"), "retry": {"max_attempts": 2}}])
    desk.decide(approved=False, comment="There is no payment.")
    work()
    assert later(told)["execution"]["output"]["body"] == {"paid": True}


@pytest.mark.long
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_nobody_is_asked_where_another_request_does_no_harm(run: Run, peer: Peer, desk: Desk, later: Later, method: str) -> None:
    peer.behaviour = in_turn(lambda handler: handler.reset(), answering(200, {"ok": True}))
    told = later(run([{**fetch(peer, method), "retry": {"max_attempts": 2, "on": ["connection_failed"]}}]))
    assert (told["execution"]["status"], desk.open) == ("succeeded", {})


@pytest.mark.parametrize(
    ("method", "effect", "is_idempotent"),
    [("GET", "read", True), ("HEAD", "read", True), ("OPTIONS", "read", True), ("PUT", "write", True),
     ("DELETE", "delete", True), ("POST", "write", False), ("PATCH", "write", False)],
)  # fmt: skip
def test_the_method_says_what_a_second_request_does(app: App, method: str, effect: str, is_idempotent: bool) -> None:
    kind, config = http(app), {"method": method, "url": "http://example.com"}
    assert (kind.effect(config), kind.is_idempotent(config)) == (effect, is_idempotent)


class TestATimeOut:
    """A service that never answers."""

    @pytest.fixture(scope="session")
    @classmethod
    def plugin_settings(cls) -> dict[str, Any]:
        """A request has a second."""
        return {"workflows.allowed_networks": ["127.0.0.0/8"], "workflows.http_seconds": 1}

    @pytest.mark.long
    def test_it_has_a_code(self, run: Run, peer: Peer) -> None:
        """Nobody is asked about what only reads."""
        peer.behaviour = lambda handler: handler.hang_until_the_peer_leaves()
        assert failure(run([fetch(peer)])) == "timeout"


@pytest.mark.long
def test_runs_of_nodes_tell_their_errors(run: Run, peer: Peer, owner: Person) -> None:
    peer.behaviour = answering(500)
    told = run([node("start", "parallel"), fetch(peer), node("nap", "wait", seconds=0)], "start>fetch", "start>nap")
    child = next(each["execution_id"] for each in told["nodes"] if each["node"] == "fetch")
    error = owner.client.get(f"/executions/{child}").data["error"]
    assert (failure(told), error["code"]) == ("http_5xx", "http_5xx")
