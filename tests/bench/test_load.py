"""The load generator and the judging of figures, on which every claim about speed rests."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from .load import generator
from .reporting.findings import Goal, Measurement, found, missed


class Handler(BaseHTTPRequestHandler):
    """Answers 200, or 500 to every path that says so; remembers bodies."""

    protocol_version = "HTTP/1.1"
    bodies: list[str] = []

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.do_GET()

    def do_GET(self) -> None:
        self.send_response(500 if "wrong" in self.path else 200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name for it
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    Handler.bodies.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def planned(port: int, request: str) -> generator.Result:
    return generator.run(generator.Plan(port, [request], seconds=0.2, warm_up=0.05, connections=4))


@pytest.mark.long
def test_every_answer_is_counted_and_timed(port: int) -> None:
    result = planned(port, generator.request("GET", "/", "token"))
    assert result.errors == 0
    assert result.requests == pytest.approx(result.rate * result.seconds, abs=1)
    assert 0 < result.p50 <= result.p95 <= result.p99


@pytest.mark.long
def test_another_status_is_an_error_and_its_text_is_kept(port: int) -> None:
    result = planned(port, generator.request("GET", "/wrong", "token"))
    assert result.errors == result.requests > 0
    assert result.samples[0].startswith("HTTP/1.1 500")


@pytest.mark.long
def test_each_request_carries_a_number_of_its_own(port: int) -> None:
    planned(port, generator.request("POST", "/", "token", {"name": "Agent 0123456789"}))
    assert len(Handler.bodies) == len(set(Handler.bodies)) > 10


def test_a_figure_is_judged_by_its_goal() -> None:
    findings = [found("good", 0.71, Goal("≥", 0.7)), found("bad", 41, Goal("≤", 40, " ms")), found("plain", 3)]
    assert [finding.met for finding in findings] == [True, False, None]
    assert missed([Measurement("J4", "sqlite", findings)]) == ["J4 on sqlite: bad is 41.0 ms, the goal is ≤ 40 ms"]
