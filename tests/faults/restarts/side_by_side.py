"""Releases with an API and a worker each on one database, and clients who use whichever of them gets requests."""

import itertools
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...bench import processes
from ..deployment import COMMAND, Deployment, until
from ..invariants import violations
from ..workload import Client, History, Operation, create, execute


@dataclass
class Release:
    """A release, with an API and a worker of its own on the common database; `own` are the settings of its processes."""

    deployment: Deployment
    name: str
    own: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=processes.free_port)

    @property
    def settings(self) -> dict[str, str]:
        """The environment of its processes."""
        return {**self.deployment.settings, **self.own, "AASIM_BIND": f"127.0.0.1:{self.port}"}

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run `aasim` with arguments to its end."""
        environment = processes.environment(self.settings)
        return subprocess.run([COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=60)

    def migrate(self, *arguments: str) -> str:
        """Apply its migrations; what was said."""
        done = self.command("migrate", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> None:
        """Start its API and its worker."""
        self.deployment.start_api(f"{self.name}-api", self.port, **self.settings)
        worker = f"{self.name}-worker"
        self.deployment.running[worker] = processes.spawn([COMMAND, "worker"], self.settings, self.deployment.log(worker))
        until(lambda: "the worker is ready" in self.deployment.log(worker).read_text(), f"the start of {worker}")

    def stop(self) -> None:
        """Ask both to stop, as an operator does."""
        assert self.deployment.stop(f"{self.name}-api") == 0
        assert self.deployment.stop(f"{self.name}-worker") == 0


class Spread(Client):
    """Sends each request to the next of the releases that are in rotation, as a balancer does."""

    rotation: Sequence[Release] = ()
    turns: Iterator[int] = itertools.count()

    def ask(self, *request: Any, **more: Any) -> tuple[int, Any]:
        """One request."""
        self.port = self.rotation[next(self.turns) % len(self.rotation)].port
        return super().ask(*request, **more)


@dataclass
class Load:
    """Threads that create agents, start executions and read a list, until the body ends; then everything must be well."""

    deployment: Deployment
    token: str
    history: History
    #: The releases that get requests.
    rotation: list[Release]
    reads: list[int] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Load":
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(4)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def turn_to(self, *releases: Release) -> None:
        """Send requests to these from now on."""
        self.rotation[:] = releases
        self.go_on()

    def go_on(self) -> None:
        """Wait until the list was read a number of times more."""
        count = len(self.reads)
        until(lambda: len(self.reads) > count + 20 or self._over.is_set(), "a bit of load", seconds=60)

    def client(self) -> Spread:
        """A client whose requests are spread."""
        client = Spread(0, self.token)
        client.rotation = self.rotation
        return client

    def _work(self, number: int) -> None:
        client = self.client()
        acts: list[Callable[[], object]] = [
            lambda: execute(client, self.history), lambda: self.read(client), lambda: create(client, self.history),
        ]  # fmt: skip
        for act in itertools.cycle(acts[number % 3 :] + acts[: number % 3]):
            if self._over.wait(0.1):
                return
            act()

    def read(self, client: Client) -> None:
        """Read the list, after whatever else a test wants to be done."""
        self.reads.append(client.ask("GET", "/api/v1/executions?limit=25&include=total")[0])

    def operations(self) -> Sequence[Operation]:
        """Everything that was asked for."""
        return self.history.operations

    def faults(self) -> list[str]:
        """What went wrong, as sentences; to be asked when the load is over."""
        self.deployment.settle(120)
        refused = [op for op in self.operations() if op.attempts > 1 or not op.done]
        return [
            *(f"{op.kind} was answered {op.refusals} and {op.status} in {op.attempts} attempts: {op.id}" for op in refused),
            *(f"the list was answered {status}" for status in self.reads if status != 200),
            *violations(self.deployment, self.history),
        ]
