"""Calling HTTP services: what is sent, and what is not."""

from base64 import b64encode
from typing import Any

import pytest

from aasim_core.testing.databases import Databases
from aasim_plugins.connected_apps.connecting import AppError

from ..conftest import TOKEN, Apps
from ..orders import CREATE, ORDER
from ..peers import Response, Service


@pytest.fixture
def databases(sqlite_folder: Databases) -> Databases:
    """One database will do: what is sent does not depend on it."""
    return sqlite_folder


def test_arguments_go_into_path_and_query(apps: Apps, peer: Service) -> None:
    peer.answers["/orders/7%2F8%20a"] = lambda received: Response(200, {"id": "7/8 a", "open": True})
    made = apps.http(peer, [ORDER])

    assert apps.call(made, "get_order", {"order_id": "7/8 a", "full": True}) == {"id": "7/8 a", "open": True}

    (received,) = peer.received
    assert (received.method, received.query, received.body) == ("GET", {"full": "true"}, b"")
    assert received.headers["Authorization"] == f"Bearer {TOKEN}"


def test_an_argument_can_stand_twice_in_a_path(apps: Apps, peer: Service) -> None:
    peer.answers["/a/1/b/1"] = lambda received: Response(200, dict(received.query))
    made = apps.http(peer, [{**ORDER, "path": "/a/{order_id}/b/{order_id}"}])

    assert apps.call(made, "get_order", {"order_id": "1"}) == {}


def test_arguments_of_what_writes_go_into_the_body_with_the_idempotency_key(apps: Apps, peer: Service) -> None:
    peer.answers["/orders"] = lambda received: Response(201, {"id": "o1"})
    made = apps.http(peer, [CREATE])

    assert apps.call(made, "create_order", {"article": "tea", "count": 2}, idempotency_key="exec_1:call_9") == {"id": "o1"}

    (received,) = peer.received
    assert (received.method, received.json, received.query) == ("POST", {"article": "tea", "count": 2}, {"source": "agents"})
    assert received.headers["Idempotency-Key"] == "exec_1:call_9"


@pytest.mark.parametrize("order_id", ["..", ".", ""])
def test_no_argument_leads_to_another_path(apps: Apps, peer: Service, order_id: str) -> None:
    made = apps.http(peer, [ORDER])

    with pytest.raises(AppError) as caught:
        apps.call(made, "get_order", {"order_id": order_id})

    assert (caught.value.code, peer.received) == ("invalid_arguments", [])


def test_the_address_of_the_service_stays_whatever_the_arguments_are(apps: Apps, peer: Service) -> None:
    made = apps.http(peer, [ORDER])

    with pytest.raises(AppError):
        apps.call(made, "get_order", {"order_id": "x/../../admin?y#@169.254.169.254/"})

    assert peer.received[0].path == "/orders/x%2F..%2F..%2Fadmin%3Fy%23%40169.254.169.254%2F"


def test_arguments_that_do_not_meet_the_schema_are_not_sent(apps: Apps, peer: Service) -> None:
    made = apps.http(peer, [CREATE])

    with pytest.raises(AppError, match="count") as caught:
        apps.call(made, "create_order", {"article": "tea", "count": "two"})

    assert (caught.value.code, caught.value.unknown, peer.received) == ("invalid_arguments", False, [])
    assert apps.uses(made) == [("create_order", "refused", "invalid_arguments")]


@pytest.mark.parametrize(
    ("auth_type", "credentials", "config", "header", "value"),
    [
        ("basic", {"username": "ada", "password": "sentinel-pw"}, {}, "Authorization", f"Basic {b64encode(b'ada:sentinel-pw').decode()}"),
        ("api_key", {"api_key": "sentinel-key"}, {}, "X-Api-Key", "sentinel-key"),
        ("api_key", {"api_key": "sentinel-key"}, {"api_key": {"name": "X-Shop"}}, "X-Shop", "sentinel-key"),
    ],
)  # fmt: skip
def test_each_kind_of_credential_is_sent_as_it_should(
    apps: Apps, peer: Service, auth_type: str, credentials: Any, config: Any, header: str, value: str
) -> None:
    peer.answers["/orders/1"] = lambda received: Response(200, {})
    made = apps.http(peer, [ORDER], auth_type=auth_type, credentials=credentials, config=config)

    apps.call(made, "get_order", {"order_id": "1"})

    sent = {name.lower(): text for name, text in peer.received[0].headers.items()}
    assert sent[header.lower()] == value


def test_an_api_key_can_go_into_the_query(apps: Apps, peer: Service) -> None:
    peer.answers["/orders/1"] = lambda received: Response(200, {})
    made = apps.http(
        peer, [ORDER], auth_type="api_key", credentials={"api_key": "sentinel-key"}, config={"api_key": {"in": "query", "name": "key"}}
    )  # fmt: skip

    apps.call(made, "get_order", {"order_id": "1"})

    assert peer.received[0].query == {"key": "sentinel-key"}


KEY = {"auth_type": "api_key", "credentials": {"api_key": "sentinel-key"}}


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "Content-Type", "Idempotency-Key"])
def test_an_api_key_does_not_go_into_a_header_that_the_platform_writes(apps: Apps, peer: Service, name: str) -> None:
    config = {"base_url": peer.url, "api_key": {"name": name}}

    answer = apps.client.post("/connected-apps", {"name": "Orders", "provider": "http", "config": config, **KEY})

    assert (answer.status, list(answer.codes)) == (422, ["config.api_key"])


@pytest.mark.parametrize("place", [{"name": "Authorization"}, {"in": "query", "name": "host"}])
def test_an_api_key_can_have_other_places(apps: Apps, peer: Service, place: Any) -> None:
    assert apps.http(peer, [ORDER], config={"api_key": place}, **KEY)["config"]["api_key"] == place


def test_a_request_that_breaks_the_protocol_when_it_has_begun_is_told(apps: Apps, peer: Service) -> None:
    made = apps.http(peer, [CREATE], **{**KEY, "credentials": {"api_key": "3"}})
    apps.change(made, config={**made["config"], "api_key": {"name": "Content-Length"}})

    with pytest.raises(AppError) as caught:
        apps.call(made, "create_order", {"article": "tea"})

    assert (caught.value.code, caught.value.unknown) == ("invalid_arguments", True)
