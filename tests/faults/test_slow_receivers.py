"""A receiver that never answers has a part of a worker's threads, and everything for another one is sent meanwhile."""

import threading

import pytest

from aasim_core.testing.peer import Handler, serving

from ..bench.contestants.aasim import register
from .deployment import Deployment, until
from .killed.test_replay_killed import NAME, happen
from .killed.test_waits_killed import done
from .workload import Client

pytestmark = [pytest.mark.long, pytest.mark.faults]
_EVENTS, _THREADS = 60, 16


def test_who_answers_is_sent_everything_while_another_receiver_hangs(on_sqlite: Deployment) -> None:
    lock, under_way, seen = threading.Lock(), [0], list[int]()

    def hang(handler: Handler) -> None:
        with lock:
            under_way[0] += 1
            seen.append(under_way[0])
        handler.hang_until_the_peer_leaves()
        with lock:
            under_way[0] -= 1

    on_sqlite.more |= {"AASIM_WEBHOOKS__ALLOWED_NETWORKS": '["127.0.0.0/8"]', "AASIM_WORKER__THREADS": str(_THREADS)}
    with serving() as slow, serving() as quick:
        slow.behaviour, quick.behaviour = hang, lambda handler: handler.answer(204, b"")
        on_sqlite.start("serve")
        client = Client(on_sqlite.port, register(on_sqlite.port, NAME))
        for peer in (slow, quick):
            done(client, "POST", "/webhooks", {"url": peer.url, "events": ["core.plugin_switched"]})
        events = happen(on_sqlite, _EVENTS)
        on_sqlite.start("worker")
        until(lambda: {headers["webhook-id"] for headers in quick.headers[:]} == events, "what is for the one who answers")
    assert 1 <= max(seen) <= _THREADS // 4 + 1  # a request that was given up may be noticed a moment after the next one
