"""Processes are killed at random while clients work."""

import os
import random
import signal
import time

import pytest

from ...bench.processes import children
from ..conftest import how_many
from ..deployment import Deployment
from ..invariants import violations
from ..workload import Load, prepare

pytestmark = [pytest.mark.long, pytest.mark.faults]


def test_random_kills_under_load_lose_nothing(deployment: Deployment) -> None:
    deployment.start("serve")
    client, history = prepare(deployment.port)
    deployment.start("worker")
    seed = how_many("SEED", 1)
    chance = random.Random(seed)
    with Load(client, history):
        for _ in range(how_many("KILLS", 10)):
            time.sleep(chance.uniform(0.2, 3))
            chance.choice([kill_worker, kill_api_process, kill_api])(deployment, chance)
        time.sleep(1)
    deployment.settle()
    assert violations(deployment, history) == [], f"the seed was {seed}"
    assert sum(operation.done for operation in history.operations) > 20


def kill_worker(deployment: Deployment, _: random.Random) -> None:
    """Kill the worker; a supervisor starts the next."""
    deployment.kill("worker")
    deployment.start("worker")


def kill_api_process(deployment: Deployment, chance: random.Random) -> None:
    """Kill one of the processes that answer requests; the server starts the next."""
    processes = children(deployment.running["serve"].pid)
    if processes:
        os.kill(chance.choice(processes), signal.SIGKILL)


def kill_api(deployment: Deployment, _: random.Random) -> None:
    """Kill the whole server; a supervisor starts the next."""
    deployment.kill("serve")
    deployment.start("serve", wait=False)
