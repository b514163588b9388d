"""J1 to J3: the requests, and one round of them against one contestant."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from ..contestants.handmade import ROOT, Service
from ..contestants.shape import NEW_AGENT
from ..processes import cpu_seconds
from . import generator

JOBS = ("J1", "J1t", "J2", "J3")


class Failed(Exception):
    """A contestant gave a wrong answer; its figures would mean nothing."""


def call(port: int, method: str, path: str, token: str, body: Any = None) -> Any:
    """One request; the decoded body of its answer, which must be a success."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    payload = None if body is None else json.dumps(body)
    if payload is not None:
        headers["Content-Type"] = "application/json"
    try:
        connection.request(method, path, payload, headers)
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    if response.status >= 300:
        raise Failed(f"{method} {path} was answered {response.status}: {content[:500]!r}")
    return json.loads(content)


def measured(service: Service, job: str, *, seconds: float, warm_up: float, numbers: Iterator[int]) -> generator.Result:
    """Load `service` with one job; `Failed` when an answer was not the expected one."""
    requests, first, pids = requests_of(service, job), next(numbers) * 1_000_000, [process.pid for process in service.processes]
    before = cpu_seconds(pids)
    expect = 201 if job == "J3" else 200
    result = loaded(service.port, requests, expect=expect, seconds=seconds, warm_up=warm_up, first_number=first)
    cost = (cpu_seconds(pids) - before) / (result.requests + result.warm_up_requests)
    result.server_cpu = round(cost * 1e6, 1)
    return result


def loaded(port: int, requests: list[str], **more: float) -> generator.Result:
    """Load a server from a process of its own (see `generator.Plan`); `Failed` when an answer was not the expected one."""
    plan = json.dumps({"port": port, "requests": requests, **more})
    command = [sys.executable, "-m", "tests.bench.load.generator"]
    done = subprocess.run(command, input=plan, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        raise Failed(done.stderr.strip()[-500:])
    result = generator.Result(**json.loads(done.stdout))
    if result.errors:
        raise Failed(f"{result.errors} of {result.requests} answers were wrong; the first: {result.samples[0]}")
    return result


def requests_of(service: Service, job: str) -> list[str]:
    """The requests of a job, to be sent in turn."""
    page = "/api/v1/agents?limit=25"
    if job == "J3":
        return [generator.request("POST", "/api/v1/agents", service.writer, NEW_AGENT)]
    if job == "J2":
        return [generator.request("GET", f"/api/v1/agents/{agent}", service.reader) for agent in first_ids(service)]
    return [generator.request("GET", page + ("&include=total" if job == "J1t" else ""), service.reader)]


def first_ids(service: Service) -> Sequence[str]:
    """The ids of the reader's 25 newest agents."""
    return [item["id"] for item in call(service.port, "GET", "/api/v1/agents?limit=25", service.reader)["data"]["items"]]
