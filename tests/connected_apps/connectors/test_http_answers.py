"""What comes back from HTTP services, and what is told when it does not."""

import socket
from base64 import b64encode
from typing import Any

import pytest

from aasim_core.testing.databases import Databases
from aasim_plugins.connected_apps.connecting import AppError

from ..conftest import TOKEN, Apps
from ..orders import CREATE, ORDER
from ..peers import Received, Response, Service


@pytest.fixture
def databases(sqlite_folder: Databases) -> Databases:
    """One database will do: what comes back does not depend on it."""
    return sqlite_folder


def test_half_a_character_in_an_answer_is_mended(apps: Apps, peer: Service) -> None:
    peer.answers["/orders/7"] = lambda received: Response(200, {"id": "7", "note": "\ud800!"})
    made = apps.http(peer, [ORDER])

    assert apps.call(made, "get_order", {"order_id": "7"}) == {"id": "7", "note": "\ufffd!"}


def test_what_the_service_repeats_of_the_secret_reaches_no_agent(apps: Apps, peer: Service) -> None:
    pair = b64encode(b"ada:p@ss word").decode()
    peer.answers["/orders/1"] = lambda received: Response(
        200, {"headers": dict(received.headers), "said": ["p@ss word", "p%40ss%20word"], "p@ss word": 1}
    )
    made = apps.http(peer, [ORDER], auth_type="basic", credentials={"username": "ada", "password": "p@ss word"})

    told = str(apps.call(made, "get_order", {"order_id": "1"}))

    assert pair not in told and "p@ss word" not in told and "p%40ss%20word" not in told
    assert "***" in told


def test_a_refusal_is_told_without_the_secret(apps: Apps, peer: Service) -> None:
    peer.answers["/orders/1"] = lambda received: Response(403, {"error": f"{TOKEN} may not"})
    made = apps.http(peer, [ORDER])

    with pytest.raises(AppError, match="403") as caught:
        apps.call(made, "get_order", {"order_id": "1"})

    assert (caught.value.code, caught.value.unknown) == ("refused", False)
    assert TOKEN not in caught.value.message and "*** may not" in caught.value.message
    assert apps.read(made)["status"] == "connected", "a refusal of one call says nothing about the app"


def test_credentials_that_are_not_taken_need_a_person(apps: Apps, peer: Service) -> None:
    peer.answers["/orders/1"] = lambda received: Response(401, {})
    made = apps.http(peer, [ORDER])

    with pytest.raises(AppError) as caught:
        apps.call(made, "get_order", {"order_id": "1"})

    assert caught.value.code == "auth"
    assert (apps.read(made)["status"], apps.events(made)[-1]) == ("needs_reauth", "needs_reauth")
    assert apps.client.patch(f"/connected-apps/{made['id']}", {"credentials": {"token": "new"}}).data["status"] == "connected"


def test_a_failure_of_what_may_not_be_repeated_is_unknown(apps: Apps, peer: Service) -> None:
    peer.answers["/orders"] = peer.answers["/orders/1"] = lambda received: Response(502, {})
    made = apps.http(peer, [ORDER, CREATE])

    for operation, arguments, unknown in (("get_order", {"order_id": "1"}, False), ("create_order", {"article": "tea"}, True)):
        with pytest.raises(AppError) as caught:
            apps.call(made, operation, arguments)
        assert (caught.value.code, caught.value.unknown) == ("unavailable", unknown)


def test_an_app_in_error_is_well_again_when_it_answers(apps: Apps, peer: Service) -> None:
    peer.answers["/orders/1"] = lambda received: Response(500, {})
    made = apps.http(peer, [ORDER])
    with pytest.raises(AppError):
        apps.call(made, "get_order", {"order_id": "1"})
    assert (apps.read(made)["status"], apps.read(made)["last_error"]["code"]) == ("error", "unavailable")

    peer.answers["/orders/1"] = lambda received: Response(200, {})
    apps.call(made, "get_order", {"order_id": "1"})

    assert (apps.read(made)["status"], apps.read(made)["last_error"]) == ("connected", None)


def test_redirects_are_not_followed(apps: Apps, peer: Service) -> None:
    peer.answers["/orders/1"] = lambda received: Response(302, {}, {"Location": f"{peer.url}/elsewhere"})
    made = apps.http(peer, [ORDER])

    with pytest.raises(AppError, match="redirect"):
        apps.call(made, "get_order", {"order_id": "1"})

    assert [received.path for received in peer.received] == ["/orders/1"]


@pytest.mark.long
def test_a_service_that_does_not_answer_is_left_in_time(apps: Apps, peer: Service) -> None:
    import threading

    let_go = threading.Event()

    def wait(received: Received) -> Response:
        let_go.wait(60)
        return Response(200, {})

    peer.answers["/orders/1"] = wait
    made = apps.http(peer, [ORDER])

    with pytest.raises(AppError) as caught:
        apps.call(made, "get_order", {"order_id": "1"}, seconds_left=0.3)
    let_go.set()

    assert caught.value.code == "timeout"


@pytest.mark.long
def test_a_call_that_ends_before_there_is_a_connection_has_done_nothing(apps: Apps, peer: Service) -> None:
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for caller in (first, second):  # the queue is full now, and nobody else gets through
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        made = apps.http(peer, [CREATE], config={"base_url": f"http://127.0.0.1:{listener.getsockname()[1]}"})
        with pytest.raises(AppError) as caught:
            apps.call(made, "create_order", {"article": "tea"}, seconds_left=0.3)

    assert (caught.value.code, caught.value.unknown) == ("timeout", False)


def test_more_than_anybody_reads_is_not_read(apps: Apps, peer: Service) -> None:
    peer.answers["/orders/1"] = lambda received: Response(200, b"x" * (4 * 1024 * 1024 + 1), {"Content-Type": "text/plain"})
    made = apps.http(peer, [ORDER])

    with pytest.raises(AppError) as caught:
        apps.call(made, "get_order", {"order_id": "1"})

    assert caught.value.code == "too_large"


@pytest.mark.long
def test_a_packed_answer_that_was_not_asked_for_is_not_unpacked(apps: Apps, peer: Service) -> None:
    import gzip

    bomb = gzip.compress(b"\0" * 50_000_000)
    peer.answers["/orders/1"] = lambda received: Response(200, bomb, {"Content-Encoding": "gzip"})
    made = apps.http(peer, [ORDER])

    with pytest.raises(AppError):
        apps.call(made, "get_order", {"order_id": "1"})


def test_a_long_result_is_cut_with_a_marker(apps: Apps, peer: Service) -> None:
    peer.answers["/orders/1"] = lambda received: Response(200, {"text": "ä" * 20_000})
    made = apps.http(peer, [ORDER])

    told = apps.call(made, "get_order", {"order_id": "1"})

    assert len(told.encode()) <= 16_384
    assert told.endswith("bytes]")


@pytest.mark.parametrize(
    ("body", "content_type", "value"),
    [
        (b"plain", "text/plain; charset=utf-8", "plain"),
        (b"", "application/json", None),
        (b'{"a": [1]}', "application/problem+json", {"a": [1]}),
    ],
)
def test_a_result_is_json_or_text(apps: Apps, peer: Service, body: bytes, content_type: str, value: Any) -> None:
    peer.answers["/orders/1"] = lambda received: Response(200, body, {"Content-Type": content_type})
    made = apps.http(peer, [ORDER])

    assert apps.call(made, "get_order", {"order_id": "1"}) == value


def test_every_use_leaves_a_row_without_what_was_said(apps: Apps, peer: Service) -> None:
    peer.answers["/orders/secret-order"] = lambda received: Response(200, {"what": "secret-answer"})
    made = apps.http(peer, [ORDER])
    assert made["last_used_at"] is None

    apps.call(made, "get_order", {"order_id": "secret-order"}, execution_id="exec_01h455vb4pex5vsknk084sn02q", step="call_1")

    answer = apps.client.get(f"/connected-apps/{made['id']}/logs")
    (use,) = answer.data["items"]
    assert (use["operation"], use["status"], use["step"]) == ("get_order", "succeeded", "call_1")
    assert (use["execution_id"], use["code"]) == ("exec_01h455vb4pex5vsknk084sn02q", None)
    assert "secret-" not in str(answer.body)
    assert apps.read(made)["last_used_at"] is not None


def test_a_halted_app_is_not_asked(apps: Apps, peer: Service) -> None:
    peer.answers["/orders/1"] = lambda received: Response(200, {})
    made = apps.http(peer, [ORDER])
    assert apps.client.post(f"/connected-apps/{made['id']}/halt", {"reason": "A test."}).data["halted_at"] is not None

    with pytest.raises(AppError, match="halted") as caught:
        apps.call(made, "get_order", {"order_id": "1"})
    assert (caught.value.code, peer.received) == ("halted", [])

    assert apps.client.post(f"/connected-apps/{made['id']}/resume").data["halted_at"] is None
    apps.call(made, "get_order", {"order_id": "1"})
    assert apps.uses(made) == [("get_order", "refused", "halted"), ("get_order", "succeeded", None)]


def test_what_is_not_there_cannot_be_called(apps: Apps, peer: Service) -> None:
    made = apps.http(peer, [ORDER])

    for app_id, operation in ((made["id"], "delete_everything"), ("capp_01h455vb4pex5vsknk084sn02q", "get_order")):
        with pytest.raises(AppError) as caught:
            apps.call({"id": app_id}, operation)
        assert caught.value.code == "not_found"


STEPS = ("dns", "tls", "auth", "call")


def steps_of(apps: Apps, made: Any) -> tuple[bool, list[str]]:
    outcome = apps.client.post(f"/connected-apps/{made['id']}/test").data
    assert [step["step"] for step in outcome["steps"]] == list(STEPS)
    assert all(step["duration_ms"] >= 0 for step in outcome["steps"])
    return outcome["ok"], [step["status"] for step in outcome["steps"]]


@pytest.mark.parametrize(
    ("status", "ok", "steps"),
    [
        (200, True, ["passed", "skipped", "passed", "passed"]),
        (404, True, ["passed", "skipped", "passed", "passed"]),
        (401, False, ["passed", "skipped", "failed", "skipped"]),
        (503, False, ["passed", "skipped", "skipped", "failed"]),
    ],
)
def test_a_test_says_how_far_it_came(apps: Apps, peer: Service, status: int, ok: bool, steps: list[str]) -> None:
    peer.answers["/health"] = lambda received: Response(status, {})
    made = apps.http(peer, [], config={"test_path": "/health"})

    assert steps_of(apps, made) == (ok, steps)
    assert apps.events(made)[-1] == "tested"


def test_a_test_of_a_name_that_leads_nowhere_ends_there(apps: Apps) -> None:
    made = apps.connect(
        name="Nowhere", provider="http", auth_type="bearer", credentials={"token": TOKEN},
        config={"base_url": "https://nowhere.invalid"},
    )  # fmt: skip

    assert steps_of(apps, made) == (False, ["failed", "skipped", "skipped", "skipped"])
    assert apps.read(made)["status"] == "error"


def test_a_test_of_a_port_without_tls_ends_there(apps: Apps, peer: Service) -> None:
    made = apps.http(peer, [], config={"base_url": peer.url.replace("http:", "https:")})

    assert steps_of(apps, made) == (False, ["passed", "failed", "skipped", "skipped"])
