"""Cross-origin requests: who may call from a page, and what the page may read."""

import falcon
import pytest
from falcon import testing

from aasim_core.errors import Refused
from aasim_core.http import error_handlers
from aasim_core.http.request import Request, Response
from aasim_core.serving.cors import Cors

PAGE = "https://app.example.com"


class Guarded:
    """A resource that asks everybody for a credential."""

    def on_get(self, req: Request, resp: Response) -> None:
        if not req.auth:
            raise Refused("authentication_required", "Send a credential.")
        resp.text = "{}"

    on_options = on_get


def client(*origins: str) -> testing.TestClient:
    wsgi = falcon.App(request_type=Request, response_type=Response, middleware=[Cors(origins)])
    error_handlers.install(wsgi)
    wsgi.add_route("/x", Guarded())
    return testing.TestClient(wsgi)


def preflight(origin: str, *origins: str) -> testing.Result:
    headers = {"Origin": origin, "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "if-match"}
    return client(*origins).simulate_options("/x", headers=headers)


def test_preflight_is_answered_without_a_credential() -> None:
    result = preflight(PAGE, PAGE)
    assert result.status_code == 204
    assert result.headers["Access-Control-Allow-Origin"] == PAGE
    assert "PATCH" in result.headers["Access-Control-Allow-Methods"]
    assert "If-Match" in result.headers["Access-Control-Allow-Headers"]
    assert result.headers["Vary"] == "Origin"


def test_preflight_of_another_origin_is_an_ordinary_request() -> None:
    result = preflight("https://evil.example.com", PAGE)
    assert result.status_code == 401
    assert not [name for name in result.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    "origin", [f"{PAGE}.evil.com", "http://app.example.com", f"{PAGE}:8443", "null", "HTTPS://APP.EXAMPLE.COM"]
)
def test_origin_is_compared_as_a_whole(origin: str) -> None:
    assert "Access-Control-Allow-Origin" not in preflight(origin, PAGE).headers


def test_page_may_read_answers_and_their_headers_even_of_errors() -> None:
    for headers in ({"Origin": PAGE, "Authorization": "Bearer x"}, {"Origin": PAGE}):
        result = client(PAGE).simulate_get("/x", headers=headers)
        assert result.headers["Access-Control-Allow-Origin"] == PAGE
        assert "ETag" in result.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in result.headers


def test_answer_without_an_origin_still_varies_by_it() -> None:
    result = client(PAGE).simulate_get("/x")
    assert result.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Origin" not in result.headers


def test_any_origin_may_be_allowed() -> None:
    assert preflight("https://anywhere.example.com", "*").headers["Access-Control-Allow-Origin"] == "*"
