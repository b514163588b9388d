"""Processes are asked to stop while they work: nothing is cut off."""

import http.client
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from ...bench.contestants.aasim import scripted_engine
from ...bench.processes import answers, free_port
from ..conftest import how_many
from ..deployment import Deployment, until
from ..invariants import violations
from ..workload import Client, History, execute, prepare

pytestmark = [pytest.mark.long, pytest.mark.faults]


def test_a_worker_that_is_asked_to_stop_hands_its_run_back_without_counting_an_attempt(deployment: Deployment) -> None:
    deployment.start("serve")
    client, history = prepare(deployment.port)
    deployment.start("worker")
    operations = [execute(client, history) for _ in range(20)]
    until(lambda: deployment.unfinished()["executions"] < len(operations), "the first finished run")
    assert deployment.stop("worker") == 0
    assert deployment.rows("SELECT count(*) FROM core_job WHERE state = 'running' OR crash_count > 0") == [(0,)]
    deployment.start("worker")
    deployment.settle()
    assert violations(deployment, history) == []
    assert deployment.rows("SELECT count(*) FROM executions_execution WHERE attempt > 1") == [(0,)]


def test_a_worker_stops_within_its_grace_while_a_slow_run_waits_for_its_engine(deployment: Deployment) -> None:
    deployment.start("serve")
    client, _ = prepare(deployment.port)
    slow = {"replies": [{"text": "done", "delay_seconds": 600}]}
    body = {"name": "Slow", "engine_id": scripted_engine(deployment.port, client.token), "parameters": slow}
    agent = client.ask("POST", "/api/v1/agents", body)[1]["data"]["id"]
    deployment.start("worker", AASIM_WORKER__GRACE_SECONDS="2")
    execution = client.ask("POST", f"/api/v1/agents/{agent}/execute", {"input": "Go."})[1]["data"]["id"]
    state = f"SELECT status FROM executions_execution WHERE id = '{execution}'"
    until(lambda: deployment.rows(state) == [("running",)], "the start of the slow run")
    asked = time.monotonic()
    assert deployment.stop("worker") == 0
    assert time.monotonic() - asked < 60
    assert deployment.rows("SELECT count(*) FROM core_job WHERE state = 'running' OR crash_count > 0") == [(0,)]


def test_rolling_restarts_at_fifty_requests_a_second_fail_no_request(deployment: Deployment) -> None:
    deployment.start("serve")
    client, history = prepare(deployment.port)
    instances = [Instance(deployment, "serve", deployment.port), Instance(deployment, "second", free_port())]
    instances[1].start()
    with Traffic(client, history, instances, rate=50) as traffic:
        for _ in range(how_many("RESTARTS", 3)):
            for instance in instances:
                instance.restart()
    assert traffic.failures == []
    assert traffic.count > 100


def test_a_balancer_that_only_asks_for_readiness_fails_no_request_either(deployment: Deployment) -> None:
    settings = {"AASIM_SERVER__DRAIN_SECONDS": "6"}
    deployment.start("serve", **settings)
    client, history = prepare(deployment.port)
    instances = [Instance(deployment, "serve", deployment.port, settings), Instance(deployment, "second", free_port(), settings)]
    instances[1].start()
    with Traffic(client, history, instances, rate=50, tries=1) as traffic:
        for instance in instances:
            instance.restart()
    assert traffic.failures == []
    assert traffic.count > 100


@dataclass
class Instance:
    """One of several API servers behind a balancer."""

    deployment: Deployment
    name: str
    port: int
    settings: Mapping[str, str] = field(default_factory=dict)
    in_rotation: bool = True

    def start(self) -> None:
        """Start it and wait until it wants requests."""
        self.deployment.start_api(self.name, self.port, **self.settings)

    def restart(self) -> None:
        """Stop it as an operator does, and start it again."""
        assert self.deployment.stop(self.name) == 0
        self.start()

    def look(self) -> None:
        """Take it in or out of rotation, as its readiness says."""
        self.in_rotation = answers(self.port, "/api/v1/health/ready")


@dataclass
class Traffic:
    """Requests at a steady rate through a balancer that asks for readiness, and does what nginx does by itself:

    it tries the next server where a connection is refused, if it may make more than one of `tries`.
    """

    client: Client
    history: History
    instances: Sequence[Instance]
    rate: float
    tries: int = 2
    only_reads: bool = False
    count: int = 0
    failures: list[str] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> "Traffic":
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(8)]
        self._threads.append(threading.Thread(target=self._look))
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _look(self) -> None:
        while not self._stopping.wait(0.1):
            for instance in self.instances:
                instance.look()

    def _send(self, number: int) -> None:
        while not self._stopping.wait(8 / self.rate):
            self.count += 1
            first = (self.count + number) % len(self.instances)
            ordered = [*self.instances[first:], *self.instances[:first]]
            ordered.sort(key=lambda instance: not instance.in_rotation)
            name = f"Rolling {number} {self.count} {time.monotonic()}"
            self._ask([Client(instance.port, self.client.token) for instance in ordered[: self.tries]], number, name)

    def _ask(self, clients: Sequence[Client], number: int, name: str) -> None:
        """Ask one after the other until one takes the connection; the key makes it safe to send a POST again after a reset."""
        client = clients[0]
        try:
            if number % 2 or self.only_reads:
                status, _ = client.ask("GET", "/api/v1/agents")
            else:
                key = {"Idempotency-Key": name.replace(" ", "-")}
                status, _ = client.ask("POST", "/api/v1/agents", {"name": name}, key)
        except (ConnectionRefusedError, ConnectionResetError) as error:
            if clients[1:]:
                self._ask(clients[1:], number, name)
            else:
                self.failures.append(str(error))
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.failures.append(f"{type(error).__name__}: {error}")
        else:
            if status >= 300:
                self.failures.append(f"status {status}")
