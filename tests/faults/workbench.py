"""An agent with tools of real services: an MCP server process, a service that keeps a ledger, and people in between."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ..bench.contestants.aasim import scripted_engine
from .deployment import until
from .workload import Client

_MCP_SERVER = Path(__file__).parents[1] / "connected_apps" / "mcp_server.py"
#: The services of the tests are on this machine.
SETTINGS = {"AASIM_CONNECTED_APPS__ALLOWED_NETWORKS": '["127.0.0.0/8"]'}


@dataclass
class Ledger:
    """A service that writes down what it is told: each entry, with the idempotency key that came with it."""

    port: int
    entries: list[tuple[str, str]] = field(default_factory=list)

    def count(self, note: str) -> int:
        """How often a note was written down."""
        return sum(written == note for written, _ in self.entries)


@contextmanager
def keeping_a_ledger() -> Iterator[Ledger]:
    """The service, as long as the body runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            ledger.entries.append((body["note"], self.headers["Idempotency-Key"]))
            data = b'{"written": true}'
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        ledger = Ledger(server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield ledger
        server.shutdown()


@contextmanager
def telling_the_weather() -> Iterator[int]:
    """The port of an MCP server by the official SDK, in a process of its own."""
    with subprocess.Popen([sys.executable, str(_MCP_SERVER), "http"], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield int(process.stdout.readline())  # type: ignore[union-attr]
        finally:
            process.kill()


@dataclass(frozen=True)
class Workbench:
    """The organization with the agent, and its tools."""

    client: Client
    agent: str
    ledger: Ledger

    def execute(self, note: str) -> str:
        """Start a run that asks for the weather, and writes the note into the ledger once its owner has approved that."""
        replies = [_call("weather_weather", city="Vienna"), _call("ledger_write", note=note), "done"]
        return _post(self.client, f"/agents/{self.agent}/execute", {"input": note, "parameters": {"replies": replies}}, 202)

    def decide_what_is_pending(self) -> None:
        """Approve what is asked; of what is not known to have happened, say what the ledger says."""
        for approval in self._get("/hitl-approvals/pending?limit=100")["items"]:
            note = approval["payload"]["arguments"]["note"]
            happened = approval["kind"] == "tool_call" or self.ledger.count(note) > 0
            verb, comment = ("approve" if happened else "reject"), {"comment": "As the ledger says."}
            self.client.ask("POST", f"/api/v1/hitl-approvals/{approval['id']}/{verb}", comment)

    def calls_of(self, execution_id: str) -> list[dict[str, Any]]:
        """The tool calls of a run."""
        return list(self._get(f"/executions/{execution_id}/tool-calls")["items"])

    def read(self, execution_id: str) -> dict[str, Any]:
        """The run."""
        return self._get(f"/executions/{execution_id}")

    def _get(self, path: str) -> dict[str, Any]:
        status, answer = self.client.ask("GET", f"/api/v1{path}")
        assert status == 200, answer
        return dict(answer["data"])


def set_up(client: Client, port: int, weather: int, ledger: Ledger) -> Workbench:
    """Connect the two services, and make the agent; the owner decides. Needs an API and a worker."""
    url = {"url": f"http://127.0.0.1:{weather}/mcp"}
    tells = _app(client, {"name": "Weather", "provider": "mcp", "auth_type": "mcp", "config": url, "credentials": {}})
    keeps = _app(client, {"name": "Ledger", "provider": "http", "auth_type": "bearer", "config": _ledger_config(ledger),
                          "credentials": {"token": "a-token-of-the-ledger"}})  # fmt: skip
    _post(client, f"/connected-apps/{tells}/sync", None, 202)
    until(lambda: client.ask("GET", f"/api/v1/connected-apps/{tells}")[1]["data"]["synced_at"], "the tools of the MCP server")
    _post(
        client,
        "/hitl-approvals/policies",
        {"name": "Everything", "assignees": [{"type": "owner"}], "own_requests": True, "required": False},
    )
    tools = [{"ref": f"app:{tells}/weather"}, {"ref": f"app:{keeps}/write", "approval": "always"}]
    agent = _post(client, "/agents", {"name": "Clerk", "engine_id": scripted_engine(port, client.token), "tools": tools})
    return Workbench(client, agent, ledger)


def _app(client: Client, body: dict[str, Any]) -> str:
    return _post(client, "/connected-apps", body)


def _ledger_config(ledger: Ledger) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"note": {"type": "string"}}, "required": ["note"]}
    write = {"name": "write", "method": "POST", "path": "/entries", "arguments": schema}
    return {"base_url": f"http://127.0.0.1:{ledger.port}", "operations": [write]}


def _call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"tool_calls": [{"name": name, "arguments": arguments}]}


def _post(client: Client, path: str, body: Any, wanted: int = 201) -> str:
    status, answer = client.ask("POST", f"/api/v1{path}", body)
    assert status == wanted, answer
    return str(answer["data"]["id"])
