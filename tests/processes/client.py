"""Somebody who uses the API over real connections, and looks through every answer for secrets."""

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from ..bench import processes

API = "/api/v1"
#: What shows tokens, and in which fields.
_SHOW_TOKENS = ("/auth/register", "/auth/login", "/auth/refresh")
_TOKENS = ("access_token", "refresh_token")


class Secrets:
    """What must not be found anywhere: passwords, tokens and keys that a test used or was given."""

    def __init__(self) -> None:
        self._values: set[str] = set()

    def new(self, prefix: str = "") -> str:
        """A fresh secret of the test's own."""
        return self.keep(f"{prefix}{token_hex(16)}")

    def keep(self, value: str) -> str:
        """Remember a secret that somebody else made."""
        self._values.add(value)
        return value

    def refuse(self, text: str, where: str) -> None:
        """AssertionError if any of them is in `text`."""
        for value in self._values:
            assert value not in text, f"a secret ({value[:4]}…) is in {where}"

    def learn(self, data: dict[str, Any]) -> None:
        """Take the tokens out of what an answer shows for the only time, and remember them."""
        self._values |= {data.pop(name) for name in _TOKENS}


@dataclass(frozen=True)
class Answer:
    """An answer of the API."""

    status: int
    headers: http.client.HTTPMessage
    body: Any

    @property
    def data(self) -> Any:
        """The envelope's data."""
        return self.body["data"]

    @property
    def codes(self) -> list[str]:
        """The codes of the envelope's errors."""
        return [problem["code"] for problems in self.body.get("errors", {}).values() for problem in problems]


@dataclass
class Client:
    """Somebody who uses the API over real connections."""

    port: int
    secrets: Secrets
    token: str | None = None

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send one request, such as ``ask("GET", "/agents", Prefer="wait=5")``."""
        connection, response = self._send(method, path, body, headers)
        try:
            text = response.read().decode()
        finally:
            connection.close()
        content = json.loads(text) if text.startswith("{") else text
        if path in _SHOW_TOKENS and response.status < 300:
            shown = json.loads(text)
            self.secrets.learn(shown["data"])
            text = json.dumps(shown)
        self.secrets.refuse(f"{response.headers}{text}", f"the answer to {method} {path}")
        return Answer(response.status, response.headers, content)

    def get(self, path: str, **headers: str) -> Answer:
        """GET."""
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        """POST."""
        return self.ask("POST", path, {} if body is None else body, **headers)

    def follow(self, path: str, seconds: float = 60, **headers: str) -> Iterator[dict[str, str]]:
        """The server-sent events of `path`, each as its fields, until the server ends the stream as HTTP wants it ended.

        `seconds` is how long it may be silent. http.client.IncompleteRead if the stream breaks off.
        """
        with self.opened(path, seconds, **headers) as response:
            assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
            assert response.headers["Transfer-Encoding"] == "chunked"
            text = ""
            while piece := response.read1(65536):
                text += piece.decode()
                *whole, text = text.split("\n\n")
                for event in whole:
                    self.secrets.refuse(event, f"the stream {path}")
                    if not event.startswith(":"):  # a sign of life
                        yield dict(line.split(": ", 1) for line in event.split("\n"))
            assert text == "", "the stream ended in the middle of an event"

    @contextmanager
    def opened(self, path: str, seconds: float = 60, **headers: str) -> Iterator[http.client.HTTPResponse]:
        """The answer to somebody who wants to follow `path`; its body may go on for long."""
        connection, response = self._send("GET", path, None, {"Accept": "text/event-stream", **headers}, seconds)
        try:
            yield response
        finally:
            connection.close()
            response.close()

    def _send(
        self, method: str, path: str, body: Any, headers: Mapping[str, str], seconds: float = 60
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            sent["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        connection.request(method, API + path, None if body is None else json.dumps(body), sent)
        return connection, connection.getresponse()

    def register(self, **fields: str) -> "Client":
        """A new person with an organization of their own, logged in."""
        person = Client(self.port, self.secrets)
        body = {"name": "Ada", "email": f"ada.{token_hex(4)}@example.org", "password": self.secrets.new("pw-"), **fields}
        answer = person.post("/auth/register", body)
        assert answer.status == 201, answer
        person.token = answer.data["access_token"]
        return person

    def agent(self, *replies: Any, **fields: Any) -> str:
        """The id of a new agent whose engine plays `replies`."""
        [engine] = self.get("/engines?provider=scripted").data["items"]
        body = {"name": f"Scripted {token_hex(4)}", "engine_id": engine["id"], "parameters": {"replies": list(replies)}, **fields}
        answer = self.post("/agents", body)
        assert answer.status == 201, answer
        return str(answer.data["id"])

    def execute(self, agent_id: str, **headers: str) -> str:
        """The id of a new run of the agent."""
        answer = self.post(f"/agents/{agent_id}/execute", {"input": "Go."}, **headers)
        assert answer.status in (200, 202), answer
        return str(answer.data["id"])

    def execution(self, execution_id: str) -> Any:
        """The execution as it is now."""
        return self.get(f"/executions/{execution_id}").data

    def becomes(self, execution_id: str, *statuses: str, seconds: float = 120) -> Any:
        """Wait until the execution has one of these statuses; returns it."""
        seen: list[Any] = []

        def look() -> bool:
            seen[:] = [self.execution(execution_id)]
            return seen[0]["status"] in statuses

        try:
            processes.eventually(look, f"status {' or '.join(statuses)}", seconds=seconds)
        except TimeoutError:
            raise AssertionError(f"after {seconds:g} s it is not {' or '.join(statuses)}: {seen[0]}") from None
        return seen[0]
