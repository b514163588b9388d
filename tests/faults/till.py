"""A service that takes payments, and runs that wait for its answer: what a worker has in hand when something fails."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_hex
from typing import Any

from ..bench.contestants.aasim import register, scripted_engine
from .deployment import Deployment, until
from .workload import Client

RUNS = 4


@dataclass
class Till:
    """A service that takes payments, and answers when it is allowed to."""

    taken: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    receipt: bytes = b"{}"
    may_answer: threading.Event = field(default_factory=threading.Event)
    port: int = 0


@contextmanager
def open_till() -> Iterator[Till]:
    """The service, as long as the body runs."""
    till = Till()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            note = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["note"]
            till.taken.append(note)
            till.may_answer.wait(300)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(till.receipt)))
            self.end_headers()
            self.wfile.write(till.receipt)
            till.answered.append(note)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        till.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield till
        till.may_answer.set()
        server.shutdown()


@dataclass(frozen=True)
class Payments:
    """Runs that pay at the till."""

    client: Client
    runs: list[str]

    def ends(self) -> list[str]:
        """How the runs stand."""
        return [self._end(run) for run in self.runs]

    def _end(self, run: str) -> str:
        answers: list[Any] = []

        def is_told() -> bool:
            answers[:] = self.client.ask("GET", f"/api/v1/executions/{run}")
            return bool(answers[0] == 200)

        until(is_told, f"an answer about {run}")
        return str(answers[1]["data"]["status"])

    def are_over(self) -> bool:
        """Whether every run has ended, or waits for people."""
        return all(end in ("succeeded", "failed", "waiting") for end in self.ends())


def begin_payments(deployment: Deployment, till: Till) -> Payments:
    """Runs whose payments are under way at a till; needs an API and a worker with `SETTINGS`."""
    client = Client(deployment.port, register(deployment.port, f"losses_{token_hex(4)}"))
    schema = {"type": "object", "properties": {"note": {"type": "string"}}, "required": ["note"]}
    pay = {"name": "pay", "method": "POST", "path": "/payments", "arguments": schema, "idempotent": False}
    config = {"base_url": f"http://127.0.0.1:{till.port}", "operations": [pay]}
    app = {"name": "Till", "provider": "http", "auth_type": "bearer", "credentials": {"token": "a-token-of-the-till"}}
    shop = _made(client, "/connected-apps", {**app, "config": config})
    tools = [{"ref": f"app:{shop}/pay", "approval": "never"}]
    agent = _made(
        client, "/agents", {"name": "Cashier", "engine_id": scripted_engine(deployment.port, client.token), "tools": tools}
    )
    runs = []
    for number in range(RUNS):
        call = {"tool_calls": [{"name": "till_pay", "arguments": {"note": f"payment {number}"}}]}
        body = {"input": "Pay.", "parameters": {"replies": [call, "paid"]}}
        runs.append(_made(client, f"/agents/{agent}/execute", body))
    until(lambda: len(till.taken) == RUNS, "the payments")
    return Payments(client, runs)


def _made(client: Client, path: str, body: Any) -> str:
    status, answer = client.ask("POST", f"/api/v1{path}", body)
    assert status in (201, 202), answer
    return str(answer["data"]["id"])
