"""Workers are killed while a webhook is sent what was held for it: it goes on where it was, and all of it comes."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest

from aasim_core.testing.peer import Peer, serving

from ...bench import processes
from ...bench.contestants.aasim import email, login, register
from ...bench.contestants.handmade import ROOT
from ..conftest import how_many
from ..deployment import Deployment, until
from ..workload import Client
from .test_waits_killed import done

pytestmark = [pytest.mark.long, pytest.mark.faults]
NAME, _PATIENCE = "replayed", 1800
#: Kills of a worker, and how many messages one may have sent that are not written down yet: each of its threads one.
_KILLS, _UNDER_WAY = 3, 16


@pytest.fixture
def receiver() -> Iterator[Peer]:
    """A receiver that takes everything."""
    with serving() as peer:
        peer.behaviour = lambda handler: handler.answer(204, b"")
        yield peer


def happen(deployment: Deployment, count: int) -> set[str]:
    """Let so many events happen; their ids, which are those of the messages."""
    command = [sys.executable, "-m", "tests.bench.webhooks.source", email(NAME), str(count), "0"]
    environment = processes.environment({**deployment.settings, "PYTHONPATH": str(ROOT)})
    return set(json.loads(subprocess.run(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout))


def _ids(receiver: Peer) -> Counter[str]:
    """How often each message came."""
    return Counter(headers["webhook-id"] for headers in receiver.headers[:])


def _has_come(receiver: Peer, part: int) -> bool:
    return len(receiver.bodies) >= part


def test_a_replay_is_gone_on_with_without_a_gap_though_workers_die(deployment: Deployment, receiver: Peer) -> None:
    deployment.more |= {"AASIM_WEBHOOKS__ALLOWED_NETWORKS": '["127.0.0.0/8"]'}
    count = how_many("REPLAYED", 400)
    deployment.start("serve")
    client = Client(deployment.port, register(deployment.port, NAME))
    webhook = done(client, "POST", "/webhooks", {"url": receiver.url, "events": ["core.plugin_switched"]})["id"]
    done(client, "POST", f"/webhooks/{webhook}/toggle", {"status": "disabled"})
    deployment.start("worker")
    events = happen(deployment, count)
    held = "SELECT count(*) FROM webhooks_delivery WHERE status = 'held'"
    until(lambda: deployment.rows(held) == [(count,)], "the holding of all events", _PATIENCE)
    client = Client(deployment.port, login(deployment.port, NAME))
    done(client, "POST", f"/webhooks/{webhook}/toggle", {"status": "active"})
    assert done(client, "POST", f"/webhooks/{webhook}/replay", {"only": "held"})["count"] == count
    for kill in range(_KILLS):
        part = count * (kill + 1) // (_KILLS + 1)
        until(partial(_has_come, receiver, part), "a part of the replay", _PATIENCE)
        deployment.kill("worker")
        deployment.start("worker")
    until(lambda: len(receiver.headers) >= count and events <= _ids(receiver).keys(), "the end of the replay", _PATIENCE)
    deployment.settle(_PATIENCE)
    told = _ids(receiver)
    assert told.keys() == events
    assert sum(told.values()) - count <= _KILLS * _UNDER_WAY
