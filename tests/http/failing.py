"""A route that fails as a test wants it to, and what it answers."""

from collections.abc import Callable, Mapping

import falcon
from falcon import testing

from aasim_core.http import error_handlers
from aasim_core.http.request import Request, Response
from aasim_core.serving.request_log import RequestLog


class Raising:
    """A resource that fails as it is told."""

    def __init__(self, fail: Callable[[], object]) -> None:
        self._fail = fail

    def on_get(self, req: Request, resp: Response) -> None:
        resp.set_headers({"ETag": '"1"', "Location": "/x", "X-Kept": "1"})
        resp.text = "half an answer"
        self._fail()

    on_head = on_get


def get(fail: Callable[[], object], path: str = "/x", method: str = "GET", **headers: str) -> testing.Result:
    wsgi = falcon.App(request_type=Request, response_type=Response, middleware=[RequestLog()])
    error_handlers.install(wsgi)
    wsgi.add_route("/x", Raising(fail))
    given = {"X-Request-Id": "request-0001", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return testing.TestClient(wsgi).simulate_request(method, path, headers=given)


def raising(error: BaseException) -> Callable[[], object]:
    def fail() -> object:
        raise error

    return fail


def problem(result: testing.Result) -> Mapping[str, object]:
    assert list(result.json) == ["success", "message", "errors"]
    assert result.json["success"] is False
    (found,) = result.json["errors"]["_"]
    return found
