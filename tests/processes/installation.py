"""An installation as an operator has it: a folder, settings, and real processes, whose every output and answer is looked through."""

import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

from ..bench import processes

API = "/api/v1"
#: What shows tokens, and in which fields.
_SHOW_TOKENS = ("/auth/register", "/auth/login", "/auth/refresh")
_TOKENS = ("access_token", "refresh_token")


def aasim(*arguments: str) -> list[str]:
    """The command line; -P keeps the folder that it is called from out of the import path."""
    return [sys.executable, "-P", "-m", "aasim_core", *arguments]


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


@dataclass
class Process:
    """A running process, and what it has written so far."""

    popen: "subprocess.Popen[bytes]"
    log: Path

    @property
    def output(self) -> str:
        """What it has written to standard output and standard error."""
        return self.log.read_text(errors="replace")

    def says(self, text: str, seconds: float = 60) -> str:
        """Wait until it has written `text`; returns all that it wrote."""
        processes.eventually(lambda: text in self.output or self._refuse_end(text), f"{text!r}", seconds=seconds)
        return self.output

    def _refuse_end(self, text: str) -> bool:
        assert self.popen.poll() is None or text in self.output, f"it ended without saying {text!r}:\n{self.output}"
        return False

    def children(self) -> dict[str, int]:
        """The processes that `aasim up` keeps running, by name."""
        found = {}
        for pid in (int(p) for p in Path(f"/proc/{self.popen.pid}/task/{self.popen.pid}/children").read_text().split()):
            words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            found |= {name: pid for name in ("serve", "worker") if name in words}
        return found

    def send(self, number: int) -> None:
        """Send a signal to this process, not to its children."""
        self.popen.send_signal(number)

    def kill(self) -> None:
        """End it as a loss of power would."""
        processes.kill(self.popen)

    def stop(self, number: int = signal.SIGTERM, seconds: float = 60) -> int:
        """Ask it to stop, and wait; its exit code."""
        if self.popen.poll() is None:
            self.send(number)
        return self.popen.wait(seconds)


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

    def follow(self, path: str, seconds: float = 30, **headers: str) -> Iterator[dict[str, str]]:
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
    def opened(self, path: str, seconds: float = 30, **headers: str) -> Iterator[http.client.HTTPResponse]:
        """The answer to somebody who wants to follow `path`; its body may go on for long."""
        connection, response = self._send("GET", path, None, {"Accept": "text/event-stream", **headers}, seconds)
        try:
            yield response
        finally:
            connection.close()
            response.close()

    def _send(
        self, method: str, path: str, body: Any, headers: Mapping[str, str], seconds: float = 30
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            sent["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        connection.request(method, API + path, None if body is None else json.dumps(body), sent)
        return connection, connection.getresponse()

    def register(self) -> "Client":
        """A new person with an organization of their own, logged in."""
        person = Client(self.port, self.secrets)
        body = {"name": "Ada", "email": f"ada.{token_hex(4)}@example.org", "password": self.secrets.new("pw-")}
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

    def becomes(self, execution_id: str, *statuses: str, seconds: float = 60) -> Any:
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


@dataclass
class Installation:
    """A data folder with settings, and the processes that were started on it."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    secrets: Secrets = field(default_factory=Secrets)
    port: int = field(default_factory=processes.free_port)
    started: list[Process] = field(default_factory=list)

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of its processes; what they leave for somebody to read falls into the folder too."""
        (self.folder / "tmp").mkdir(exist_ok=True)
        settings = {
            "AASIM_DATA_DIR": str(self.data), "AASIM_BIND": f"127.0.0.1:{self.port}", "AASIM_SERVER__WORKERS": "1",
            "TMPDIR": str(self.folder / "tmp"), **self.settings, **more,
        }  # fmt: skip
        return processes.environment(settings)

    def run(
        self, *arguments: str, under: Sequence[str] = (), seconds: float = 60, **more: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end, perhaps `under` another program; its output must hold no secret."""
        done = subprocess.run(
            [*under, *aasim(*arguments)], env=self.environment(**more), cwd=self.folder, capture_output=True, text=True, timeout=seconds,
            check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        self.secrets.refuse(done.stdout + done.stderr, f"the output of aasim {' '.join(arguments)}")
        return done

    def start(self, *arguments: str, **more: str) -> Process:
        """Start a process, such as ``start("worker")``."""
        log = self.folder / f"{arguments[0]}-{len(self.started)}.log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                aasim(*arguments), env=self.environment(**more), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, start_new_session=True,
            )  # fmt: skip
        self.started.append(Process(popen, log))
        return self.started[-1]

    def serve(self, **more: str) -> Process:
        """Start the API, and wait until it wants requests."""
        process = self.start("serve", **more)
        self.wait_ready(process)
        return process

    def wait_ready(self, process: Process, seconds: float = 60) -> None:
        """Wait until the API wants requests; AssertionError if the process ends instead."""

        def look() -> bool:
            assert process.popen.poll() is None, f"it ended with {process.popen.poll()}:\n{process.output}"
            return processes.answers(self.port, f"{API}/health/ready", below=300)

        processes.eventually(look, "the start of the API", seconds=seconds)

    @property
    def visitor(self) -> Client:
        """Somebody without an account."""
        return Client(self.port, self.secrets)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query, past the tenant scope."""
        connection = sqlite3.connect(self.data / "aasim.db", timeout=30)
        try:
            return list(connection.execute(sql, values))
        finally:
            connection.close()

    def close(self) -> None:
        """End what still runs, and look for secrets and for tracebacks in everything that was written."""
        for process in self.started:
            if process.popen.poll() is None:
                process.kill()
        for path in (path for path in self.folder.rglob("*") if path.is_file() and path.suffix != ".gguf"):
            content = path.read_bytes().decode("latin-1")
            self.secrets.refuse(content, str(path.relative_to(self.folder)))
            if path.suffix == ".log":
                _refuse_tracebacks(content, path.name)


def _refuse_tracebacks(log: str, name: str) -> None:
    """AssertionError if somebody failed for a reason that nobody foresaw; a database that is out of reach is no such reason."""
    for line in log.splitlines():
        assert "Traceback" not in line or '"event":"storage unavailable"' in line, f"{name}: {line}"


def is_alive(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def kill(pid: int) -> None:
    """End a process as a loss of power would."""
    os.kill(pid, signal.SIGKILL)
