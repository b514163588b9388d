"""Clients that use an installation while it fails, and remember what they asked for and what they were told."""

import http.client
import itertools
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

from ..bench.contestants.aasim import register, scripted_engine

#: A run of five steps: an engine call, a tool call, an engine call, a tool call, and the answer.
SCRIPT = {
    "replies": [
        {"text": "first", "tool_calls": [{"name": "look_up", "arguments": {"word": "one"}}]},
        {"text": "second", "tool_calls": [{"name": "look_up", "arguments": {"word": "two"}}]},
        "done",
    ]
}
STEPS = 5


@dataclass
class Operation:
    """One thing that a client wanted: what it was told in the end, or None as `status` if it gave up without an answer."""

    kind: str
    key: str
    subject: str | None = None
    status: int | None = None
    id: str | None = None
    attempts: int = 0
    refusals: list[int] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """Whether the client was told that it happened."""
        return self.status is not None and self.status < 300


@dataclass
class Client:
    """Someone who repeats a request with the same idempotency key until there is a definite answer, as clients should."""

    port: int
    token: str
    patience: float = 120

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """One request; OSError or HTTPException when there is no whole answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            payload = None if body is None else json.dumps(body)
            more = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, path, payload, {"Authorization": f"Bearer {self.token}", **more, **(headers or {})})
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"{}")
        finally:
            connection.close()

    def insist(self, operation: Operation, method: str, path: str, body: Any) -> Operation:
        """Ask until the answer is definite (neither a broken connection nor a 503 nor a conflict with the own first try)."""
        until = time.monotonic() + self.patience
        while time.monotonic() < until:
            operation.attempts += 1
            try:
                status, answer = self.ask(method, path, body, {"Idempotency-Key": operation.key})
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(0.05)
                continue
            if status == 503 or (status == 409 and "idempotency_in_progress" in json.dumps(answer)):
                operation.refusals.append(status)
                time.sleep(0.05)
                continue
            operation.status = status
            operation.id = answer["data"]["id"] if status < 300 else json.dumps(answer)
            return operation
        return operation


@dataclass
class History:
    """Everything that the clients did."""

    agent: str
    operations: list[Operation] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, operation: Operation) -> Operation:
        """Remember an operation."""
        with self._lock:
            self.operations.append(operation)
        return operation

    def of(self, kind: str) -> list[Operation]:
        """The operations of a kind: `create` or `execute`."""
        return [operation for operation in self.operations if operation.kind == kind]


def prepare(port: int) -> tuple[Client, History]:
    """Register an organization with one agent that plays `SCRIPT`."""
    client = Client(port, register(port, f"faults_{token_hex(4)}"))
    engine = scripted_engine(port, client.token)
    status, answer = client.ask("POST", "/api/v1/agents", {"name": "Scripted", "engine_id": engine, "parameters": SCRIPT})
    assert status == 201, answer
    return client, History(answer["data"]["id"])


def execute(client: Client, history: History) -> Operation:
    """Start one execution; its key is kept in its metadata."""
    operation = Operation("execute", f"execute-{token_hex(8)}", history.agent)
    body = {"input": "Go.", "metadata": {"key": operation.key}}
    return client.insist(history.add(operation), "POST", f"/api/v1/agents/{history.agent}/execute", body)


def create(client: Client, history: History) -> Operation:
    """Create one agent; its key is its name."""
    operation = Operation("create", f"create-{token_hex(8)}")
    return client.insist(history.add(operation), "POST", "/api/v1/agents", {"name": operation.key})


class Load:
    """Threads that execute and create in turn, at most `rate` times a second altogether, until they are stopped."""

    def __init__(self, client: Client, history: History, *, threads: int = 4, rate: float = 20) -> None:
        self._client, self._history = client, history
        self._stopping = threading.Event()
        self._pause = threads / rate
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(threads)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _work(self, number: int) -> None:
        for act in itertools.cycle([execute, create] if number % 2 else [create, execute]):
            if self._stopping.wait(self._pause):
                return
            act(self._client, self._history)
