"""Workers are killed at the n-th write while webhooks are sent what happens, for many n: all of it comes, and in order."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pytest

from aasim_core.testing.peer import Peer, serving

from .. import strace
from ..conftest import how_many
from ..deployment import Deployment, until
from ..workload import Client, prepare
from .test_kill_points import spread, started_worker
from .test_waits_killed import done

pytestmark = [pytest.mark.long, pytest.mark.faults, pytest.mark.usefixtures("needs_strace")]
#: How many teams are changed in each round, and how often.
_TEAMS, _CHANGES = 3, 4


@pytest.fixture
def receiver() -> Iterator[Peer]:
    """A receiver that takes everything."""
    with serving() as peer:
        peer.behaviour = lambda handler: handler.answer(204, b"")
        yield peer


@dataclass
class Office:
    """Somebody who changes teams, of which a webhook is told."""

    deployment: Deployment
    client: Client
    receiver: Peer

    def __post_init__(self) -> None:
        done(self.client, "POST", "/webhooks", {"url": self.receiver.url, "events": ["teams.updated"], "order": "by_subject"})
        names = [f"Team {number}" for number in range(_TEAMS)]
        self._teams = [done(self.client, "POST", "/teams", {"name": name})["id"] for name in names]
        self._revision = 1

    def change(self) -> None:
        """Change each team some times."""
        for _ in range(_CHANGES):
            self._revision += 1
            for team in self._teams:
                done(self.client, "PATCH", f"/teams/{team}", {"description": f"Revision {self._revision}"})

    def told(self) -> Mapping[str, Sequence[int]]:
        """The revisions of each team that the receiver was told of, as they came."""
        found = defaultdict(list)
        for data in [body["data"] for body in self.receiver.bodies]:
            found[data["subject"]["id"]].append(data["subject_revision"])
        return found

    def everything_has_come(self) -> bool:
        """Whether the receiver was told of every change."""
        wanted, told = set(range(2, self._revision + 1)), self.told()
        return all(set(told.get(team, ())) == wanted for team in self._teams)


def test_what_happens_to_a_subject_is_sent_in_order_and_completely_though_workers_die(
    deployment: Deployment, receiver: Peer
) -> None:
    deployment.more |= {"AASIM_WEBHOOKS__ALLOWED_NETWORKS": '["127.0.0.0/8"]'}
    deployment.start("serve")
    office = Office(deployment, prepare(deployment.port)[0], receiver)
    last, killed = writes_of_a_round(office), 0
    for point in spread(how_many("WEBHOOKS", 6), last):
        killed += kill_worker_at(point, office)
        deployment.start("worker")
        until(office.everything_has_come, f"what was not sent at write {point}")
        deployment.kill("worker")
    assert [revisions for revisions in office.told().values() if revisions != sorted(revisions)] == []
    assert killed >= how_many("WEBHOOKS", 6) // 2


def writes_of_a_round(office: Office) -> int:
    """How many writes the busiest thread of a worker makes for one undisturbed round."""
    worker = started_worker(office.deployment)
    with strace.attached([worker], office.deployment.database.folder, "-e", f"trace={strace.WRITES}") as trace:
        office.change()
        until(office.everything_has_come, "the end of an undisturbed round")
    office.deployment.kill("worker")
    return strace.most_calls_of_a_thread(trace)


def kill_worker_at(point: int, office: Office) -> bool:
    """Let a worker work that dies at its `point`-th write; whether it did."""
    worker = started_worker(office.deployment)
    process = office.deployment.running["worker"]
    with strace.attached([worker], office.deployment.database.folder, *strace.killing_at(point)):
        office.change()
        until(lambda: process.poll() is not None or office.everything_has_come(), f"the end at write {point}")
    died = process.poll() is not None
    office.deployment.kill("worker")
    return died
