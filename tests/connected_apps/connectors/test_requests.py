"""Requests that no operation of an app declares: below its address and nowhere else, however somebody writes it."""

from collections.abc import Callable

import pytest

from aasim_core.testing.databases import Databases
from aasim_core.testing.world import World
from aasim_plugins.connected_apps.connecting import AppError, HttpRequest
from aasim_plugins.connected_apps.connectors import http

from ..conftest import Apps
from ..oauth.provider import Provider
from ..peers import Received, Response, Service

CONFIG = {"base_url": "https://shop.example/v1/", "other_requests": ["GET", "POST"]}


@pytest.fixture
def databases(sqlite_folder: Databases) -> Databases:
    """One database will do: what is sent does not depend on it."""
    return sqlite_folder


def why_not(url: str, method: str = "GET", base: str = CONFIG["base_url"]) -> str | None:
    """The field that says why the request must not be made."""
    requests = http.connector().requests
    assert requests is not None
    told = requests.why_not({**CONFIG, "base_url": base}, method, url)
    return told and told[0]


@pytest.mark.parametrize(
    "url",
    ["https://shop.example/v1", "https://shop.example/v1/", "https://shop.example/v1/a/b/", "https://shop.example:443/v1/a",
     "HTTPS://SHOP.example/v1/a", "https://shop.example/v1/a?to=../b//c@d", "https://shop.example/v1/a%20b", "https://shop.example/v1/..a/.b"],
)  # fmt: skip
def test_what_is_below_the_address_may_be_asked(url: str) -> None:
    assert why_not(url) is None


@pytest.mark.parametrize(
    "rest",
    ["/v1/../admin", "/v1/a/..", "/v1/./a", "/v1/%2e%2E/admin", "/v1/%252e%252e/admin", "/v1/..;x/admin", "/v1/%2e%2e%3b/admin",
     "/v1/a%2Fb", "/v1/a%252fb", "/v1/a%5cb", "/v1/a\\b", "/v1//admin", "//shop.example/v1", "/v10", "/V1", "/v2", "/", "",
     "/v1/x y", "/v1/%00", "/v1/%0d%0ax", "/v1/a#b", "/v1/ü", "/v1/a\tb", "?a=b"],
)  # fmt: skip
def test_another_path_is_not_asked(rest: str) -> None:
    assert why_not(f"https://shop.example{rest}") == "url"


@pytest.mark.parametrize(
    "url",
    ["http://shop.example/v1/a", "https://shop.example:444/v1/a", "https://shop.example.evil.example/v1/a", "https://evil.example/v1/a",
     "https://shop.example@evil.example/v1/a", "https://me:pw@shop.example/v1/a", "https://@shop.example/v1/a", "//shop.example/v1/a",
     "https:/shop.example/v1/a", "https://[::1/v1/a", "https://shop.example:x/v1/a",
     "https://shop.example\\@evil.example/v1/a", "/v1/a", ""],
)  # fmt: skip
def test_another_host_is_not_asked(url: str) -> None:
    assert why_not(url) == "url"


def test_an_app_at_the_root_of_a_host_takes_every_path_there() -> None:
    assert [why_not(url, base="https://shop.example") for url in ("https://shop.example", "https://shop.example/a")] == [
        None,
        None,
    ]
    assert why_not("https://shop.example.evil.example/a", base="https://shop.example") == "url"


@pytest.mark.parametrize("method", ["DELETE", "get", "TRACE", ""])
def test_other_methods_are_not_allowed(method: str) -> None:
    assert why_not("https://shop.example/v1/a", method) == "method"


def test_tokens_are_renewed_for_them_too_and_never_told(apps: Apps, provider: Provider, work: Callable[[], int]) -> None:
    made = apps.oauth(provider, grant="client_credentials", other_requests=["GET"])
    work()
    used: list[str] = []

    def answer(received: Received) -> Response:
        used.append(received.headers["Authorization"])
        return Response(401 if len(used) == 1 else 200, {"you": used[-1]})

    provider.answers["/who"] = answer
    sent = apps.send(made, HttpRequest("GET", f"{provider.url}/who"))
    assert (sent.status, len(set(used))) == (200, 2)
    assert used[-1].removeprefix("Bearer ") not in str(sent)


def test_a_request_for_what_the_app_was_before_is_not_sent(apps: Apps, peer: Service) -> None:
    made = apps.http(peer, [], config={"other_requests": ["GET"]})
    with pytest.raises(AppError) as caught:
        apps.send(made, HttpRequest("GET", f"{peer.url}/a"), contract="that of another configuration")
    assert (caught.value.code, peer.received) == ("changed", [])


def test_what_allows_requests_is_part_of_what_is_approved(apps: Apps, peer: Service) -> None:
    made = apps.http(peer, [], config={"other_requests": ["GET"]})
    before = apps.request_contract(made)
    apps.client.patch(f"/connected-apps/{made['id']}", {"config": {**made["config"], "other_requests": ["GET", "DELETE"]}})
    assert apps.request_contract(made) != before


def test_whoever_may_not_change_the_app_cannot_allow_them(apps: Apps, peer: Service, world: World) -> None:
    made = apps.http(peer, [])
    config = {**made["config"], "other_requests": ["GET"]}
    assert world.member(apps.owner, "operator").client.patch(f"/connected-apps/{made['id']}", {"config": config}).status == 403
